// Three panels of curves over the steps, with the events marked through all of them.

import { exactOf, isBehind, isLive, landmarks } from "../shared/store.js";
import { cleared, drawHere, drawValues, heights, known, roomy, seen } from "../shared/curve_panel.js";
import { signed, ticks } from "../shared/markers.js";

const UNDEFINED = "not defined for this rule";

/** What each panel draws, given the view; `sign` turns the ELBO round, `without` names the curve that takes precedence. */
const PANELS = {
  reconstruction: () => [
    { name: "reconstruction_seen", label: "train", colour: "faint" },
    { name: "reconstruction", label: "draw", colour: "zed" },
    { name: "reconstruction_at_mean", label: "mean", colour: "mu" },
  ],
  kl: ({ kl }) => ({
    total: [{ name: "kl", label: "", colour: "text" }],
    dimensions: [{ name: "kl_1", label: "z₁", colour: "zed" }, { name: "kl_2", label: "z₂", colour: "accent" }],
    parts: [{ name: "kl_mean", label: "μ part", colour: "mu" }, { name: "kl_variance", label: "σ part", colour: "sigma" }],
  })[kl],
  elbo: () => [
    { name: "log_marginal", sign: -1, label: "−log p(x)", colour: "exact", dots: true },
    { name: "elbo", sign: -1, label: "", colour: "text" },
    { name: "objective", label: "objective (no bound)", colour: "text", dashed: true, without: "elbo" },
  ],
};

/** The value of a series at an entry of the history; null where it is not drawn. */
const valueAt = (metrics, { name, sign = 1, without }, index) => {
  const value = metrics[name]?.[index];
  if (!known(value) || (without && known(metrics[without]?.[index]))) return null;
  return sign * value;
};

/** Low and high of what is worth seeing: a run's first steep fall and the peak after a switch may leave the panel. */
function extent(series, { history: { steps, metrics }, marginals }) {
  const early = steps[Math.floor(steps.length * 0.06)];
  const measured = series.some(({ dots }) => dots) ? marginals.values.filter((_, i) => marginals.steps[i] >= early) : [];
  const stride = Math.max(1, Math.floor(steps.length / 600));
  const curves = series.map((one) => {
    const values = [];
    for (let i = Math.floor(steps.length * 0.06); i < steps.length; i += stride) values.push(valueAt(metrics, one, i));
    return values;
  });
  const bounds = seen(curves, measured.map((value) => -value));
  return bounds && roomy(...bounds);
}

function drawPanel(canvas, series, store, theme, { withLabels, isLast }) {
  const { context, width, height } = cleared(canvas);
  const { history, frame, state } = store;
  const { steps, metrics } = history;
  if (steps.length < 1 || width < 40) return;
  const small = theme.size;
  const withSteps = isLast || height > 7.5 * small; // where there is little room, all panels share those of the last
  const [left, right, top, bottom] = [2.9 * small, width - 4, withLabels ? small + 4 : 4, height - (withSteps ? small + 4 : 6)];
  const last = Math.max(steps.at(-1), 50);
  const x = (step) => left + ((right - left) * step) / last;
  const bounds = extent(series, store);
  context.font = `${small}px ${theme.font}`;
  context.textBaseline = "middle";
  context.lineWidth = 1;

  context.strokeStyle = theme.line;
  context.fillStyle = theme.faint;
  const y = bounds && heights(bounds, top, bottom);
  if (bounds) drawValues(context, bounds, y, { left, right, top, bottom }, small);
  context.textAlign = "center";
  if (withSteps) for (const [value] of ticks(0, last, Math.max(3, (right - left) / (6 * small)))) {
    const text = value.toLocaleString("en");
    const half = context.measureText(text).width / 2;
    if (x(value) + half <= right + 4) context.fillText(text, Math.max(x(value), left), bottom + small * 0.8);
  }

  drawEvents(context, state?.events ?? [], x, top, bottom, right, theme, withLabels);
  if (bounds) {
    context.save();
    context.beginPath();
    context.rect(left, top - 2, right - left + 4, bottom - top + 4);
    context.clip();
    for (const one of series) {
      if (one.dots) drawMeasured(context, one, store.marginals, x, y, theme);
      else drawSeries(context, one, history, x, y, theme);
    }
    context.restore();
  }
  if (frame && !isLive(store)) drawHere(context, x(frame.step), top, bottom, theme);
}

function drawEvents(context, events, x, top, bottom, right, theme, withLabels) {
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

function drawSeries(context, series, { steps, metrics }, x, y, theme) {
  context.strokeStyle = theme[series.colour];
  context.lineWidth = theme.size > 15 ? 3 : 2;
  context.lineJoin = "round";
  context.setLineDash(series.dashed ? [6, 4] : []);
  context.beginPath();
  const stride = Math.max(1, Math.floor(steps.length / 700));
  let broken = true;
  for (let i = 0; i < steps.length; i = i + stride < steps.length || i === steps.length - 1 ? i + stride : steps.length - 1) {
    const value = valueAt(metrics, series, i);
    if (value !== null) context[broken ? "moveTo" : "lineTo"](x(steps[i]), y(value));
    broken = value === null;
  }
  context.stroke();
  context.setLineDash([]);
}

/** A dot at each step at which log p(x) was measured, as long as there is room between them. */
function drawMeasured(context, { colour, sign }, { steps, values }, x, y, theme) {
  context.fillStyle = theme[colour];
  const radius = theme.size > 15 ? 3.4 : 2.4;
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

/** The numbers of the shown frame, beside the titles; of what was measured at a step before, its name alone. */
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
    const value = sign * metrics[name];
    element.children[index].lastElementChild.textContent = name === before ? "" : signed(value, Math.abs(value) < 100 ? 2 : 1);
  });
}

export function createCurves(root, store, act) {
  const panels = Object.keys(PANELS).map((id) => {
    const panel = root.querySelector(`[data-testid=curve-${id}]`);
    return { id, canvas: panel.querySelector("canvas"), values: panel.querySelector(".values") };
  });
  const kinds = root.querySelectorAll("[data-name=kl] button");
  for (const kind of kinds) kind.onclick = () => act.set({ kl: kind.dataset.value }, "curves");

  return {
    draw(theme) {
      for (const kind of kinds) kind.setAttribute("aria-pressed", kind.dataset.value === store.view.kl);
      panels.forEach(({ id, canvas, values }, index) => {
        const series = PANELS[id](store.view);
        drawPanel(canvas, series, store, theme, { withLabels: index === 0, isLast: index === panels.length - 1 });
        if (!store.frame) return;
        const exact = exactOf(store); // an older log p(x) beside the ELBO of now would seem to lie below its own bound
        writeValues(values, series, { ...store.frame.metrics, log_marginal: exact?.log_marginal }, exact && isBehind(store, exact) && "log_marginal");
      });
    },
  };
}
