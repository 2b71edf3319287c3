// The run's decoder, in the browser: an image for any point of the plane, under the mouse say, within a fraction of a millisecond.

/** @import { Decoder } from "./messages.js" */

/** @type {Object<string, (v: number) => number>} */
const ACTIVATIONS = {
  relu: (v) => (v > 0 ? v : 0),
  silu: (v) => v / (1 + Math.exp(-v)),
  tanh: Math.tanh,
  gelu: (v) => 0.5 * v * (1 + Math.tanh(0.7978845608 * (v + 0.044715 * v * v * v))),
};

/**
 * Turn a "decoder" message into a function (z1, z2) -> 784 bytes; the array is reused by the next call.
 *
 * @param {Decoder & Object<string, any>} message with the arrays w0, b0, w1, …
 * @returns {(z1: number, z2: number) => Uint8ClampedArray}
 */
export function createDecoder({ layers, activation, ...arrays }) {
  const bend = ACTIVATIONS[activation] ?? ACTIVATIONS.relu;
  /** @type {Float32Array[]} */
  const weights = Array.from({ length: layers }, (_, layer) => arrays[`w${layer}`]);
  /** @type {Float32Array[]} */
  const biases = Array.from({ length: layers }, (_, layer) => arrays[`b${layer}`]);
  const values = [new Float32Array(2), ...biases.map((bias) => new Float32Array(bias.length))];
  const logits = values[layers];
  const ink = new Uint8ClampedArray(logits.length);

  return (z1, z2) => {
    values[0][0] = z1;
    values[0][1] = z2;
    for (let layer = 0; layer < layers; layer++) {
      const from = values[layer];
      const to = values[layer + 1];
      const weight = weights[layer];
      const bias = biases[layer];
      const hidden = layer < layers - 1;
      for (let row = 0, at = 0; row < to.length; row++) {
        let sum = bias[row];
        for (let column = 0; column < from.length; column++) sum += weight[at++] * from[column];
        to[row] = hidden ? bend(sum) : sum;
      }
    }
    for (let i = 0; i < ink.length; i++) ink[i] = 255 / (1 + Math.exp(-logits[i]));
    return ink;
  };
}
