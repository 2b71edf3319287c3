// Images of digits: bytes (255 = ink) painted in the theme's paper and ink, alone or as a strip.

import { contextOf, hiddenContextOf, shareOf } from "./elements.js";

/** @typedef {ReturnType<typeof createSheet>} Sheet */
/** @typedef {[number, number, number]} Colour */

const SIDE = 28;
export const PIXELS = SIDE * SIDE;
const GAP = 2; // between the images of a strip, in image pixels

/** 256 packed colours from paper to ink. @type {(paper: Colour, ink: Colour) => Uint32Array} */
export function inkTable(paper, ink) {
  const table = new Uint32Array(256);
  for (let value = 0; value < 256; value++) {
    /** @param {0 | 1 | 2} channel */
    const mix = (channel) => Math.round(paper[channel] + ((ink[channel] - paper[channel]) * value) / 255);
    table[value] = (255 << 24) | (mix(2) << 16) | (mix(1) << 8) | mix(0);
  }
  return table;
}

/**
 * A canvas that shows a grid of digits; its pixels are image pixels and CSS scales it. Without a canvas: one that is
 * not on the page.
 *
 * @param {HTMLCanvasElement | null} onPage
 * @param {number} [columns]
 * @param {number} [rows]
 */
export function createSheet(onPage, columns = 1, rows = 1) {
  const canvas = onPage ?? new OffscreenCanvas(1, 1);
  canvas.width = columns * (SIDE + GAP) - GAP;
  canvas.height = rows * (SIDE + GAP) - GAP;
  const context = canvas instanceof HTMLCanvasElement ? contextOf(canvas) : hiddenContextOf(canvas);
  const image = context.createImageData(canvas.width, canvas.height);
  const pixels = new Uint32Array(image.data.buffer);
  return {
    canvas,
    /**
     * Write digit number `index` of `images` into a cell.
     *
     * @param {number} column
     * @param {number} row
     * @param {ArrayLike<number>} images
     * @param {number} index
     * @param {Uint32Array} table
     */
    put(column, row, images, index, table) {
      let from = index * PIXELS;
      let to = (row * canvas.width + column) * (SIDE + GAP);
      for (let y = 0; y < SIDE; y++, to += canvas.width - SIDE) {
        for (let x = 0; x < SIDE; x++) pixels[to++] = table[images[from++]];
      }
    },
    clear() {
      pixels.fill(0);
    },
    show() {
      context.putImageData(image, 0, 0);
    },
  };
}

/** Which cell of a sheet a pointer is over. @type {(canvas: Element, event: MouseEvent, columns: number, rows: number) => { column: number, row: number }} */
export function cellAt(canvas, event, columns, rows) {
  const [across, down] = shareOf(canvas, event);
  /** @type {(share: number, count: number) => number} */
  const cell = (share, count) => Math.min(Math.max(Math.floor(share * count), 0), count - 1);
  return { column: cell(across, columns), row: cell(down, rows) };
}
