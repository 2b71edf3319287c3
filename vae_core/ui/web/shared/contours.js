// The contours of a density on a grid: marching squares, once for each density, then drawn at any zoom.

import { enlarged } from "./theme.js";

/** @import { Context } from "./markers.js" */
/** @import { Density } from "./store.js" */
/** @import { Place } from "./plane_geometry.js" */
/** @import { Theme } from "./theme.js" */

const LEVELS = [[0.1, 1, 0.6], [0.3, 1.5, 0.8], [0.7, 2.2, 1]]; // share of the highest value, width, strength

/** Which edges (0 top, 1 right, 2 bottom, 3 left) a line crosses, for the corners above the level as four bits. */
const CROSSED = [[], [3, 0], [0, 1], [3, 1], [1, 2], [3, 0, 1, 2], [0, 2], [3, 2], [2, 3], [2, 0], [0, 1, 2, 3], [2, 1], [1, 3], [1, 0], [0, 3], []];

/** Lines of one level through a grid of `side` x `side` values, in units of its nodes. @type {(values: Uint8Array, side: number, level: number) => Path2D} */
function trace(values, side, level) {
  const path = new Path2D();
  /** @type {(from: number, to: number) => number} */
  const share = (from, to) => (level - from) / (to - from);
  for (let row = 0; row < side - 1; row++) {
    for (let column = 0; column < side - 1; column++) {
      const at = row * side + column;
      const [a, b, c, d] = [values[at], values[at + 1], values[at + side + 1], values[at + side]];
      const edges = CROSSED[Number(a > level) | (Number(b > level) << 1) | (Number(c > level) << 2) | (Number(d > level) << 3)];
      for (let k = 0; k < edges.length; k++) {
        const [x, y] = [[share(a, b), 0], [1, share(b, c)], [share(d, c), 1], [0, share(a, d)]][edges[k]];
        path[k % 2 ? "lineTo" : "moveTo"](column + x, row + y);
      }
    }
  }
  return path;
}

/** @type {WeakMap<Uint8Array, Path2D[]>} */
const traced = new WeakMap(); // values -> paths: a density is traced once, however often it is drawn

/**
 * Draw the contours of `density`: { values, side, low, high }, whose nodes are the centres of side x side cells of
 * the rectangle from low to high, rows along z2; `strength` fades what is old.
 *
 * @param {Context} context
 * @param {Pick<Place, "x" | "y">} place
 * @param {Density} density
 * @param {Theme} theme
 * @param {number} [strength]
 */
export function drawContours(context, place, { values, side, low, high }, theme, strength = 1) {
  const lines = traced.get(values) ?? LEVELS.map(([level]) => trace(values, side, 255 * level));
  traced.set(values, lines);
  const [across, up] = [place.x(high[0]) - place.x(low[0]), place.y(high[1]) - place.y(low[1])];
  const toPixels = new DOMMatrix([across / side, 0, 0, up / side, place.x(low[0]) + across / side / 2, place.y(low[1]) + up / side / 2]);
  const large = enlarged(theme);
  lines.forEach((unit, index) => {
    const [, width, alpha] = LEVELS[index];
    const path = new Path2D();
    path.addPath(unit, toPixels);
    for (const { colour, more } of [{ colour: theme.panel, more: 2 }, { colour: theme.exact, more: 0 }]) { // a halo: it stays legible on dots
      context.strokeStyle = colour;
      context.lineWidth = (width + more) * large;
      context.globalAlpha = alpha * strength;
      context.stroke(path);
    }
  });
  context.globalAlpha = 1;
}
