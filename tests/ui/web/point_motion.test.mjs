import assert from "node:assert/strict";
import { test } from "node:test";

import { createGlide, createMotion } from "../../../vae_core/ui/web/shared/point_motion.js";

test("what glides goes at an even pace, from where it is", () => {
  const glide = createGlide();
  glide.resize(2);
  glide.target.set([4, -8]);
  glide.start(0, 0);
  assert.equal(glide.advance(0), false); // a jump
  assert.deepEqual([...glide.shown], [4, -8]);
  glide.target.set([8, 0]);
  glide.start(100, 160);
  assert.equal(glide.advance(140), true);
  assert.deepEqual([...glide.shown], [5, -6]);
  glide.target.set([5, 2]);
  glide.start(140, 80); // on the way it turns, from the place where it is
  assert.ok(glide.isMoving(200) && !glide.isMoving(220));
  glide.advance(180);
  assert.deepEqual([...glide.shown], [5, -2]);
  assert.equal(glide.advance(220), false);
  assert.deepEqual([...glide.shown], [5, 2]);
});

test("a picture that began before its points had come shows where they were", () => {
  const glide = createGlide();
  glide.resize(2);
  glide.target.set([4, -8]);
  glide.start(0, 0);
  glide.advance(0);
  glide.target.set([8, 0]);
  glide.start(500, 50);
  assert.equal(glide.advance(300), true); // a busy machine is late with its pictures
  assert.deepEqual([...glide.shown], [4, -8]);
});

const frameOf = (shift) => ({
  chosen: 1, mean: Float32Array.of(0, 0, 1, 1).map((v) => v + shift), z: Float32Array.of(2, 2, 3, 3).map((v) => v + shift),
  scale: Float32Array.of(1, 2, 3, 4), repeats: Float32Array.of(9, 9), shapes: { repeats: [1, 1, 2] },
});
const to = (frame, now, more = {}) => ({ frame, labels: [0, 1], classes: 2, coordinate: "z", arrived: true, parts: 1, still: false, now, ...more });

test("a run's first frame is there at once, the next one is glided to, at most 120 ms long", () => {
  const motion = createMotion();
  motion.aim(to(frameOf(0), 1000));
  assert.equal(motion.advance(1000), false);
  assert.deepEqual([...motion.points], [2, 2, 3, 3]);
  const { mean, scale, repeats, end } = motion.rows;
  assert.deepEqual([mean, scale, repeats, end], [4, 6, 7, 8]);
  assert.deepEqual([...motion.shown.slice(2 * mean)], [1, 1, 3, 3, 3, 4, 9, 9]); // mean, draw, scale and repeats of the chosen one
  motion.aim(to(frameOf(10), 2000));
  assert.ok(motion.advance(2060));
  assert.deepEqual([...motion.points], [7, 7, 8, 8]); // half of the 120 ms
  assert.equal(motion.advance(2120), false);
  assert.deepEqual([...motion.points], [12, 12, 13, 13]);
});

test("another coordinate is glided to in twice the time, and not at all where motion is unwanted", () => {
  const motion = createMotion();
  motion.aim(to(frameOf(0), 0));
  motion.advance(0);
  motion.aim(to(frameOf(0), 1000, { coordinate: "mean", arrived: false }));
  assert.ok(motion.advance(1120));
  assert.deepEqual([...motion.points], [1, 1, 2, 2]);
  motion.aim(to(frameOf(5), 2000, { still: true }));
  assert.equal(motion.advance(2000), false);
  assert.deepEqual([...motion.points], [7, 7, 8, 8]);
});
