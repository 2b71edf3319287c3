// The run's decoder, in the browser: an image for any point of the plane within a fraction of a millisecond.

const ACTIVATIONS = {
  relu: (v) => (v > 0 ? v : 0),
  silu: (v) => v / (1 + Math.exp(-v)),
  tanh: Math.tanh,
  gelu: (v) => 0.5 * v * (1 + Math.tanh(0.7978845608 * (v + 0.044715 * v * v * v))),
};

/** Turn a "decoder" message into a function (z1, z2) -> 784 bytes; the array is reused by the next call. */
export function createDecoder({ layers, activation, ...arrays }) {
  const bend = ACTIVATIONS[activation] ?? ACTIVATIONS.relu;
  const weights = Array.from({ length: layers }, (_, layer) => arrays[`w${layer}`]);
  const biases = Array.from({ length: layers }, (_, layer) => arrays[`b${layer}`]);
  const values = [new Float32Array(2), ...biases.map((bias) => new Float32Array(bias.length))];
  const ink = new Uint8ClampedArray(biases.at(-1).length);

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
    const logits = values[layers];
    for (let i = 0; i < ink.length; i++) ink[i] = 255 / (1 + Math.exp(-logits[i]));
    return ink;
  };
}
