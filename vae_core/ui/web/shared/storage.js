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

/** @type {(key: string) => string | null} */
export const kept = (key) => withStorage((storage) => storage.getItem(key), () => memory.get(key) ?? null);

/** @type {(key: string, value: string) => void} */
export const keep = (key, value) => withStorage((storage) => storage.setItem(key, value), () => void memory.set(key, value));

/** @type {(key: string) => void} */
export const drop = (key) => withStorage((storage) => storage.removeItem(key), () => void memory.delete(key));
