import assert from "node:assert/strict";
import { test } from "node:test";

import { packed } from "./packing.mjs";
import { halfToFloat, unpack } from "../../../vae_core/ui/web/shared/frame_decoding.js";

test("header, arrays and shapes come out as they went in, whatever the header's length", () => {
  for (let length = 0; length < 9; length++) {
    const message = unpack(packed({ kind: "frame", rule: "v".repeat(length) }, {
      labels: { dtype: "uint8", shape: [3], data: Uint8Array.of(1, 2, 255) },
      mean: { dtype: "float32", shape: [1, 2], data: Float32Array.of(-1.5, 0.25) },
      steps: { dtype: "int32", shape: [2], data: Int32Array.of(-7, 1e9) },
    }));
    assert.equal(message.rule.length, length);
    assert.deepEqual([...message.labels], [1, 2, 255]);
    assert.deepEqual(message.mean, Float32Array.of(-1.5, 0.25));
    assert.deepEqual(message.steps, Int32Array.of(-7, 1e9));
    assert.deepEqual(message.shapes, { labels: [3], mean: [1, 2], steps: [2] });
  }
});

const HALVES = [[0x0000, 0], [0x3c00, 1], [0xc000, -2], [0x3555, 0.333251953125], [0x7bff, 65504], [0x0001, 2 ** -24], [0x03ff, 1023 * 2 ** -24], [0xfc00, -Infinity]];

test("half-precision numbers become floats: normal ones, small ones and infinity", () => {
  for (const [bits, value] of HALVES) assert.equal(halfToFloat(bits), value);
  assert.ok(Number.isNaN(halfToFloat(0x7e00)));
  assert.ok(Object.is(halfToFloat(0x8000), -0));
  const data = Uint16Array.from(HALVES, ([bits]) => bits);
  const { scale } = unpack(packed({}, { scale: { dtype: "float16", shape: [HALVES.length], data } }));
  assert.ok(scale instanceof Float32Array);
  assert.deepEqual([...scale], HALVES.map(([, value]) => value));
});
