// Colours for the canvases, read from the CSS variables so that lab.css stays their only source.

import { inkTable } from "./digit_images.js";

/** Petroff's ten colours: distinct for colour-blind people too. */
export const CLASS_COLOURS = [
  "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd",
];

const probe = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });

/** Any CSS colour as [r, g, b]. */
export function rgb(colour) {
  probe.fillStyle = "#000";
  probe.fillStyle = colour;
  probe.fillRect(0, 0, 1, 1);
  return [...probe.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}

const luminance = ([red, green, blue]) => (0.3 * red + 0.59 * green + 0.11 * blue) / 255;

/** Where an element starts in the page when nothing is scrolled. */
function topOf(element) {
  let top = element.getBoundingClientRect().top;
  for (let node = element; node; node = node.parentNode ?? node.host) top += node.scrollTop ?? 0;
  return top;
}

/** Give the root the projector's type or the usual one, and its height below the page's header; then read the theme. */
export function dressed(root, projector) {
  root.classList.toggle("projector", projector);
  root.style.setProperty("--header", `${topOf(root) + 16}px`);
  return readTheme(root);
}

/** Mark the root as light or dark (Streamlit gives colours, not a name), then read everything. */
export function readTheme(root) {
  const swatch = root.appendChild(document.createElement("i")); // resolves var() and color-mix()
  const colour = (name) => {
    swatch.style.color = `var(--${name})`;
    return getComputedStyle(swatch).color;
  };
  const dark = luminance(rgb(colour("bg"))) < 0.5;
  root.classList.toggle("dark", dark);
  const { fontFamily: font, fontSize } = getComputedStyle(root);
  const theme = { dark, font, size: parseFloat(fontSize) };
  for (const name of ["bg", "paper", "ink", "text", "faint", "line", "panel", "mu", "sigma", "eps", "zed", "accent", "exact"]) {
    theme[name] = colour(name);
  }
  swatch.remove();
  theme.panelRgb = rgb(theme.panel);
  theme.table = inkTable(rgb(theme.paper), rgb(theme.ink));
  return theme;
}
