// The contours of a density on a grid: marching squares, once for each density, then drawn at any zoom.

const LEVELS = [[0.1, 1, 0.6], [0.3, 1.5, 0.8], [0.7, 2.2, 1]]; // share of the highest value, width, strength

/** Which edges (0 top, 1 right, 2 bottom, 3 left) a line crosses, for the corners above the level as four bits. */
const CROSSED = [[], [3, 0], [0, 1], [3, 1], [1, 2], [3, 0, 1, 2], [0, 2], [3, 2], [2, 3], [2, 0], [0, 1, 2, 3], [2, 1], [1, 3], [1, 0], [0, 3], []];

/** Lines of one level through a grid of `side` x `side` values, in units of its nodes. */
function trace(values, side, level) {
  const path = new Path2D();
  const share = (from, to) => (level - from) / (to - from);
  for (let row = 0; row < side - 1; row++) {
    for (let column = 0; column < side - 1; column++) {
      const at = row * side + column;
      const [a, b, c, d] = [values[at], values[at + 1], values[at + side + 1], values[at + side]];
      const edges = CROSSED[(a > level) | ((b > level) << 1) | ((c > level) << 2) | ((d > level) << 3)];
      for (let k = 0; k < edges.length; k++) {
        const [x, y] = [[share(a, b), 0], [1, share(b, c)], [share(d, c), 1], [0, share(a, d)]][edges[k]];
        path[k % 2 ? "lineTo" : "moveTo"](column + x, row + y);
      }
    }
  }
  return path;
}

const traced = new WeakMap(); // values -> paths: a density is traced once, however often it is drawn

/**
 * Draw the contours of `density`: { values, side, low, high }, whose nodes are the centres of side x side cells of
 * the rectangle from low to high, rows along z2. `place` is as in markers.js; `strength` fades what is old.
 */
export function drawContours(context, place, { values, side, low, high }, theme, strength = 1) {
  if (!traced.has(values)) traced.set(values, LEVELS.map(([level]) => trace(values, side, 255 * level)));
  const [across, up] = [place.x(high[0]) - place.x(low[0]), place.y(high[1]) - place.y(low[1])];
  const toPixels = new DOMMatrix([across / side, 0, 0, up / side, place.x(low[0]) + across / side / 2, place.y(low[1]) + up / side / 2]);
  const large = theme.size > 15 ? 1.5 : 1;
  traced.get(values).forEach((unit, index) => {
    const [, width, alpha] = LEVELS[index];
    const path = new Path2D();
    path.addPath(unit, toPixels);
    for (const [colour, more] of [[theme.panel, 2], [theme.exact, 0]]) { // a halo: it stays legible on dots
      context.strokeStyle = colour;
      context.lineWidth = (width + more) * large;
      context.globalAlpha = alpha * strength;
      context.stroke(path);
    }
  });
  context.globalAlpha = 1;
}
