// Curves of all runs on common axes, one colour for each run, and the table of measures at the shown step.

import { isLive } from "../shared/store.js";
import { cleared, drawHere, drawValues, heights, known, roomy, seen } from "../shared/curve_panel.js";
import { haloText, signed, ticks } from "../shared/markers.js";

export const MEASURES = [
  { id: "reconstruction", name: "reconstruction", title: "reconstruction", sign: 1 },
  { id: "mean", name: "reconstruction_at_mean", title: "at the mean", sign: 1 },
  { id: "kl", name: "kl", title: "KL", sign: 1 },
  { id: "elbo", name: "elbo", title: "−ELBO", sign: -1 },
];

/** Low and high of what is worth seeing of all runs: the first steep fall may leave the panel. */
function extent(histories, { name, sign }) {
  let [low, high] = [Infinity, -Infinity];
  for (const { steps, metrics } of histories) {
    const column = metrics[name] ?? [];
    const values = [];
    for (let i = Math.floor(steps.length * 0.06); i < steps.length; i++) values.push(known(column[i]) ? sign * column[i] : null);
    const own = seen([values]);
    if (own) [low, high] = [Math.min(low, own[0]), Math.max(high, own[1])];
  }
  return low > high ? null : roomy(low, high);
}

function drawPanel(canvas, measure, runs, shownStep, theme) {
  const { context, width, height } = cleared(canvas);
  const histories = runs.map(({ history }) => history);
  const bounds = extent(histories, measure);
  if (!bounds || width < 40) return;
  const small = theme.size;
  const [left, right, top, bottom] = [2.9 * small, width - 1.2 * small, 4, height - small - 4];
  const last = Math.max(50, ...histories.map(({ steps }) => steps.at(-1) ?? 0));
  const x = (step) => left + ((right - left) * step) / last;
  const y = heights(bounds, top, bottom);
  context.font = `${small}px ${theme.font}`;
  context.textBaseline = "middle";
  context.lineWidth = 1;
  context.strokeStyle = theme.line;
  context.fillStyle = theme.faint;
  drawValues(context, bounds, y, { left, right, top, bottom }, small);
  context.textAlign = "center";
  for (const [value] of ticks(0, last, Math.max(3, (right - left) / (6 * small)))) {
    context.fillText(value.toLocaleString("en"), Math.max(x(value), left), bottom + small * 0.8);
  }
  context.save();
  context.beginPath();
  context.rect(left, top - 2, width - left, bottom - top + 4);
  context.clip();
  const ends = runs.map((run) => drawRun(context, run, measure, x, y, theme)); // no number hides a line drawn later
  ends.forEach((end, index) => end && haloText(context, String(index + 1), end[0] + 0.6 * small, end[1], runs[index].colour, theme.panel));
  context.restore();
  if (shownStep !== null) drawHere(context, x(shownStep), top, bottom, theme);
}

/** A run's line and its events as ticks on it; where it ends, or null if it has no value. */
function drawRun(context, { history, events, colour }, { name, sign }, x, y, theme) {
  const { steps } = history;
  const column = history.metrics[name] ?? [];
  context.strokeStyle = context.fillStyle = colour;
  context.lineWidth = theme.size > 15 ? 3 : 2;
  context.lineJoin = "round";
  context.beginPath();
  let end = null;
  let broken = true;
  const stride = Math.max(1, Math.floor(steps.length / 600));
  const draw = (i) => {
    if (known(column[i])) {
      end = [x(steps[i]), y(sign * column[i])];
      context[broken ? "moveTo" : "lineTo"](...end);
    }
    broken = !known(column[i]);
  };
  for (let i = 0; i < steps.length - 1; i += stride) draw(i);
  if (steps.length) draw(steps.length - 1);
  context.stroke();
  for (const { step } of events) {
    const i = steps.findIndex((other) => other >= step);
    if (i < 0 || !known(column[i])) continue;
    context.beginPath();
    context.arc(x(step), y(sign * column[i]), 4, 0, 2 * Math.PI);
    context.fill();
  }
  return end;
}

/** "145.20" and how far it is from the first run's, "+1.30". */
export function cells(metrics, { name, sign }, first) {
  if (!known(metrics?.[name])) return ["—", ""];
  const value = sign * metrics[name];
  const digits = Math.abs(value) < 100 ? 2 : 1;
  const from = known(first?.[name]) ? value - sign * first[name] : null;
  const difference = from === null || first === metrics ? "" : `${from > 0 ? "+" : ""}${signed(from, digits)}`;
  return [signed(value, digits), difference];
}

export function createMeasured(root, master) {
  const panels = ["reconstruction", "kl", "elbo"].map((id) => {
    const panel = root.querySelector(`[data-testid=curve-${id}]`);
    return { measure: MEASURES.find((one) => one.id === id), canvas: panel.querySelector("canvas"), note: panel.querySelector("em") };
  });
  const table = root.querySelector("[data-testid=measures]");
  const write = (element, html) => {
    if (element.dataset.html !== html) element.innerHTML = element.dataset.html = html;
  };

  return {
    /** `runs`: { history, events, colour, frame } of each column. */
    draw(runs, theme) {
      const shown = isLive(master) ? null : master.view.scrub;
      for (const { measure, canvas, note } of panels) {
        drawPanel(canvas, measure, runs, shown, theme);
        const without = runs.flatMap(({ frame }, index) => (frame && !known(frame.metrics[measure.name]) ? [index + 1] : []));
        const text = without.length ? `not defined: ${without.join(", ")}` : "";
        if (note.textContent !== text) note.textContent = text;
      }
      const titles = MEASURES.map(({ title }) => `<th scope="col">${title}</th>`).join("");
      write(table.tHead, `<tr><th scope="col"><small>nats</small></th>${titles}</tr>`);
      const rows = runs.map(({ frame, colour }, index) => {
        const values = MEASURES.map((measure) => {
          const [value, difference] = cells(frame?.metrics, measure, runs[0].frame?.metrics);
          return `<td>${value === "—" ? '<span title="not defined for this rule">—</span>' : `<b>${value}</b>`} <small>${difference}</small></td>`;
        });
        return `<tr><th scope="row" style="--run: ${colour}"><b class="nth">${index + 1}</b></th>${values.join("")}</tr>`;
      });
      write(table.tBodies[0], rows.join(""));
    },
  };
}
