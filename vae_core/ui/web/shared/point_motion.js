// Everything in the plane that glides: one array of targets, one of shown positions, so that dots keep their identity.
//
// Rows, two numbers each: n points, one median per class, then the chosen image's mean, draw, scale and repeats.

const SLOWEST = 120; // ms: a glide never lags further behind the run than this

export function createMotion() {
  let from = new Float32Array(0);
  let target = new Float32Array(0);
  let shown = new Float32Array(0);
  let scratch = new Float32Array(0);
  let started = 0;
  let duration = 0;
  let lastArrival = 0;
  let interval = SLOWEST;
  let rows = { points: 0, medians: 0, mean: 0, draw: 0, scale: 0, repeats: 0, end: 0 };

  const layOut = (points, classes, repeats) => {
    const medians = points;
    const mean = medians + classes;
    const next = { points, medians, mean, draw: mean + 1, scale: mean + 2, repeats: mean + 3, end: mean + 3 + repeats };
    const same = Object.keys(next).every((key) => next[key] === rows[key]);
    if (same) return false;
    rows = next;
    [from, target, shown] = [1, 2, 3].map(() => new Float32Array(2 * rows.end));
    scratch = new Float32Array(points);
    return true;
  };

  const setMedians = (labels, classes) => {
    for (let k = 0; k < classes; k++) {
      for (let axis = 0; axis < 2; axis++) {
        let count = 0;
        for (let i = 0; i < rows.points; i++) if (labels[i] === k) scratch[count++] = target[2 * i + axis];
        const sorted = scratch.subarray(0, count).sort();
        target[2 * (rows.medians + k) + axis] = count ? sorted[count >> 1] : NaN;
      }
    }
  };

  return {
    get rows() { return rows; },
    get shown() { return shown; },
    get target() { return target; },
    get points() { return shown.subarray(0, 2 * rows.points); },
    /**
     * Glide towards a frame. `arrived` is true for a new frame, false when only the coordinate shown changed; a point
     * moves again after as many arrivals as there are `parts`.
     */
    aim({ frame, labels, classes, coordinate, arrived, parts, still, now }) {
      const codes = coordinate === "mean" ? frame.mean : frame.z;
      const repeats = frame.repeats ? frame.shapes.repeats[1] : 0;
      const fresh = layOut(codes.length / 2, classes, repeats);
      target.set(codes);
      setMedians(labels, classes);
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
      from.set(fresh ? target : shown);
      started = now;
      duration = fresh || still ? 0 : arrived ? Math.min(parts * interval, SLOWEST) : 2 * SLOWEST;
    },
    /** Move `shown` to this moment; true while there is further to go. */
    advance(now) {
      const share = duration > 0 ? Math.min((now - started) / duration, 1) : 1;
      if (share >= 1) shown.set(target);
      else for (let i = 0; i < shown.length; i++) shown[i] = from[i] + (target[i] - from[i]) * share;
      return share < 1;
    },
  };
}
