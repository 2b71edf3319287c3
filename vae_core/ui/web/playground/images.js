// Every image on the page: the input, its reconstructions, the cursor's decode and the two strips.

import { cellAt, createSheet } from "../shared/digit_images.js";
import { chosenOf } from "../shared/store.js";

const COLUMNS = 10;

export function createImages(root, store, act) {
  const { view } = store;
  const sheet = (selector, columns = 1, rows = 1) => createSheet(root.querySelector(selector), columns, rows);
  const input = sheet(".tile.input canvas");
  const atMean = sheet(".tile.at-mean canvas");
  const atDraw = sheet(".tile.at-draw canvas");
  const atCursor = sheet(".tile.at-cursor canvas");
  const test = sheet("[data-sheet=test]", COLUMNS, 3);
  const prior = sheet("[data-sheet=prior]", COLUMNS, 2);
  const pin = createSheet(new OffscreenCanvas(1, 1), 1, 1);
  const cursorCaption = root.querySelector(".tile.at-cursor figcaption");
  const inputCaption = root.querySelector(".tile.input figcaption");

  const one = (target, images, index, table) => {
    target.put(0, 0, images, index, table);
    target.show();
  };

  const ringAt = (codes, index) => act.set({ ring: { x: codes[2 * index], y: codes[2 * index + 1] } }, "plane");
  const noRing = () => act.set({ ring: null }, "plane");
  const testIndex = (event) => store.frame.strip[cellAt(event, COLUMNS, 3).column];
  test.canvas.onclick = (event) => store.frame && act.look(testIndex(event));
  test.canvas.onpointermove = (event) => store.frame && ringAt(store.frame[view.coordinate], testIndex(event));
  prior.canvas.onpointermove = (event) => {
    const { column, row } = cellAt(event, COLUMNS, 2);
    if (store.frame) ringAt(store.frame.prior_z, row * COLUMNS + column);
  };
  test.canvas.onpointerleave = prior.canvas.onpointerleave = noRing;

  return {
    pinImage: pin.canvas,
    cursorImage: atCursor.canvas,
    /** All that a new frame changes. */
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
      if (images) one(input, images, chosenOf(store), table);
      if (probe && hello) inputCaption.textContent = `${hello.classes[frame.label ?? probe.labels[frame.chosen]]}, no. ${frame.number ?? frame.chosen}`;
    },
    /** What the cursor and the pin point at, else how far the draws of the chosen image differ; returns how many images were decoded. */
    drawPointed({ table }, pinPlace) {
      const { decoder, images, frame } = store;
      const { cursor } = view;
      let decoded = 0;
      const decode = ({ x, y }) => {
        decoded++;
        return decoder.decode(x, y);
      };
      if (pinPlace && view.pin.index !== undefined && images) pin.put(0, 0, images, view.pin.index, table);
      else if (pinPlace && decoder) pin.put(0, 0, decode(pinPlace), 0, table);
      if (pinPlace) pin.show();
      const pointed = cursor ?? (view.pin?.index === undefined ? pinPlace : null);
      if (pointed && decoder) atCursor.put(0, 0, decode(pointed), 0, table);
      else if (frame) atCursor.put(0, 0, frame.uncertainty, 0, table);
      atCursor.show();
      const caption = !pointed ? "sd of draws" : cursor ? "at cursor" : "at pin";
      if (cursorCaption.textContent !== caption) cursorCaption.textContent = caption;
      return decoded;
    },
  };
}
