// The binary message format: a JSON header, padding, then arrays. One place knows its bytes.

const ARRAYS = { int8: Int8Array, uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array, int32: Int32Array, float32: Float32Array };

/** @typedef {keyof typeof ARRAYS | "float16"} Kind */
/** @typedef {{ dtype: Kind, shape: number[], offset: number }} Entry */

/** @type {Float32Array | undefined} */
let halfTable; // all 65,536 half-precision values, built only where the browser lacks Float16Array

/** A half-precision number from its bits. @param {number} bits */
export function halfToFloat(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** @type {(buffer: ArrayBuffer, length: number) => Float32Array} */
function floatsFromHalves(buffer, length) {
  if (globalThis.Float16Array) return new Float32Array(new Float16Array(buffer, 0, length));
  const table = (halfTable ??= Float32Array.from({ length: 65536 }, (_, bits) => halfToFloat(bits)));
  return Float32Array.from(new Uint16Array(buffer, 0, length), (bits) => table[bits]);
}

/**
 * Header fields, each array under its own name (halves become floats), and `shapes`: one of the messages in messages.js.
 *
 * @param {ArrayBuffer} buffer
 * @returns {any}
 */
export function unpack(buffer) {
  const headerLength = new DataView(buffer).getUint32(0, true);
  const header = new TextDecoder().decode(new Uint8Array(buffer, 4, headerLength));
  const { arrays = {}, ...message } = JSON.parse(header.replace(/\0+$/, ""));
  const start = Math.ceil((4 + headerLength) / 8) * 8;
  message.shapes = {};
  for (const [name, { dtype, shape, offset }] of Object.entries(/** @type {Object<string, Entry>} */ (arrays))) {
    const length = shape.reduce((product, side) => product * side, 1);
    const bytes = length * (dtype === "float16" ? 2 : ARRAYS[dtype].BYTES_PER_ELEMENT);
    const part = buffer.slice(start + offset, start + offset + bytes); // a copy, hence aligned
    message[name] = dtype === "float16" ? floatsFromHalves(part, length) : new ARRAYS[dtype](part);
    message.shapes[name] = shape;
  }
  return message;
}
