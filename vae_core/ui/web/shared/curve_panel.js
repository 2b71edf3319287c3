// What every panel of curves has: a canvas as sharp as the screen, bounds, lines across, and the step that is looked at.

import { ticks } from "./markers.js";

export const known = (value) => typeof value === "number" && Number.isFinite(value);

/** The canvas at the screen's resolution, cleared: its context in CSS pixels, and its size. */
export function cleared(canvas) {
  const ratio = devicePixelRatio;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

const LASTING = 4; // frames

/** Lowest value and 98th percentile: the peak after a switch may leave the panel, but not for long. Null where there is
 * nothing. `curves`: values of each, null where it is not drawn; `dots`: further values. */
export function seen(curves, dots = []) {
  const values = [...curves.flat(), ...dots].filter(known).sort((a, b) => a - b);
  const lately = curves.map((own) => own.slice(-LASTING)).filter((own) => own.length === LASTING && own.every(known));
  const stays = lately.map((own) => Math.min(...own));
  return values.length ? [values[0], Math.max(values[Math.floor(0.98 * (values.length - 1))], ...stays)] : null;
}

/** Bounds with room above and below; from zero where that is near. */
export function roomy(low, high) {
  const margin = Math.max(0.08 * (high - low), 0.02 * Math.abs(high), 0.05);
  return [low >= 0 && low < margin ? 0 : low - margin, high + margin];
}

/** How values become heights. */
export const heights = ([low, high], top, bottom) => (value) => bottom - ((bottom - top) * (value - low)) / (high - low);

/** A line across with its number for each round value. */
export function drawValues(context, bounds, y, { left, right, top, bottom }, small) {
  context.textAlign = "right";
  for (const [value, text] of ticks(bounds[0], bounds[1], Math.max(bottom - top > 5 * small ? 3 : 2, (bottom - top) / (2.6 * small)))) {
    context.beginPath();
    context.moveTo(left, Math.round(y(value)) + 0.5);
    context.lineTo(right, Math.round(y(value)) + 0.5);
    context.stroke();
    context.fillText(text, left - 5, y(value));
  }
}

/** The step that is looked at. */
export function drawHere(context, at, top, bottom, theme) {
  context.strokeStyle = theme.accent;
  context.lineWidth = 2;
  context.beginPath();
  context.moveTo(at, top);
  context.lineTo(at, bottom);
  context.stroke();
}
