// All that the screen depends on, in one object; everything else on the page is derived from it.

export const HOME = { x: 0, y: 0, half: 4 }; // the plane's default view: [-4, 4] on both axes

export const createStore = () => ({
  hello: null, // rules, recipe, classes: fixed for a run
  probe: null, // labels of the points
  images: null, // pixels of the points
  history: { steps: [], metrics: {} },
  state: null, // the run's controls, as the server knows them
  frame: null, // the frame that is shown
  decoder: null, // { step, decode }
  exact: null, // the newest exact measures, or those of the past that is shown
  marginals: { steps: [], values: [] }, // exact log p(x), at the steps at which it was measured
  connected: false,
  view: {
    range: { ...HOME },
    follow: false, // widen the range to hold all codes
    coordinate: "z", // or "mean"
    marks: "dots", // or "digits"
    ellipses: false,
    posterior: false, // the true one of the chosen image
    repeats: false,
    isolated: null, // class
    highlighted: null, // class
    pin: null, // { index } of a point, or { x, y } of a place
    cursor: null, // { x, y } in latent coordinates
    ring: null, // { x, y } of a hovered sample
    kl: "total",
    projector: false,
    scrub: null, // step of the recorded frame that is asked for; null is live
    lastNoise: 1, // what the switch goes back to
    watching: false, // the run is another's
  },
});

export const ruleOf = ({ hello, state }) => hello?.rules.find(({ name }) => name === state?.rule) ?? null;

/** Whether the knobs have such values. */
export const holds = (when, knobs) => Object.entries(when).every(([name, values]) => values.includes(knobs[name]));

/** Whether the rule, with its present knobs, uses ε at all. */
export function hasNoise(store) {
  const rule = ruleOf(store);
  return Boolean(rule?.noisy) && holds(rule.noise_when, store.state.knobs);
}

export const chosenOf = ({ frame }) => frame?.chosen ?? null;

export const isLive = ({ view }) => view.scrub === null;

/** The layers of the encoder, from pixels to the plane, and of the decoder, back again. */
export const layersOf = ({ hello }) => [
  [784, ...hello.encoder, 2],
  [2, ...hello.recipe.hidden.toReversed(), 784],
];

/** Events as [event, position], leaving out those that another follows within `least`: a drag leaves one mark. */
export function landmarks(events, positionOf, least) {
  const kept = [];
  for (const event of events.toReversed()) {
    const position = positionOf(event.step);
    if (!kept.length || kept[0][1] - position >= least) kept.unshift([event, position]);
  }
  return kept;
}

const LONGEST_HISTORY = 4000;

/** Add a live frame's metrics; beyond a length that no screen can show, keep every second entry. */
export function remember(history, { step, metrics }) {
  const { steps } = history;
  if (steps.length && step < steps.at(-1)) return;
  const at = step === steps.at(-1) ? steps.length - 1 : steps.length;
  steps[at] = step;
  for (const [name, value] of Object.entries(metrics)) (history.metrics[name] ??= Array(at).fill(null))[at] = value;
  if (steps.length <= LONGEST_HISTORY) return;
  const thin = (values) => values.filter((_, index) => index % 2 === 0 || index === values.length - 1);
  history.steps = thin(steps);
  for (const name of Object.keys(history.metrics)) history.metrics[name] = thin(history.metrics[name]);
}

const settings = ({ rule, noise, knobs }) => JSON.stringify([rule, noise, knobs]);

/** The exact measures that belong to the shown frame: of its step, or the last ones before it under the same settings. */
export function exactOf(store) {
  const { exact, frame } = store;
  if (!exact || !frame || settings(exact) !== settings(frame)) return null;
  return isLive(store) || exact.step <= frame.step ? exact : null;
}

/** Whether measures are so much older than the frame, or soon will be, that the screen should say so. */
export function isBehind({ frame, state, marginals: { steps }, ...store }, { step }) {
  const between = isLive(store) && state?.playing && steps.length > 1 ? steps.at(-1) - steps.at(-2) : 0;
  return Boolean(frame) && Math.max(frame.step - step, between) > 0.05 * frame.step;
}

/** Add exact log p(x) at a step; a later one of the same step takes its place. */
export function rememberExact({ marginals: { steps, values } }, { step, log_marginal: value }) {
  let at = steps.length;
  while (at > 0 && steps[at - 1] >= step) at--;
  const replaced = steps[at] === step ? 1 : 0;
  steps.splice(at, replaced, step);
  values.splice(at, replaced, value);
}

/** The true posterior of the chosen image as a density on a grid, if it is known. */
export function posteriorOf(store) {
  const exact = exactOf(store);
  if (!exact?.posterior || exact.index !== (store.frame?.number ?? store.frame?.chosen)) return null; // where fewer points are shown, the chosen one has another place
  return { values: exact.posterior, side: exact.shapes.posterior[0], low: exact.low, high: exact.high, step: exact.step };
}

/** The largest standard deviation over the repeated encodings of the chosen image. */
export function repeatsSpread({ frame }) {
  if (!frame?.repeats) return null;
  const [, count] = frame.shapes.repeats;
  const last = frame.repeats.subarray(frame.repeats.length - 2 * count);
  const deviation = (axis) => {
    let sum = 0;
    let squares = 0;
    for (let i = axis; i < last.length; i += 2) sum += last[i];
    for (let i = axis; i < last.length; i += 2) squares += (last[i] - sum / count) ** 2;
    return Math.sqrt(squares / count);
  };
  return Math.max(deviation(0), deviation(1));
}
