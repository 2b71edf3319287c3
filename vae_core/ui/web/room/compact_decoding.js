// Messages to those who watch a room: compressed, codes as whole numbers, fewer points. Here they become what a run's own stream sends.

import { unpack } from "../shared/frame_decoding.js";

const PIXELS = 784;
const NO_CLASS = 255;

async function inflated(bytes) {
  if (!globalThis.DecompressionStream) throw new Error("This browser cannot unpack the stream: it is older than 2023.");
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

/** A message of a room, as an object. */
export async function decodeLean(buffer) {
  const { kind, body, shapes, ...about } = unpack(buffer);
  const message = unpack(await inflated(body));
  return { ...(wholes[message.kind]?.(message) ?? message), ...about };
}

const wholes = {
  /** The last row is the chosen image; the first ones are those of the strip. */
  frame(message) {
    const { low, high, shapes } = message;
    const rows = shapes.mean[0];
    const step = [0, 1].map((axis) => (high[axis] - low[axis]) / 65535);
    for (const name of ["mean", "z", "repeats", "prior_z"]) {
      message[name] = Float32Array.from(message[name], (value, i) => low[i & 1] + value * step[i & 1]);
    }
    shapes.repeats = [1, ...shapes.repeats];
    message.chosen = rows - 1;
    message.strip = [...Array(shapes.strip_at_mean[0] - 1).keys(), rows - 1];
    for (const [name, width] of [["scale", 2], ["correlation", 1]]) {
      if (!message[name]) continue;
      const known = message[name];
      message[name] = new Float32Array(width * rows);
      message.strip.forEach((row, i) => message[name].set(known.subarray(width * i, width * (i + 1)), width * row));
    }
    return message;
  },
  /** One row more for the chosen image, which is no point of its own: it has no class here, and its pixels come with each frame. */
  probe(message) {
    const labels = new Uint8Array(message.labels.length + 1).fill(NO_CLASS);
    labels.set(message.labels);
    const images = new Uint8Array(PIXELS * labels.length);
    images.set(message.strip_images);
    return { kind: "probe", labels, images };
  },
  history({ names, steps, values, measured_steps, measured }) {
    const columns = names.map((name, i) => [name, Array.from(values.subarray(i * steps.length, (i + 1) * steps.length))]);
    return {
      kind: "history",
      steps: Array.from(steps),
      metrics: Object.fromEntries(columns),
      measured: { steps: Array.from(measured_steps), log_marginal: Array.from(measured) },
    };
  },
  decoder(message) {
    for (const name of Object.keys(message.shapes).filter((name) => message[`factor_${name}`])) {
      const [, width] = message.shapes[name];
      const factors = message[`factor_${name}`];
      message[name] = Float32Array.from(message[name], (value, i) => value * factors[Math.floor(i / width)]);
    }
    return message;
  },
};
