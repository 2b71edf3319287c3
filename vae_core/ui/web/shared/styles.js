// Style sheets for a shadow root: what is drawn before they are there would have no colours.

/**
 * Resolves when all are there. `names` are of files below web/; the last one comes first in the cascade.
 *
 * @param {HTMLElement | ShadowRoot} parent
 * @param {...string} names
 */
export function loadStyles(parent, ...names) {
  return Promise.all(names.map((name) => new Promise((resolve) => {
    const link = document.createElement("link");
    Object.assign(link, { rel: "stylesheet", href: new URL(`../${name}`, import.meta.url).href, onload: resolve, onerror: resolve });
    parent.prepend(link);
  })));
}
