// All that the screen depends on, in one object; everything else on the page is derived from it.

import { HOME } from "./plane_geometry.js";

/** @import { Columns, Exact, Frame, Hello, Knob, Note, Rule } from "./messages.js" */
/** @import { Range } from "./plane_geometry.js" */

/**
 * @typedef {Frame & { recorded: boolean, number?: number, label?: number, input?: Uint8Array, weights?: number,
 *   seconds?: number }} ShownFrame
 * A frame of the run itself, or of a room, where fewer points are shown: then with the chosen image's own number,
 * class and pixels, the step whose decoder is on offer, and the run's time.
 */

/** @typedef {Object<string, boolean | number | string>} Knobs */
/** @typedef {{ rule: string, noise: number, knobs: Knobs }} Settings */
/** @typedef {Partial<Settings>} Changes */
/** @typedef {{ steps: number[], values: number[] }} Marginals Exact log p(x), at the steps at which it was measured. */
/** @typedef {{ values: Uint8Array, side: number, low: ArrayLike<number>, high: ArrayLike<number>, step: number }} Density */
/** @typedef {{ x: number, y: number }} Spot A place in the plane. */
/** @typedef {{ step: number, label: string }} Landmark */

/**
 * @typedef {Object} Controls What the controls of a run, of a comparison or of one of its columns show.
 * @property {string} rule
 * @property {number} noise
 * @property {Knobs} knobs
 * @property {number} step
 * @property {string} status
 * @property {Note | null} [message]
 * @property {Landmark[]} events
 * @property {boolean} [playing]
 * @property {number} [speed]
 * @property {number[]} [kept]
 * @property {number} [epoch]
 * @property {number} [seconds]
 * @property {string} [link]
 * @property {number | null} [recorded]
 * @property {{ runs: number, workers: number } | null} [crowd]
 * @property {string} [title]
 */

/**
 * @typedef {Object} Known What is fixed for a run, as far as the screen needs it.
 * @property {Rule[]} rules
 * @property {string[]} classes
 * @property {Object<string, any>} recipe
 * @property {number[]} [encoder]
 */

/**
 * @typedef {Object} View
 * @property {Range} range
 * @property {boolean} follow widen the range to hold all codes
 * @property {"z" | "mean"} coordinate
 * @property {"dots" | "digits"} marks
 * @property {boolean} ellipses
 * @property {boolean} posterior the true one of the chosen image
 * @property {boolean} repeats
 * @property {number | null} isolated class
 * @property {number | null} highlighted class
 * @property {{ index: number } | (Spot & { index?: undefined }) | null} pin of a point, or of a place
 * @property {Spot | null} cursor in latent coordinates
 * @property {Spot | null} ring around a hovered sample
 * @property {"total" | "dimensions" | "parts"} kl
 * @property {boolean} projector
 * @property {number | null} scrub step of the recorded frame that is asked for; null is live
 * @property {number} lastNoise what the switch goes back to
 * @property {boolean} watching the run is another's
 */

/**
 * @typedef {Object} Store
 * @property {Known | null} hello rules, recipe, classes: fixed for a run
 * @property {{ labels: Uint8Array } | null} probe labels of the points
 * @property {Uint8Array | null} images pixels of the points
 * @property {Columns} history
 * @property {Controls | null} state the run's controls, as the server knows them
 * @property {ShownFrame | null} frame the frame that is shown
 * @property {{ step: number, decode: (z1: number, z2: number) => Uint8ClampedArray } | null} decoder
 * @property {Exact | null} exact the newest exact measures, or those of the past that is shown
 * @property {Marginals} marginals
 * @property {boolean} connected
 * @property {View} view
 */

/** @returns {Store} */
export const createStore = () => ({
  hello: null,
  probe: null,
  images: null,
  history: { steps: [], metrics: {} },
  state: null,
  frame: null,
  decoder: null,
  exact: null,
  marginals: { steps: [], values: [] },
  connected: false,
  view: {
    range: { ...HOME },
    follow: false,
    coordinate: "z",
    marks: "dots",
    ellipses: false,
    posterior: false,
    repeats: false,
    isolated: null,
    highlighted: null,
    pin: null,
    cursor: null,
    ring: null,
    kl: "total",
    projector: false,
    scrub: null,
    lastNoise: 1,
    watching: false,
  },
});

/** @type {(store: Pick<Store, "hello" | "state">) => Rule | null} */
export const ruleOf = ({ hello, state }) => hello?.rules.find(({ name }) => name === state?.rule) ?? null;

/** Whether the knobs have such values. @type {(when: Knob["when"], knobs: Knobs) => boolean} */
export const holds = (when, knobs) => Object.entries(when).every(([name, values]) => values.includes(knobs[name]));

/** Whether the rule, with its present knobs, uses ε at all. @type {(store: Pick<Store, "hello" | "state">) => boolean} */
export function hasNoise(store) {
  const rule = ruleOf(store);
  return Boolean(rule?.noisy && store.state && holds(rule.noise_when, store.state.knobs));
}

/** @type {(store: Pick<Store, "frame">) => number | null} */
export const chosenOf = ({ frame }) => frame?.chosen ?? null;

/** @type {(store: { view: Pick<View, "scrub"> }) => boolean} */
export const isLive = ({ view }) => view.scrub === null;

/** The layers of the encoder, from pixels to the plane, and of the decoder, back again. @type {(hello: Hello) => [number[], number[]]} */
export const layersOf = ({ encoder, recipe }) => [
  [784, ...encoder, 2],
  [2, ...recipe.hidden.toReversed(), 784],
];

/**
 * Events as [event, position], leaving out those that another follows within `least`: a drag leaves one mark.
 *
 * @template {{ step: number }} T
 * @param {T[]} events
 * @param {(step: number) => number} positionOf
 * @param {number} least
 */
export function landmarks(events, positionOf, least) {
  /** @type {[T, number][]} */
  const kept = [];
  for (const event of events.toReversed()) {
    const position = positionOf(event.step);
    if (!kept.length || kept[0][1] - position >= least) kept.unshift([event, position]);
  }
  return kept;
}

const LONGEST_HISTORY = 4000;

/** Add a live frame's metrics; beyond a length that no screen can show, keep every second entry. @type {(history: Columns, frame: Pick<Frame, "step" | "metrics">) => void} */
export function remember(history, { step, metrics }) {
  const { steps } = history;
  const last = steps.at(-1);
  if (last !== undefined && step < last) return;
  const at = step === last ? steps.length - 1 : steps.length;
  steps[at] = step;
  for (const [name, value] of Object.entries(metrics)) (history.metrics[name] ??= Array(at).fill(null))[at] = value;
  if (steps.length <= LONGEST_HISTORY) return;
  /** @template T @param {T[]} values */
  const thin = (values) => values.filter((_, index) => index % 2 === 0 || index === values.length - 1);
  history.steps = thin(steps);
  for (const name of Object.keys(history.metrics)) history.metrics[name] = thin(history.metrics[name]);
}

/** @type {(of: Settings) => string} */
const settings = ({ rule, noise, knobs }) => JSON.stringify([rule, noise, knobs]);

/** The exact measures that belong to the shown frame: of its step, or the last ones before it under the same settings. @type {(store: Store) => Exact | null} */
export function exactOf(store) {
  const { exact, frame } = store;
  if (!exact || !frame || settings(exact) !== settings(frame)) return null;
  return isLive(store) || exact.step <= frame.step ? exact : null;
}

/** Whether measures are so much older than the frame, or soon will be, that the screen should say so. @type {(store: Store, measured: { step: number }) => boolean} */
export function isBehind({ frame, state, marginals: { steps }, view }, { step }) {
  if (!frame) return false;
  const between = isLive({ view }) && state?.playing && steps.length > 1 ? steps[steps.length - 1] - steps[steps.length - 2] : 0;
  return Math.max(frame.step - step, between) > 0.05 * frame.step;
}

/** Add exact log p(x) at a step; a later one of the same step takes its place. @type {(store: Pick<Store, "marginals">, step: number, value: number) => void} */
export function rememberExact({ marginals: { steps, values } }, step, value) {
  let at = steps.length;
  while (at > 0 && steps[at - 1] >= step) at--;
  const replaced = steps[at] === step ? 1 : 0;
  steps.splice(at, replaced, step);
  values.splice(at, replaced, value);
}

/** The true posterior of the chosen image as a density on a grid, if it is known. @type {(store: Store) => Density | null} */
export function posteriorOf(store) {
  const exact = exactOf(store);
  if (!exact?.posterior || !exact.low || !exact.high) return null;
  if (exact.index !== (store.frame?.number ?? store.frame?.chosen)) return null; // where fewer points are shown, the chosen one has another place
  return { values: exact.posterior, side: exact.shapes.posterior[0], low: exact.low, high: exact.high, step: exact.step };
}

/** The largest standard deviation over the repeated encodings of the chosen image. @type {(store: Pick<Store, "frame">) => number | null} */
export function repeatsSpread({ frame }) {
  if (!frame?.repeats) return null;
  const [, count] = frame.shapes.repeats;
  const last = frame.repeats.subarray(frame.repeats.length - 2 * count);
  /** @param {number} axis */
  const deviation = (axis) => {
    let sum = 0;
    let squares = 0;
    for (let i = axis; i < last.length; i += 2) sum += last[i];
    for (let i = axis; i < last.length; i += 2) squares += (last[i] - sum / count) ** 2;
    return Math.sqrt(squares / count);
  };
  return Math.max(deviation(0), deviation(1));
}
