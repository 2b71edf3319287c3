// Messages as the server packs them (`vae_core.run.packing`), for tests.

const BYTES = { uint8: 1, int8: 1, uint16: 2, float16: 2, int32: 4, uint32: 4, float32: 4 };

/** Arrays are given as { dtype, shape, data }, where data is a typed array; halves as the bits of each. */
export function packed(header, arrays) {
  const table = {};
  const chunks = [];
  let offset = 0;
  for (const [name, { dtype, shape, data }] of Object.entries(arrays)) {
    if (data.byteLength !== shape.reduce((product, side) => product * side, 1) * BYTES[dtype]) throw new Error(name);
    table[name] = { dtype, shape, offset };
    const padded = new Uint8Array(Math.ceil(data.byteLength / 8) * 8);
    padded.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    chunks.push(padded);
    offset += padded.length;
  }
  const text = new TextEncoder().encode(JSON.stringify({ ...header, arrays: table }));
  const start = Math.ceil((4 + text.length) / 8) * 8;
  const bytes = new Uint8Array(start + offset);
  new DataView(bytes.buffer).setUint32(0, text.length, true);
  bytes.set(text, 4);
  let at = start;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes.buffer;
}
