// The geometry of the latent plane: what of it is seen, where its points lie on the screen, and which is the nearest.

/** @typedef {{ x: number, y: number, half: number }} Range What is seen: a square around (x, y), `half` to each side. */

/**
 * @typedef {Object} Place From latent coordinates to CSS pixels; low and high are the bounds of what is seen.
 * @property {number} left
 * @property {number} top
 * @property {number} width
 * @property {number} height
 * @property {number} scale pixels of one unit, the same on both axes
 * @property {number} low1
 * @property {number} high1
 * @property {number} low2
 * @property {number} high2
 * @property {(value: number) => number} x
 * @property {(value: number) => number} y
 */

/** The default view: [-4, 4] on both axes. @type {Readonly<Range>} */
export const HOME = { x: 0, y: 0, half: 4 };

const ROOM = 1.06; // around the furthest code
const EASE = 0.18; // of the way to a wider view, in a sixtieth of a second

/**
 * Where a range lies in a field: the same scale on both axes, whatever the field's shape; there is room for the numbers
 * of the axes in type of `size`.
 *
 * @param {{ clientWidth: number, clientHeight: number }} field
 * @param {Range} range
 * @param {number} size
 * @returns {Place}
 */
export function placeOf({ clientWidth, clientHeight }, { x, y, half }, size) {
  const left = 2.1 * size;
  const width = Math.max(1, clientWidth - left - 1); // what leaves the page has no size
  const height = Math.max(1, clientHeight - 1.7 * size - 1);
  const scale = Math.min(width, height) / (2 * half);
  const [middle, centre] = [left + width / 2, 1 + height / 2];
  return {
    left, top: 1, width, height, scale,
    low1: x - width / 2 / scale, high1: x + width / 2 / scale,
    low2: y - height / 2 / scale, high2: y + height / 2 / scale,
    x: (value) => middle + (value - x) * scale,
    y: (value) => centre - (value - y) * scale,
  };
}

/** How far from the middle a code lies on one of the axes. @type {(codes: ArrayLike<number>) => number} */
export function furthest(codes) {
  let most = 0;
  for (let i = 0; i < codes.length; i++) if (Number.isFinite(codes[i])) most = Math.max(most, Math.abs(codes[i]));
  return most;
}

/** Half the width of a view around 0 that holds all codes, never less than the default one. @type {(most: number) => number} */
export const halfFor = (most) => Math.max(HOME.half, ROOM * most);

/**
 * A range on its way to the one around 0 that holds all codes, and whether it is not there yet. `elapsed`: ms since the
 * last picture; Infinity goes there at once.
 *
 * @param {Range} range
 * @param {number} most how far the furthest code lies from 0
 * @param {number} elapsed
 * @returns {{ range: Range, moving: boolean }}
 */
export function widened(range, most, elapsed) {
  const goal = halfFor(most);
  const ease = elapsed === Infinity ? 1 : 1 - (1 - EASE) ** Math.min(6, elapsed / 16.7);
  const moving = Math.abs(goal - range.half) > 0.005 * goal || Math.hypot(range.x, range.y) > 0.01;
  return { range: { x: range.x * (1 - ease), y: range.y * (1 - ease), half: range.half + ease * (goal - range.half) }, moving };
}

/**
 * Index of the point that is nearest to (x, y) and closer than `reach`, or null; `label` looks at one class alone.
 *
 * @param {ArrayLike<number>} points two numbers each
 * @param {ArrayLike<number>} labels
 * @param {{ x: number, y: number }} place
 * @param {number} reach
 * @param {number | null} label
 */
export function nearestPoint(points, labels, { x, y }, reach, label) {
  let best = reach ** 2;
  let found = null;
  for (let i = 0; i < points.length / 2; i++) {
    if (label !== null && labels[i] !== label) continue;
    const distance = (points[2 * i] - x) ** 2 + (points[2 * i + 1] - y) ** 2;
    if (distance < best) [best, found] = [distance, i];
  }
  return found;
}

/**
 * Write the median of each class behind the points that `values` begins with; NaN where a class has no point.
 *
 * @param {Float32Array} values two numbers for each point, then two for each class
 * @param {number} points
 * @param {ArrayLike<number>} labels
 * @param {number} classes
 * @param {Float32Array} [scratch] room for one number of each point
 */
export function setMedians(values, points, labels, classes, scratch = new Float32Array(points)) {
  for (let k = 0; k < classes; k++) {
    for (let axis = 0; axis < 2; axis++) {
      let count = 0;
      for (let i = 0; i < points; i++) if (labels[i] === k) scratch[count++] = values[2 * i + axis];
      const sorted = scratch.subarray(0, count).sort();
      values[2 * (points + k) + axis] = count ? sorted[count >> 1] : NaN;
    }
  }
}

/**
 * Places [x, y] moved apart until each two are `reach` apart or nearly so: where classes overlap, so would their names.
 * Two that change places jump, no others.
 *
 * @param {[number, number][]} places
 * @param {number} reach
 */
export function apart(places, reach) {
  for (let round = 0; round < 6; round++) {
    for (let a = 1; a < places.length; a++) {
      for (let b = 0; b < a; b++) {
        const [right, down] = [places[a][0] - places[b][0], places[a][1] - places[b][1]];
        const distance = Math.hypot(right, down);
        if (distance >= reach || !distance) continue;
        const push = (reach - distance) / (2 * distance);
        places[a] = [places[a][0] + push * right, places[a][1] + push * down];
        places[b] = [places[b][0] - push * right, places[b][1] - push * down];
      }
    }
  }
  return places;
}
