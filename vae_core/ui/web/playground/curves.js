// Three panels of curves over the steps, with the events marked through all of them.

import { drawFrame, drawHere, drawLine, firstShown, inside, roomy, seen, shownOf } from "../shared/curve_panel.js";
import { canvasOf, named, part, press } from "../shared/elements.js";
import { exactOf, isBehind, isLive, landmarks } from "../shared/store.js";
import { known, signed } from "../shared/numbers.js";
import { enlarged } from "../shared/theme.js";

/** @import { Actions } from "../shared/actions.js" */
/** @import { Bounds, Panel } from "../shared/curve_panel.js" */
/** @import { ColourName, Theme } from "../shared/theme.js" */
/** @import { Columns } from "../shared/messages.js" */
/** @import { Landmark, Marginals, Store, View } from "../shared/store.js" */

/**
 * @typedef {Object} Series
 * @property {string} name of the metric
 * @property {string} label
 * @property {ColourName} colour
 * @property {-1} [sign] turns the ELBO round
 * @property {boolean} [dots]
 * @property {boolean} [dashed]
 * @property {string} [without] the curve that takes precedence
 */

const UNDEFINED = "not defined for this rule";
const KINDS = /** @type {const} */ (["total", "dimensions", "parts"]);

/** @type {Record<View["kl"], Series[]>} */
const KL = {
  total: [{ name: "kl", label: "", colour: "text" }],
  dimensions: [{ name: "kl_1", label: "z₁", colour: "zed" }, { name: "kl_2", label: "z₂", colour: "accent" }],
  parts: [{ name: "kl_mean", label: "μ part", colour: "mu" }, { name: "kl_variance", label: "σ part", colour: "sigma" }],
};

/** What each panel draws, given the view. @type {Object<string, (view: View) => Series[]>} */
const PANELS = {
  reconstruction: () => [
    { name: "reconstruction_seen", label: "train", colour: "faint" },
    { name: "reconstruction", label: "draw", colour: "zed" },
    { name: "reconstruction_at_mean", label: "mean", colour: "mu" },
  ],
  kl: ({ kl }) => KL[kl],
  elbo: () => [
    { name: "log_marginal", sign: -1, label: "−log p(x)", colour: "exact", dots: true },
    { name: "elbo", sign: -1, label: "", colour: "text" },
    { name: "objective", label: "objective (no bound)", colour: "text", dashed: true, without: "elbo" },
  ],
};

/** The values of a series; null where it is not drawn. @type {(metrics: Columns["metrics"], series: Series) => (index: number) => number | null} */
const valuesOf = (metrics, { name, sign = 1, without }) => (index) => {
  const value = metrics[name]?.[index];
  if (!known(value) || (without && known(metrics[without]?.[index]))) return null;
  return sign * value;
};

/** Low and high of what is worth seeing: a run's first steep fall and the peak after a switch may leave the panel. @type {(series: Series[], store: Store) => Bounds | null} */
function extent(series, { history: { steps, metrics }, marginals }) {
  const early = steps[firstShown(steps.length)];
  const measured = series.some(({ dots }) => dots) ? marginals.values.filter((_, i) => marginals.steps[i] >= early) : [];
  const stride = Math.max(1, Math.floor(steps.length / 600));
  const curves = series.map((one) => shownOf(valuesOf(metrics, one), steps.length, stride));
  const bounds = seen(curves, measured.map((value) => -value));
  return bounds && roomy(bounds);
}

/** @type {(canvas: HTMLCanvasElement, series: Series[], store: Store, theme: Theme, place: { withLabels: boolean, isLast: boolean }) => void} */
function drawPanel(canvas, series, store, theme, { withLabels, isLast }) {
  const { history, marginals, frame, state } = store;
  const { steps, metrics } = history;
  const bounds = extent(series, store);
  const panel = drawFrame(canvas, bounds, steps.at(-1) ?? 0, theme, {
    top: withLabels ? theme.size + 4 : 4,
    withSteps: (height) => steps.length > 0 && (isLast || height > 7.5 * theme.size), // where there is little room, all panels share those of the last
    whole: true,
  });
  if (!panel || !steps.length) return;
  drawEvents(panel, state?.events ?? [], theme, withLabels);
  if (bounds) inside(panel, () => {
    for (const one of series) {
      if (one.dots) drawMeasured(panel, one, marginals, theme);
      else {
        panel.context.setLineDash(one.dashed ? [6, 4] : []);
        drawLine(panel, steps, valuesOf(metrics, one), theme[one.colour], theme);
        panel.context.setLineDash([]);
      }
    }
  });
  if (frame && !isLive(store)) drawHere(panel, frame.step, theme);
}

/** @type {(panel: Panel, events: Landmark[], theme: Theme, withLabels: boolean) => void} */
function drawEvents({ context, x, top, bottom, right }, events, theme, withLabels) {
  context.strokeStyle = theme.eps;
  context.fillStyle = theme.eps;
  context.textAlign = "left";
  context.lineWidth = 1;
  let free = right + 4; // labels from the last event backwards, as long as there is room
  for (const [{ label }, position] of landmarks(events, x, 8).reverse()) {
    const at = Math.round(position) + 0.5;
    context.beginPath();
    context.moveTo(at, top - 2);
    context.lineTo(at, bottom);
    context.stroke();
    if (!withLabels) continue;
    const width = context.measureText(label).width;
    const start = Math.min(at, right - width);
    if (start + width > free) continue;
    context.fillText(label, start, top - theme.size * 0.5 - 2);
    free = start - 8;
  }
}

/** A dot at each step at which log p(x) was measured, as long as there is room between them. @type {(panel: Panel, series: Series, marginals: Marginals, theme: Theme) => void} */
function drawMeasured({ context, x, y }, { colour, sign = 1 }, { steps, values }, theme) {
  context.fillStyle = theme[colour];
  const radius = enlarged(theme) > 1 ? 3.4 : 2.4;
  let free = -Infinity;
  for (let i = 0; i < steps.length; i++) {
    const at = x(steps[i]);
    if (at < free && i < steps.length - 1) continue;
    free = at + radius;
    context.beginPath();
    context.arc(at, y(sign * values[i]), radius, 0, 2 * Math.PI);
    context.fill();
  }
}

/** The numbers of the shown frame, beside the titles; of what was measured at a step before, its name alone. @type {(element: HTMLElement, series: Series[], metrics: Object<string, number | null | undefined>, before: string | null) => void} */
function writeValues(element, series, metrics, before) {
  const defined = series.filter(({ name, without }) => known(metrics[name]) && !(without && known(metrics[without])));
  const key = defined.map(({ name }) => name).join() || UNDEFINED;
  if (element.dataset.key !== key) {
    element.dataset.key = key;
    element.innerHTML = defined
      .map(({ name, label, colour, dashed, dots }) => `<span data-series="${name}" class="value ${label ? "" : "plain"} ${dashed ? "dashed" : ""} ${dots ? "dots" : ""}" style="--c: var(--${colour})">${label}<b></b></span>`)
      .join("") || `<em>${UNDEFINED}</em>`;
  }
  defined.forEach(({ name, sign = 1 }, index) => {
    const value = sign * (metrics[name] ?? NaN);
    part(element.children[index], "b").textContent = name === before ? "" : signed(value, Math.abs(value) < 100 ? 2 : 1);
  });
}

/** @type {(root: HTMLElement, store: Store, act: Actions) => { draw: (theme: Theme) => void }} */
export function createCurves(root, store, act) {
  const panels = Object.entries(PANELS).map(([id, seriesOf]) => {
    const panel = named(root, `curve-${id}`);
    return { seriesOf, canvas: canvasOf(panel, "canvas"), values: part(panel, ".values") };
  });
  const kinds = KINDS.map((kind) => {
    const button = part(root, `[data-name=kl] [data-value=${kind}]`);
    button.onclick = () => act.set({ kl: kind }, "curves");
    return { kind, button };
  });

  return {
    draw(theme) {
      for (const { kind, button } of kinds) press(button, kind === store.view.kl);
      panels.forEach(({ seriesOf, canvas, values }, index) => {
        const series = seriesOf(store.view);
        drawPanel(canvas, series, store, theme, { withLabels: index === 0, isLast: index === panels.length - 1 });
        if (!store.frame) return;
        const exact = exactOf(store); // an older log p(x) beside the ELBO of now would seem to lie below its own bound
        const before = exact && isBehind(store, exact) ? "log_marginal" : null;
        writeValues(values, series, { ...store.frame.metrics, log_marginal: exact?.log_marginal }, before);
      });
    },
  };
}
