// What a tab keeps when it is loaded again. In another site's frame, or a private window, a browser may refuse that: then
// it is kept as long as the page is there.

/** @type {Map<string, string>} */
const memory = new Map();

/** @type {<Result>(use: (storage: Storage) => Result, or: () => Result) => Result} */
function withStorage(use, or) {
  try {
    return use(sessionStorage);
  } catch {
    return or();
  }
}

/** A name that says no more than that two visits are of the same browser. @param {number} bytes */
export function randomName(bytes) {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @type {(key: string) => string | null} */
export const kept = (key) => withStorage((storage) => storage.getItem(key), () => memory.get(key) ?? null);

/** @type {(key: string, value: string) => void} */
export const keep = (key, value) => withStorage((storage) => storage.setItem(key, value), () => void memory.set(key, value));

/** @type {(key: string) => void} */
export const drop = (key) => withStorage((storage) => storage.removeItem(key), () => void memory.delete(key));
