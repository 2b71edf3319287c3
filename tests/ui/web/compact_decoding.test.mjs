import assert from "node:assert/strict";
import { deflateSync } from "node:zlib";
import { test } from "node:test";

import { packed } from "./packing.mjs";
import { codesOf, decodeCompact, weightsOf } from "../../../vae_core/ui/web/room/compact_decoding.js";

const enveloped = (body, about = {}) => {
  const data = new Uint8Array(deflateSync(new Uint8Array(body)));
  return packed({ kind: "packed", ...about }, { body: { dtype: "uint8", shape: [data.length], data } });
};

test("codes are whole numbers over their range, each axis with its own", () => {
  const codes = codesOf(Uint16Array.of(0, 0, 65535, 65535, 32768, 13107), [-2, 10], [2, 20]);
  assert.deepEqual([...codes.slice(0, 4)], [-2, 10, 2, 20]);
  assert.ok(Math.abs(codes[4]) < 1e-4 && Math.abs(codes[5] - 12) < 1e-5);
});

test("each row of a decoder's weights has a factor of its own", () => {
  assert.deepEqual([...weightsOf(Int8Array.of(1, -2, 63, 0), Float32Array.of(0.5, 2), 2)], [0.5, -1, 126, 0]);
});

test("a frame of a room becomes one of a run, with the chosen image as its last row", async () => {
  const codes = { dtype: "uint16", shape: [3, 2], data: Uint16Array.of(0, 65535, 65535, 0, 0, 0) };
  const picture = { dtype: "uint8", shape: [2, 28, 28], data: new Uint8Array(2 * 784) };
  const frame = await decodeCompact(enveloped(packed({ kind: "frame", step: 7, low: [0, 0], high: [1, 2] }, {
    mean: codes, z: codes, prior_z: codes, repeats: { ...codes, shape: [3, 2] },
    scale: { dtype: "float16", shape: [2, 2], data: Uint16Array.of(0x3c00, 0x4000, 0x3800, 0x3c00) },
    strip_at_mean: picture, strip_at_draw: picture,
  }), { weights: 5, seconds: 3 }));
  assert.equal(frame.kind, "frame");
  assert.deepEqual([frame.step, frame.weights, frame.seconds, frame.chosen], [7, 5, 3, 2]);
  assert.deepEqual(frame.strip, [0, 2]);
  assert.deepEqual([...frame.mean], [0, 2, 1, 0, 0, 0]);
  assert.deepEqual([...frame.scale], [1, 2, 0, 0, 0.5, 1]); // of the strip and the chosen one
  assert.equal(frame.correlation, undefined);
  assert.deepEqual(frame.shapes.repeats, [1, 3, 2]);
});

test("points of a room have the strip's images first, and one row more", async () => {
  const probe = await decodeCompact(enveloped(packed({ kind: "probe" }, {
    labels: { dtype: "uint8", shape: [2], data: Uint8Array.of(4, 9) },
    strip_images: { dtype: "uint8", shape: [1, 28, 28], data: new Uint8Array(784).fill(17) },
  })));
  assert.deepEqual([...probe.labels], [4, 9, 255]);
  assert.equal(probe.images.length, 3 * 784);
  assert.deepEqual([probe.images[783], probe.images[784]], [17, 0]);
});

test("a history is one row for each name", async () => {
  const history = await decodeCompact(enveloped(packed({ kind: "history", names: ["kl", "elbo"] }, {
    steps: { dtype: "int32", shape: [2], data: Int32Array.of(1, 5) },
    values: { dtype: "float32", shape: [2, 2], data: Float32Array.of(3, 4, NaN, -100) },
    measured_steps: { dtype: "int32", shape: [1], data: Int32Array.of(5) },
    measured: { dtype: "float32", shape: [1], data: Float32Array.of(-90) },
  })));
  assert.deepEqual(history.steps, [1, 5]);
  assert.deepEqual(history.metrics, { kl: [3, 4], elbo: [NaN, -100] });
  assert.deepEqual(history.measured, { steps: [5], log_marginal: [-90] });
});
