// Where the app lives: a proxy may have put it below any path, which only the browser sees.

/** The app's root, ahead of `noise-lab/static/<version>/<folder>/<file>`, where this module is. */
export const ROOT = new URL("../../../../", import.meta.url);

/** An address of the server, which gives it from the root without a slash before. @param {string} path */
export const at = (path) => new URL(path, ROOT);

/** As the address of a socket. @param {string} path */
export function socketAt(path) {
  const url = at(path);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url;
}
