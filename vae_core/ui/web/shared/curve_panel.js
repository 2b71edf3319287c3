// What every panel of curves has: bounds, a frame with its numbers, lines through what is known, and the step that is looked at.

import { contextOf } from "./elements.js";
import { enlarged } from "./theme.js";
import { known, ticks } from "./numbers.js";

/** @import { Theme } from "./theme.js" */

/** @typedef {[low: number, high: number]} Bounds */
/** @typedef {(index: number) => number | null} Curve The value at an entry of the history; null where it is not drawn. */

/**
 * @typedef {Object} Panel A canvas with axes on it.
 * @property {CanvasRenderingContext2D} context
 * @property {number} left
 * @property {number} right
 * @property {number} top
 * @property {number} bottom
 * @property {(step: number) => number} x
 * @property {(value: number) => number} y
 */

const LASTING = 4; // frames
const EARLY = 0.06; // of a run, whose steep fall may leave the panel
const POINTS = 700; // of a line; more are not told apart
const SHORTEST = 50; // steps of an axis

/** The first entry that counts for the bounds. @type {(length: number) => number} */
export const firstShown = (length) => Math.floor(length * EARLY);

/** The values of a curve that count for the bounds. @type {(curve: Curve, length: number, stride?: number) => (number | null)[]} */
export function shownOf(curve, length, stride = 1) {
  const values = [];
  for (let i = firstShown(length); i < length; i += stride) values.push(curve(i));
  return values;
}

/**
 * Lowest value and 98th percentile: the peak after a switch may leave the panel, but not for long. Null where there is
 * nothing.
 *
 * @param {(number | null)[][]} curves values of each, null where it is not drawn
 * @param {number[]} dots further values
 * @returns {Bounds | null}
 */
export function seen(curves, dots = []) {
  const values = [...curves.flat(), ...dots].filter(known).sort((a, b) => a - b);
  const lately = curves.map((own) => own.slice(-LASTING).filter(known)).filter((own) => own.length === LASTING);
  const stays = lately.map((own) => Math.min(...own));
  return values.length ? [values[0], Math.max(values[Math.floor(0.98 * (values.length - 1))], ...stays)] : null;
}

/** Bounds with room above and below; from zero where that is near. @type {(bounds: Bounds) => Bounds} */
export function roomy([low, high]) {
  const margin = Math.max(0.08 * (high - low), 0.02 * Math.abs(high), 0.05);
  return [low >= 0 && low < margin ? 0 : low - margin, high + margin];
}

/** The canvas at the screen's resolution, cleared: its context in CSS pixels, and its size. @param {HTMLCanvasElement} canvas */
function cleared(canvas) {
  const ratio = devicePixelRatio;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = contextOf(canvas);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/**
 * Clear a canvas and draw its axes; null where there is no room. Without bounds there are steps, but no values.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {Bounds | null} bounds
 * @param {number} last step
 * @param {Theme} theme
 * @param {Object} margins
 * @param {number} [margins.top]
 * @param {number} [margins.right]
 * @param {(height: number) => boolean} [margins.withSteps] whether there are numbers below a panel of this height
 * @param {boolean} [margins.whole] leave out a number that the canvas would cut off
 * @returns {Panel | null}
 */
export function drawFrame(canvas, bounds, last, theme, { top = 4, right: margin = 4, withSteps = () => true, whole = false } = {}) {
  const { context, width, height } = cleared(canvas);
  if (width < 40) return null;
  const { size } = theme;
  const numbered = withSteps(height);
  const [left, right, bottom] = [2.9 * size, width - margin, height - (numbered ? size + 4 : 6)];
  const end = Math.max(last, SHORTEST);
  const [low, high] = bounds ?? [0, 1];
  /** @param {number} step */
  const x = (step) => left + ((right - left) * step) / end;
  /** @param {number} value */
  const y = (value) => bottom - ((bottom - top) * (value - low)) / (high - low);
  context.font = `${size}px ${theme.font}`;
  context.textBaseline = "middle";
  context.lineWidth = 1;
  context.strokeStyle = theme.line;
  context.fillStyle = theme.faint;
  context.textAlign = "right";
  if (bounds) for (const [value, text] of ticks(low, high, Math.max(bottom - top > 5 * size ? 3 : 2, (bottom - top) / (2.6 * size)))) {
    context.beginPath();
    context.moveTo(left, Math.round(y(value)) + 0.5);
    context.lineTo(right, Math.round(y(value)) + 0.5);
    context.stroke();
    context.fillText(text, left - 5, y(value));
  }
  context.textAlign = "center";
  if (numbered) for (const [value] of ticks(0, end, Math.max(3, (right - left) / (6 * size)))) {
    const text = value.toLocaleString("en");
    const fits = !whole || x(value) + context.measureText(text).width / 2 <= width;
    if (fits) context.fillText(text, Math.max(x(value), left), bottom + size * 0.8);
  }
  return { context, left, right, top, bottom, x, y };
}

/** Paint nothing outside the axes, to the canvas's right edge. @type {(panel: Panel, paint: () => void) => void} */
export function inside({ context, left, top, bottom }, paint) {
  context.save();
  context.beginPath();
  context.rect(left, top - 2, context.canvas.clientWidth - left, bottom - top + 4);
  context.clip();
  paint();
  context.restore();
}

/**
 * A line through what is known, with gaps where nothing is; where it ends, or null if there is nothing.
 *
 * @param {Panel} panel
 * @param {number[]} steps
 * @param {Curve} curve
 * @param {string} colour
 * @param {Theme} theme
 * @returns {[number, number] | null}
 */
export function drawLine({ context, x, y }, steps, curve, colour, theme) {
  context.strokeStyle = colour;
  context.lineWidth = enlarged(theme) > 1 ? 3 : 2;
  context.lineJoin = "round";
  context.beginPath();
  const stride = Math.max(1, Math.floor(steps.length / POINTS));
  /** @type {[number, number] | null} */
  let end = null;
  let broken = true;
  /** @param {number} i */
  const go = (i) => {
    const value = curve(i);
    if (value !== null) {
      end = [x(steps[i]), y(value)];
      context[broken ? "moveTo" : "lineTo"](...end);
    }
    broken = value === null;
  };
  for (let i = 0; i < steps.length - 1; i += stride) go(i);
  if (steps.length) go(steps.length - 1);
  context.stroke();
  return end;
}

/** The step that is looked at. @type {(panel: Panel, step: number, theme: Theme) => void} */
export function drawHere({ context, x, top, bottom }, step, theme) {
  context.strokeStyle = theme.accent;
  context.lineWidth = 2;
  context.beginPath();
  context.moveTo(x(step), top);
  context.lineTo(x(step), bottom);
  context.stroke();
}
