import assert from "node:assert/strict";
import { test } from "node:test";

import { bounded, SCALES } from "../../../vae_core/ui/web/shared/knobs.js";
import { cells } from "../../../vae_core/ui/web/comparison/curves.js";
import { createDecoder } from "../../../vae_core/ui/web/shared/hover_decoder.js";
import { inkTable } from "../../../vae_core/ui/web/shared/digit_images.js";
import { roomy, seen } from "../../../vae_core/ui/web/shared/curve_panel.js";
import { shareOf, votesOf } from "../../../vae_core/ui/web/room/poll.js";
import { signed, ticks } from "../../../vae_core/ui/web/shared/numbers.js";

test("numbers have a real minus, and no minus nought", () => {
  assert.deepEqual([signed(-1.25, 1), signed(-0.004, 2), signed(3, 0)], ["−1.3", "0.00", "3"]);
});

test("ticks are round and cover the range", () => {
  assert.deepEqual(ticks(-4, 4, 4).map(([, text]) => text), ["−4", "−2", "0", "2", "4"]);
  assert.deepEqual(ticks(0.1, 0.31, 4).map(([, text]) => text), ["0.10", "0.20", "0.30"].map((text) => text.slice(0, 3)));
});

test("a panel shows a peak only as long as it lasts", () => {
  const peak = Array.from({ length: 200 }, (_, i) => (i === 100 ? 1000 : i / 100));
  assert.ok(seen([peak])[1] < 3);
  assert.equal(seen([[...peak, 900, 900, 900, 900]])[1], 900);
  assert.equal(seen([[null, null]]), null);
  assert.equal(roomy([0.1, 10])[0], 0);
});

test("a logarithmic slider gives back the value that it was given, and 0 at its left end", () => {
  const knob = { min: 0, max: 100, step: 0.01, kind: "float" };
  for (const value of [0.02, 0.5, 20, 100]) {
    assert.ok(Math.abs(SCALES.log.from(SCALES.log.to(value, knob), knob) - value) < 1e-9 * value);
  }
  assert.equal(SCALES.log.from(0, knob), 0);
  assert.deepEqual([bounded(7.126, knob), bounded(700, knob), bounded(2.6, { ...knob, kind: "int" })], [7.13, 100, 3]);
});

test("a table's cell has the value and how far it is from the first run's", () => {
  const elbo = { id: "elbo", name: "elbo", title: "", sign: -1 };
  const first = { elbo: -100 };
  assert.deepEqual(cells({ elbo: -101.5 }, elbo, first), ["101.5", "+1.5"]);
  assert.deepEqual(cells(first, elbo, first), ["100.0", ""]);
  assert.deepEqual(cells({ elbo: null }, elbo, first), ["—", ""]);
});

test("a poll's bars are shares of all votes, and hidden counts have none", () => {
  const poll = { counts: [3, 1, 0], options: ["a", "b", "c"] };
  assert.equal(votesOf(poll), 4);
  assert.deepEqual([0, 1, 2].map((option) => shareOf(poll, option)), [0.75, 0.25, 0]);
  assert.equal(shareOf({ counts: [0, 0] }, 0), 0);
  assert.equal(shareOf({ counts: null }, 0), null);
});

test("the decoder under the mouse computes what its weights say", () => {
  const decode = createDecoder({
    kind: "decoder", step: 1, layers: 2, activation: "relu", shapes: {},
    w0: Float32Array.of(1, 0, 0, -1), b0: Float32Array.of(0, 0), w1: Float32Array.of(2, 1), b1: Float32Array.of(-1),
  });
  const pixel = (logit) => Math.round(255 / (1 + Math.exp(-logit)));
  assert.equal(decode(3, -2)[0], pixel(2 * 3 + 2 - 1));
  assert.equal(decode(-3, 2)[0], pixel(-1)); // both hidden ones are cut off
});

test("ink goes from paper to ink", () => {
  const table = inkTable([255, 255, 255], [0, 0, 0]);
  assert.deepEqual([table[0], table[255]], [0xffffffff, 0xff000000]);
});
