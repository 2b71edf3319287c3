// Curves of all runs on common axes, one colour for each run, and the table of measures at the shown step.

import { canvasOf, named, one, part, write } from "../shared/elements.js";
import { drawFrame, drawHere, drawLine, inside, roomy, seen, shownOf } from "../shared/curve_panel.js";
import { haloText } from "../shared/markers.js";
import { known, signed } from "../shared/numbers.js";

/** @import { Bounds, Curve, Panel } from "../shared/curve_panel.js" */
/** @import { Columns } from "../shared/messages.js" */
/** @import { Landmark, ShownFrame } from "../shared/store.js" */
/** @import { Master } from "./columns.js" */
/** @import { Theme } from "../shared/theme.js" */

/** @typedef {{ id: string, name: string, title: string, sign: 1 | -1 }} Measure */
/** @typedef {{ history: Columns, events: Landmark[], colour: string, frame: ShownFrame | null }} Run One of the columns. */
/** @typedef {Object<string, number | null>} Metrics */

/** @type {Measure[]} */
const MEASURES = [
  { id: "reconstruction", name: "reconstruction", title: "reconstruction", sign: 1 },
  { id: "mean", name: "reconstruction_at_mean", title: "at the mean", sign: 1 },
  { id: "kl", name: "kl", title: "KL", sign: 1 },
  { id: "elbo", name: "elbo", title: "−ELBO", sign: -1 },
];

/** @type {(history: Columns, measure: Measure) => Curve} */
const valuesOf = ({ metrics }, { name, sign }) => (index) => {
  const value = metrics[name]?.[index];
  return known(value) ? sign * value : null;
};

/** Low and high of what is worth seeing of all runs: the first steep fall may leave the panel. @type {(histories: Columns[], measure: Measure) => Bounds | null} */
function extent(histories, measure) {
  const bounds = histories.flatMap((history) => {
    const own = seen([shownOf(valuesOf(history, measure), history.steps.length)]);
    return own ? [own] : [];
  });
  return bounds.length ? roomy([Math.min(...bounds.map(([low]) => low)), Math.max(...bounds.map(([, high]) => high))]) : null;
}

/** @type {(canvas: HTMLCanvasElement, measure: Measure, runs: Run[], shownStep: number | null, theme: Theme) => void} */
function drawPanel(canvas, measure, runs, shownStep, theme) {
  const histories = runs.map(({ history }) => history);
  const bounds = extent(histories, measure);
  const last = Math.max(...histories.map(({ steps }) => steps.at(-1) ?? 0));
  const panel = drawFrame(canvas, bounds, last, theme, { right: 1.2 * theme.size, withSteps: () => Boolean(bounds) });
  if (!panel || !bounds) return;
  inside(panel, () => {
    const ends = runs.map((run) => drawRun(panel, run, measure, theme)); // no number hides a line drawn later
    ends.forEach((end, index) => {
      if (end) haloText(panel.context, String(index + 1), end[0] + 0.6 * theme.size, end[1], runs[index].colour, theme.panel);
    });
  });
  if (shownStep !== null) drawHere(panel, shownStep, theme);
}

/** A run's line and its events as ticks on it; where it ends, or null if it has no value. @type {(panel: Panel, run: Run, measure: Measure, theme: Theme) => [number, number] | null} */
function drawRun(panel, { history, events, colour }, measure, theme) {
  const { context, x, y } = panel;
  const { steps } = history;
  const curve = valuesOf(history, measure);
  const end = drawLine(panel, steps, curve, colour, theme);
  context.fillStyle = colour;
  for (const { step } of events) {
    const value = curve(steps.findIndex((other) => other >= step));
    if (value === null) continue;
    context.beginPath();
    context.arc(x(step), y(value), 4, 0, 2 * Math.PI);
    context.fill();
  }
  return end;
}

/**
 * "145.20" and how far it is from the first run's, "+1.30".
 *
 * @param {Metrics | undefined} metrics
 * @param {Measure} measure
 * @param {Metrics | undefined} first
 * @returns {[value: string, difference: string]}
 */
export function cells(metrics, { name, sign }, first) {
  const own = metrics?.[name];
  if (!known(own)) return ["—", ""];
  const value = sign * own;
  const digits = Math.abs(value) < 100 ? 2 : 1;
  const other = first?.[name];
  if (!known(other) || first === metrics) return [signed(value, digits), ""];
  const from = value - sign * other;
  return [signed(value, digits), `${from > 0 ? "+" : ""}${signed(from, digits)}`];
}

/** @type {(root: HTMLElement, master: Master) => { draw: (runs: Run[], theme: Theme) => void }} */
export function createMeasured(root, master) {
  const panels = MEASURES.filter(({ id }) => id !== "mean").map((measure) => {
    const panel = named(root, `curve-${measure.id}`);
    return { measure, canvas: canvasOf(panel, "canvas"), note: part(panel, "em") };
  });
  const table = one(root, "[data-testid=measures]", HTMLTableElement);
  const [head, body] = ["thead", "tbody"].map((name) => part(table, name));
  /** @type {(element: HTMLElement, html: string) => void} */
  const writeHtml = (element, html) => {
    if (element.dataset.html !== html) element.innerHTML = element.dataset.html = html;
  };

  return {
    draw(runs, theme) {
      for (const { measure, canvas, note } of panels) {
        drawPanel(canvas, measure, runs, master.view.scrub, theme);
        const without = runs.flatMap(({ frame }, index) => (frame && !known(frame.metrics[measure.name]) ? [index + 1] : []));
        write(note, without.length ? `not defined: ${without.join(", ")}` : "");
      }
      const titles = MEASURES.map(({ title }) => `<th scope="col">${title}</th>`).join("");
      writeHtml(head, `<tr><th scope="col"><small>nats</small></th>${titles}</tr>`);
      const rows = runs.map(({ frame, colour }, index) => {
        const values = MEASURES.map((measure) => {
          const [value, difference] = cells(frame?.metrics, measure, runs[0].frame?.metrics);
          return `<td>${value === "—" ? '<span title="not defined for this rule">—</span>' : `<b>${value}</b>`} <small>${difference}</small></td>`;
        });
        return `<tr><th scope="row" style="--run: ${colour}"><b class="nth">${index + 1}</b></th>${values.join("")}</tr>`;
      });
      writeHtml(body, rows.join(""));
    },
  };
}
