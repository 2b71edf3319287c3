// Every image on the page: the input, its reconstructions, the cursor's decode and the two strips.

import { canvasOf, part, write } from "../shared/elements.js";
import { cellAt, createSheet } from "../shared/digit_images.js";

/** @import { Actions } from "../shared/actions.js" */
/** @import { Sheet } from "../shared/digit_images.js" */
/** @import { ShownFrame, Spot, Store } from "../shared/store.js" */
/** @import { Theme } from "../shared/theme.js" */

/**
 * @typedef {Object} Images
 * @property {CanvasImageSource} pinImage
 * @property {CanvasImageSource} cursorImage
 * @property {(theme: Theme) => void} draw all that a new frame changes
 * @property {(theme: Theme, pinPlace: Spot | null) => number} drawPointed what the cursor and the pin point at, else how
 *   far the draws of the chosen image differ; returns how many images were decoded
 */

const COLUMNS = 10;

/** @type {(root: HTMLElement, store: Store, act: Actions) => Images} */
export function createImages(root, store, act) {
  const { view } = store;
  /** @type {(selector: string, columns?: number, rows?: number) => Sheet} */
  const sheet = (selector, columns, rows) => createSheet(canvasOf(root, selector), columns, rows);
  const input = sheet(".tile.input canvas");
  const atMean = sheet(".tile.at-mean canvas");
  const atDraw = sheet(".tile.at-draw canvas");
  const atCursor = sheet(".tile.at-cursor canvas");
  const test = sheet("[data-sheet=test]", COLUMNS, 3);
  const prior = sheet("[data-sheet=prior]", COLUMNS, 2);
  const pin = createSheet(null);
  const cursorCaption = part(root, ".tile.at-cursor figcaption");
  const inputCaption = part(root, ".tile.input figcaption");
  const [testCanvas, priorCanvas] = ["test", "prior"].map((name) => canvasOf(root, `[data-sheet=${name}]`));

  /** @type {(target: Sheet, images: ArrayLike<number>, index: number, table: Uint32Array) => void} */
  const one = (target, images, index, table) => {
    target.put(0, 0, images, index, table);
    target.show();
  };

  /** @type {(codes: Float32Array, index: number) => void} */
  const ringAt = (codes, index) => act.set({ ring: { x: codes[2 * index], y: codes[2 * index + 1] } }, "plane");
  const noRing = () => act.set({ ring: null }, "plane");
  /** @type {(frame: ShownFrame, event: MouseEvent) => number} */
  const testIndex = ({ strip }, event) => strip[cellAt(testCanvas, event, COLUMNS, 3).column];
  testCanvas.onclick = (event) => {
    if (store.frame) act.look(testIndex(store.frame, event));
  };
  testCanvas.onpointermove = (event) => {
    if (store.frame) ringAt(store.frame[view.coordinate], testIndex(store.frame, event));
  };
  priorCanvas.onpointermove = (event) => {
    const { column, row } = cellAt(priorCanvas, event, COLUMNS, 2);
    if (store.frame) ringAt(store.frame.prior_z, row * COLUMNS + column);
  };
  testCanvas.onpointerleave = priorCanvas.onpointerleave = noRing;

  return {
    pinImage: pin.canvas,
    cursorImage: atCursor.canvas,
    draw({ table }) {
      const { frame, images, probe, hello } = store;
      if (!frame) return;
      const chosen = frame.strip.length - 1;
      one(atMean, frame.strip_at_mean, chosen, table);
      one(atDraw, frame.strip_at_draw, chosen, table);
      for (let column = 0; column < Math.min(COLUMNS, chosen); column++) {
        if (images) test.put(column, 0, images, frame.strip[column], table);
        test.put(column, 1, frame.strip_at_mean, column, table);
        test.put(column, 2, frame.strip_at_draw, column, table);
      }
      test.show();
      const samples = Math.min(2 * COLUMNS, frame.shapes.prior[0]);
      for (let i = 0; i < samples; i++) prior.put(i % COLUMNS, Math.floor(i / COLUMNS), frame.prior, i, table);
      prior.show();
      if (images) one(input, images, frame.chosen, table);
      if (probe && hello) inputCaption.textContent = `${hello.classes[frame.label ?? probe.labels[frame.chosen]]}, no. ${frame.number ?? frame.chosen}`;
    },
    drawPointed({ table }, pinPlace) {
      const { decoder, images, frame } = store;
      const { cursor } = view;
      let decoded = 0;
      /** @type {(target: Sheet, place: Spot) => boolean} */
      const decode = (target, { x, y }) => {
        if (!decoder) return false;
        decoded++;
        target.put(0, 0, decoder.decode(x, y), 0, table);
        return true;
      };
      const pinned = view.pin?.index;
      if (pinPlace && pinned !== undefined && images) pin.put(0, 0, images, pinned, table);
      else if (pinPlace) decode(pin, pinPlace);
      if (pinPlace) pin.show();
      const pointed = cursor ?? (pinned === undefined ? pinPlace : null);
      if (!(pointed && decode(atCursor, pointed)) && frame) atCursor.put(0, 0, frame.uncertainty, 0, table);
      atCursor.show();
      const caption = !pointed ? "sd of draws" : cursor ? "at cursor" : "at pin";
      write(cursorCaption, caption);
      return decoded;
    },
  };
}
