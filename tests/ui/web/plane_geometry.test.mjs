import assert from "node:assert/strict";
import { test } from "node:test";

import { apart, furthest, halfFor, HOME, nearestPoint, placeOf, setMedians, widened } from "../../../vae_core/ui/web/shared/plane_geometry.js";

const near = (value, wanted) => assert.ok(Math.abs(value - wanted) < 1e-9, `${value} is not ${wanted}`);

test("a field shows its range at one scale on both axes, and to the pixel and back is the same place", () => {
  const place = placeOf({ clientWidth: 830, clientHeight: 430 }, { x: 1, y: -2, half: 4 }, 10);
  near(place.scale, Math.min(place.width, place.height) / 8);
  near(place.high2 - place.low2, 8); // the shorter side shows the range, the longer one more
  assert.ok(place.high1 - place.low1 > 8);
  near(place.x(place.low1), place.left);
  near(place.x(place.high1), place.left + place.width);
  near(place.y(place.high2), place.top);
  near((place.low1 + place.high1) / 2, 1);
  near((place.low2 + place.high2) / 2, -2);
  assert.ok(place.y(1) < place.y(0)); // z2 goes up
});

test("a field that has left the page has a place still", () => {
  const place = placeOf({ clientWidth: 0, clientHeight: 0 }, HOME, 14);
  assert.ok(place.width === 1 && place.height === 1 && Number.isFinite(place.x(3)));
});

test("a view widens at the same pace whatever the rate of pictures, and ends", () => {
  const start = { range: { x: 1, y: 0, half: 4 }, moving: true };
  const go = (elapsed, times) => Array.from({ length: times }).reduce(({ range }) => widened(range, 20, elapsed), start);
  near(go(16.7, 1).range.half, 4 + 0.18 * (halfFor(20) - 4));
  near(go(16.7, 4).range.half, go(33.4, 2).range.half);
  near(go(16.7, 4).range.x, go(66.8, 1).range.x);
  assert.deepEqual(widened(start.range, 20, Infinity).range, { x: 0, y: 0, half: 1.06 * 20 });
  assert.ok(go(16.7, 3).moving && !go(16.7, 80).moving);
  assert.equal(halfFor(1), 4); // never less than the view that a plane begins with
});

test("the furthest code counts on either axis, and what is no number does not", () => {
  assert.equal(furthest([1, -7, NaN, 3]), 7);
  assert.equal(furthest([]), 0);
});

test("the nearest point within reach, of one class if asked", () => {
  const points = [0, 0, 1, 0, 1.1, 0];
  const labels = [0, 1, 2];
  assert.equal(nearestPoint(points, labels, { x: 0.9, y: 0 }, 0.5, null), 1);
  assert.equal(nearestPoint(points, labels, { x: 0.9, y: 0 }, 0.5, 2), 2);
  assert.equal(nearestPoint(points, labels, { x: 0.9, y: 0 }, 0.5, 0), null);
  assert.equal(nearestPoint(points, labels, { x: 9, y: 9 }, 0.5, null), null);
});

test("medians of the classes stand behind the points", () => {
  const values = Float32Array.of(5, 1, 1, 2, 3, 9, 7, 7, 0, 0, 0, 0, 0, 0);
  setMedians(values, 4, [0, 0, 0, 2], 3);
  assert.deepEqual([...values.slice(8)], [3, 2, NaN, NaN, 7, 7]);
});

test("names that overlap are moved apart, others stay", () => {
  const [a, b, c] = apart([[0, 0], [1, 0], [50, 0]], 10);
  assert.ok(Math.abs(b[0] - a[0]) > 9.9 && a[1] === 0);
  near((a[0] + b[0]) / 2, 0.5);
  assert.deepEqual(c, [50, 0]);
});
