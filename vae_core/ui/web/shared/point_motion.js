// Everything in the plane that glides: one array of targets, one of shown positions, so that dots keep their identity.

import { setMedians } from "./plane_geometry.js";

/** @import { ShownFrame } from "./store.js" */

const SLOWEST = 120; // ms: a glide never lags further behind the run than this

/** Numbers on their way from where they are to a target, all at the same even pace. */
export function createGlide() {
  let [from, target, shown] = [1, 2, 3].map(() => new Float32Array(0));
  let started = 0;
  let duration = 0;

  return {
    /** Where to; to be written into before `start`. */
    get target() { return target; },
    get shown() { return shown; },
    /** Make room for other numbers than before: these have no way behind them. @param {number} length */
    resize(length) {
      [from, target, shown] = [1, 2, 3].map(() => new Float32Array(length));
    },
    /** Set out from what is shown; `lasting` ms, of which 0 is a jump. @type {(now: number, lasting: number) => void} */
    start(now, lasting) {
      from.set(lasting > 0 ? shown : target);
      started = now;
      duration = lasting;
    },
    /** @param {number} now */
    isMoving: (now) => now - started < duration,
    /**
     * Move `shown` to this moment; true while there is further to go. A picture's time is that of its beginning, which
     * on a busy machine lies before the arrival of what it shows: then nothing has moved yet.
     *
     * @param {number} now
     */
    advance(now) {
      const share = duration > 0 ? Math.min(Math.max((now - started) / duration, 0), 1) : 1;
      if (share >= 1) shown.set(target);
      else for (let i = 0; i < shown.length; i++) shown[i] = from[i] + (target[i] - from[i]) * share;
      return share < 1;
    },
  };
}

/**
 * The points of a run and what belongs to its chosen image. Rows, two numbers each: n points, one median per class,
 * then the chosen image's mean, draw, scale and repeats.
 */
export function createMotion() {
  const glide = createGlide();
  let scratch = new Float32Array(0);
  let lastArrival = 0;
  let interval = SLOWEST;
  let rows = { points: 0, medians: 0, mean: 0, draw: 0, scale: 0, repeats: 0, end: 0 };

  /** @type {(points: number, classes: number, repeats: number) => boolean} */
  const layOut = (points, classes, repeats) => {
    const mean = points + classes;
    const next = { points, medians: points, mean, draw: mean + 1, scale: mean + 2, repeats: mean + 3, end: mean + 3 + repeats };
    if (next.medians === rows.medians && next.mean === rows.mean && next.end === rows.end) return false;
    rows = next;
    glide.resize(2 * rows.end);
    scratch = new Float32Array(points);
    return true;
  };

  return {
    get rows() { return rows; },
    get shown() { return glide.shown; },
    get points() { return glide.shown.subarray(0, 2 * rows.points); },
    /** Where the points are on their way to. */
    get goal() { return glide.target.subarray(0, 2 * rows.points); },
    /**
     * Glide towards a frame. `arrived` is true for a new frame, false when only the coordinate shown changed; a point
     * moves again after as many arrivals as there are `parts`.
     *
     * @param {{ frame: ShownFrame, labels: Uint8Array, classes: number, coordinate: "z" | "mean", arrived: boolean,
     *   parts: number, still: boolean, now: number }} to
     */
    aim({ frame, labels, classes, coordinate, arrived, parts, still, now }) {
      const codes = coordinate === "mean" ? frame.mean : frame.z;
      const repeats = frame.repeats ? frame.shapes.repeats[1] : 0;
      const fresh = layOut(codes.length / 2, classes, repeats);
      const { target } = glide;
      target.set(codes);
      setMedians(target, rows.points, labels, classes, scratch);
      const at = 2 * frame.chosen;
      target.set(frame.mean.subarray(at, at + 2), 2 * rows.mean);
      target.set(frame.z.subarray(at, at + 2), 2 * rows.draw);
      if (frame.scale) target.set(frame.scale.subarray(at, at + 2), 2 * rows.scale);
      else target.fill(0, 2 * rows.scale, 2 * rows.scale + 2);
      if (repeats) target.set(frame.repeats.subarray(-2 * repeats), 2 * rows.repeats);
      if (arrived) {
        interval += 0.3 * (Math.min(now - lastArrival, 400) - interval);
        lastArrival = now;
      }
      glide.start(now, fresh || still ? 0 : arrived ? Math.min(parts * interval, SLOWEST) : 2 * SLOWEST);
    },
    /** Move `shown` to this moment; true while there is further to go. @param {number} now */
    advance: (now) => glide.advance(now),
  };
}
