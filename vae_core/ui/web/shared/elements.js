// Parts of a page by their selectors: one that is not there is a mistake in ours, and said at once.

/**
 * The first element of a kind that a selector finds.
 *
 * @template {Element} T
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new (...args: any[]) => T} kind
 * @returns {T}
 */
export function one(root, selector, kind) {
  const found = root.querySelector(selector);
  if (!(found instanceof kind)) throw new Error(`There is no ${selector} on this page.`);
  return found;
}

/** @type {(root: ParentNode, selector: string) => HTMLElement} */
export const part = (root, selector) => one(root, selector, HTMLElement);

/** By its data-testid. @type {(root: ParentNode, id: string) => HTMLElement} */
export const named = (root, id) => part(root, `[data-testid="${id}"]`);

/** By its data-testid. @type {(root: ParentNode, id: string) => HTMLButtonElement} */
export const buttonOf = (root, id) => one(root, `[data-testid="${id}"]`, HTMLButtonElement);

/** @type {(root: ParentNode, selector: string) => HTMLCanvasElement} */
export const canvasOf = (root, selector) => one(root, selector, HTMLCanvasElement);

/** @type {(canvas: HTMLCanvasElement, settings?: CanvasRenderingContext2DSettings) => CanvasRenderingContext2D} */
export function contextOf(canvas, settings) {
  const context = canvas.getContext("2d", settings);
  if (!context) throw new Error("This browser cannot draw on a canvas.");
  return context;
}

/** @type {(canvas: OffscreenCanvas, settings?: CanvasRenderingContext2DSettings) => OffscreenCanvasRenderingContext2D} */
export function hiddenContextOf(canvas, settings) {
  const context = canvas.getContext("2d", settings);
  if (!context) throw new Error("This browser cannot draw on a canvas that is not shown.");
  return context;
}

/** Write only what differs: a page that is not touched is not laid out again. @type {(element: Element, text: string) => void} */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @type {(element: Element, pressed: boolean) => void} */
export const press = (element, pressed) => element.setAttribute("aria-pressed", String(pressed));

/** An element with text in it. @type {(tag: string, text: string) => HTMLElement} */
export const worded = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });

/** An element's place in the page and a pointer's place in it, 0 to 1. @type {(element: Element, event: MouseEvent) => [number, number]} */
export function shareOf(element, { clientX, clientY }) {
  const box = element.getBoundingClientRect();
  return [(clientX - box.left) / box.width, (clientY - box.top) / box.height];
}
