// Messages to those who watch a room: compressed, codes as whole numbers, fewer points. Here they become what a run's own stream sends.

import { PIXELS } from "../shared/digit_images.js";
import { unpack } from "../shared/frame_decoding.js";

/** @import { Decoder, Packed, RoomFrame, RoomHistory, RoomProbe } from "../shared/messages.js" */

const NO_CLASS = 255;
const TOP = 65535; // of a code as a whole number

/** @param {Uint8Array<ArrayBuffer>} bytes */
async function inflated(bytes) {
  if (!globalThis.DecompressionStream) throw new Error("This browser cannot unpack the stream: it is older than 2023.");
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

/** A message of a room, as an object. @param {ArrayBuffer} buffer @returns {Promise<any>} */
export async function decodeCompact(buffer) {
  /** @type {Packed & { body: Uint8Array<ArrayBuffer> }} */
  const { kind: _kind, body, shapes: _shapes, ...about } = unpack(buffer);
  const message = unpack(await inflated(body));
  return { ...(WHOLE[message.kind]?.(message) ?? message), ...about };
}

/** Codes from whole numbers, two for each point. @type {(values: ArrayLike<number>, low: number[], high: number[]) => Float32Array} */
export function codesOf(values, low, high) {
  const step = [0, 1].map((axis) => (high[axis] - low[axis]) / TOP);
  return Float32Array.from(values, (value, i) => low[i & 1] + value * step[i & 1]);
}

/** What is known of some rows alone, in a table of all of them. @type {(known: Float32Array, width: number, rows: number, places: number[]) => Float32Array} */
function spread(known, width, rows, places) {
  const whole = new Float32Array(width * rows);
  places.forEach((row, i) => whole.set(known.subarray(width * i, width * (i + 1)), width * row));
  return whole;
}

/** By kind; a message of another kind is whole already. @type {Object<string, (message: any) => object>} */
const WHOLE = {
  /** The last row is the chosen image; the first ones are those of the strip. @param {RoomFrame} message */
  frame(message) {
    const { low, high, shapes, scale, correlation } = message;
    const rows = shapes.mean[0];
    const strip = [...Array(shapes.strip_at_mean[0] - 1).keys(), rows - 1];
    return {
      ...message,
      mean: codesOf(message.mean, low, high),
      z: codesOf(message.z, low, high),
      repeats: codesOf(message.repeats, low, high),
      prior_z: codesOf(message.prior_z, low, high),
      shapes: { ...shapes, repeats: [1, ...shapes.repeats] },
      chosen: rows - 1,
      strip,
      scale: scale && spread(scale, 2, rows, strip),
      correlation: correlation && spread(correlation, 1, rows, strip),
    };
  },
  /** One row more for the chosen image, which is no point of its own: it has no class here, and its pixels come with each frame. @param {RoomProbe} message */
  probe(message) {
    const labels = new Uint8Array(message.labels.length + 1).fill(NO_CLASS);
    labels.set(message.labels);
    const images = new Uint8Array(PIXELS * labels.length);
    images.set(message.strip_images);
    return { kind: "probe", labels, images };
  },
  /** @param {RoomHistory} message */
  history({ names, steps, values, measured_steps: measuredSteps, measured }) {
    const columns = names.map((name, i) => [name, Array.from(values.subarray(i * steps.length, (i + 1) * steps.length))]);
    return {
      kind: "history",
      steps: Array.from(steps),
      metrics: Object.fromEntries(columns),
      measured: { steps: Array.from(measuredSteps), log_marginal: Array.from(measured) },
    };
  },
  /** @param {Decoder & Object<string, any>} message */
  decoder(message) {
    for (const name of Object.keys(message.shapes).filter((name) => message[`factor_${name}`])) {
      const [, width] = message.shapes[name];
      const factors = message[`factor_${name}`];
      message[name] = weightsOf(message[name], factors, width);
    }
    return message;
  },
};

/** Weights from whole numbers, each row with a factor of its own. @type {(values: Int8Array, factors: Float32Array, width: number) => Float32Array} */
export function weightsOf(values, factors, width) {
  return Float32Array.from(values, (value, i) => value * factors[Math.floor(i / width)]);
}
