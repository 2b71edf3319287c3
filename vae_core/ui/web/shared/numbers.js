// Numbers as the screen writes them, and the round ones between two bounds.

const MINUS = "\u2212";

/** @type {(value: number, digits: number) => string} */
export const signed = (value, digits) => (Math.abs(value) < 0.5 * 10 ** -digits ? 0 : value).toFixed(digits).replace("-", MINUS);

/**
 * @param {unknown} value
 * @returns {value is number}
 */
export const known = (value) => typeof value === "number" && Number.isFinite(value);

/** @type {(span: number, count: number) => number} */
const niceStep = (span, count) => {
  const raw = span / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  return power * ([1, 2, 5].find((step) => step * power >= raw) ?? 10);
};

/**
 * Round ticks that cover [low, high], each with its text.
 *
 * @param {number} low
 * @param {number} high
 * @param {number} count
 */
export function ticks(low, high, count) {
  const step = niceStep(high - low, count);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  /** @type {[number, string][]} */
  const values = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) {
    values.push([k * step + 0, signed(k * step, digits)]); // + 0 turns -0 into 0
  }
  return values;
}
