// Colours for the canvases, read from the CSS variables so that lab.css stays their only source.

import { hiddenContextOf } from "./elements.js";
import { inkTable } from "./digit_images.js";

/** @import { Colour } from "./digit_images.js" */

/** Petroff's ten colours: distinct for colour-blind people too. */
export const CLASS_COLOURS = [
  "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd",
];

const NAMES = /** @type {const} */ (["bg", "paper", "ink", "text", "faint", "line", "panel", "mu", "sigma", "eps", "zed", "accent", "exact"]);

/** @typedef {(typeof NAMES)[number]} ColourName */
/** @typedef {{ font: string, size: number, dark: boolean, panelRgb: Colour, table: Uint32Array } & Record<ColourName, string>} Theme */

/** What the user's machine asks for: less motion. */
export const stillness = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** @type {OffscreenCanvasRenderingContext2D | undefined} */
let probe;

/** Any CSS colour as [r, g, b]. @type {(colour: string) => Colour} */
export function rgb(colour) {
  probe ??= hiddenContextOf(new OffscreenCanvas(1, 1), { willReadFrequently: true });
  probe.fillStyle = "#000";
  probe.fillStyle = colour;
  probe.fillRect(0, 0, 1, 1);
  const [red, green, blue] = probe.getImageData(0, 0, 1, 1).data;
  return [red, green, blue];
}

/** @type {(colour: Colour) => number} */
const luminance = ([red, green, blue]) => (0.3 * red + 0.59 * green + 0.11 * blue) / 255;

/** Where an element starts in the page when nothing is scrolled. @param {Element} element */
function topOf(element) {
  let { top } = element.getBoundingClientRect();
  /** @type {Node | null} */
  let node = element;
  while (node) {
    if (node instanceof Element) top += node.scrollTop;
    node = node instanceof ShadowRoot ? node.host : node.parentNode;
  }
  return top;
}

/** Give the root the projector's type or the usual one, and its height below the page's header; then read the theme. @type {(root: HTMLElement, projector: boolean) => Theme} */
export function dressed(root, projector) {
  root.classList.toggle("projector", projector);
  root.style.setProperty("--header", `${topOf(root) + 16}px`);
  return readTheme(root);
}

/** Mark the root as light or dark (Streamlit gives colours, not a name), then read everything. @type {(root: HTMLElement) => Theme} */
export function readTheme(root) {
  const swatch = root.appendChild(document.createElement("i")); // resolves var() and color-mix()
  /** @param {ColourName} name */
  const colour = (name) => {
    swatch.style.color = `var(--${name})`;
    return getComputedStyle(swatch).color;
  };
  const dark = luminance(rgb(colour("bg"))) < 0.5;
  root.classList.toggle("dark", dark);
  const { fontFamily: font, fontSize } = getComputedStyle(root);
  const colours = /** @type {Record<ColourName, string>} */ (Object.fromEntries(NAMES.map((name) => [name, colour(name)])));
  swatch.remove();
  const { paper, ink, panel } = colours;
  return { ...colours, dark, font, size: parseFloat(fontSize), panelRgb: rgb(panel), table: inkTable(rgb(paper), rgb(ink)) };
}

/** What is drawn on a projector is thicker. @type {(theme: Theme, times?: number) => number} */
export const enlarged = ({ size }, times = 1.5) => (size > 15 ? times : 1);
