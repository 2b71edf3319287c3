// Images of digits: bytes (255 = ink) painted in the theme's paper and ink, alone or as a strip.

export const SIDE = 28;
const PIXELS = SIDE * SIDE;
const GAP = 2; // between the images of a strip, in image pixels

/** 256 packed colours from paper to ink. */
export function inkTable(paper, ink) {
  const table = new Uint32Array(256);
  for (let value = 0; value < 256; value++) {
    const mix = (channel) => Math.round(paper[channel] + ((ink[channel] - paper[channel]) * value) / 255);
    table[value] = (255 << 24) | (mix(2) << 16) | (mix(1) << 8) | mix(0);
  }
  return table;
}

/** A canvas that shows a grid of digits; its pixels are image pixels and CSS scales it. */
export function createSheet(canvas, columns, rows) {
  canvas.width = columns * (SIDE + GAP) - GAP;
  canvas.height = rows * (SIDE + GAP) - GAP;
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  const pixels = new Uint32Array(image.data.buffer);
  return {
    canvas,
    /** Write digit number `index` of `images` into a cell. */
    put(column, row, images, index, table) {
      let from = index * PIXELS;
      let to = (row * canvas.width + column) * (SIDE + GAP);
      for (let y = 0; y < SIDE; y++, to += canvas.width - SIDE) {
        for (let x = 0; x < SIDE; x++) pixels[to++] = table[images[from++]];
      }
    },
    clear: () => pixels.fill(0),
    show: () => context.putImageData(image, 0, 0),
  };
}

/** Which cell of a sheet a pointer event hits. */
export function cellAt(event, columns, rows) {
  const box = event.currentTarget.getBoundingClientRect();
  const column = Math.floor(((event.clientX - box.left) / box.width) * columns);
  const row = Math.floor(((event.clientY - box.top) / box.height) * rows);
  return { column: Math.min(Math.max(column, 0), columns - 1), row: Math.min(Math.max(row, 0), rows - 1) };
}
