// One column: a run's plane, its settings and its images. What it shares with the others is the view.

import { attachGestures } from "../shared/plane_gestures.js";
import { buttonOf, canvasOf, named, part, write } from "../shared/elements.js";
import { createActions } from "../shared/actions.js";
import { createPlane } from "../shared/plane.js";
import { createRuleCard } from "../shared/rule_card.js";
import { createSheet } from "../shared/digit_images.js";
import { createStore } from "../shared/store.js";
import { furthest, nearestPoint } from "../shared/plane_geometry.js";

/** @import { ColumnState } from "../shared/messages.js" */
/** @import { Common, CommonView } from "./columns.js" */
/** @import { Sheet } from "../shared/digit_images.js" */
/** @import { ShownFrame } from "../shared/store.js" */
/** @import { Theme } from "../shared/theme.js" */

const COLUMNS = 10; // test digits; one more place is for the pinned image
const SAMPLES = 11; // of the prior
const NEAR = 12; // px within which the pointer means a point

/**
 * @param {HTMLElement} root
 * @param {number} index
 * @param {CommonView} shared the view of all columns
 * @param {Common} to carries out what a column cannot alone
 */
export function createColumn(root, index, shared, to) {
  const store = createStore();
  const test = createSheet(canvasOf(root, "[data-sheet=test]"), COLUMNS + 1, 3);
  const prior = createSheet(canvasOf(root, "[data-sheet=prior]"), SAMPLES, 1);
  const hoveredImage = createSheet(null);
  const pinImage = createSheet(null);
  const field = part(root, ".field");
  const title = named(root, "title");
  const stopped = named(root, "stopped");

  /** Where the hovered image lies in this column's plane, at this moment of its glide. */
  const hoveredPlace = () => {
    const { points } = plane;
    const at = 2 * (shared.hovered ?? -1);
    return at >= 0 && at < points.length ? { x: points[at], y: points[at + 1] } : null;
  };
  store.view = Object.create(shared, {
    ring: { get: hoveredPlace },
    cursor: { get: hoveredPlace }, // the plane draws the image that lies there
    follow: { value: false }, // all columns follow together
  });
  store.decoder = { step: 0, decode: () => new Uint8ClampedArray() }; // nothing is decoded: the thumbnail is the test image itself
  const plane = createPlane(field, store, { cursorImage: hoveredImage.canvas, pinImage: pinImage.canvas });

  const steering = createActions(store, {
    touch: to.touch,
    send: (message) => to.send(message.do === "switch" && shared.target === "one" ? { ...message, column: index } : message),
  });
  const card = createRuleCard(root, store, steering);

  attachGestures(field, store, plane, {
    set({ cursor, ...changes }) {
      if (cursor !== undefined) {
        const { labels } = store.probe ?? { labels: [] };
        shared.hovered = cursor && nearestPoint(plane.points, labels, cursor, NEAR * cursor.pixel, shared.isolated);
      }
      to.view(changes, "plane", "images");
    },
    wantDecoder() {},
    home: to.home,
    pin: (pin) => to.pin(pin?.index ?? null),
  }, to.theme);
  buttonOf(root, "follow").onclick = () => to.view({ followed: true }, "plane");

  /** @type {(sheet: Sheet, place: number | null, table: Uint32Array) => void} */
  const show = (sheet, place, table) => {
    if (place === null || !store.images) return;
    sheet.put(0, 0, store.images, place, table);
    sheet.show();
  };

  return {
    store,
    plane,
    /** @param {ShownFrame} frame */
    take(frame) {
      store.frame = frame;
      plane.aim(true);
    },
    /** The controls' state, unless the hand is still ahead of it. @param {ColumnState} state */
    state(state) {
      store.state = steering.withPending(state);
    },
    /** The furthest code of this frame, for a view that holds all. */
    furthest: () => furthest(store.frame?.z ?? []),
    drawControls() {
      const { state } = store;
      if (!state) return;
      card.draw();
      write(title, state.title ?? "");
      title.title = state.title ?? "";
      const behind = state.status === "diverged" || state.message?.level === "error";
      stopped.hidden = !behind;
      stopped.textContent = behind ? `${state.status === "diverged" ? "diverged" : "stopped"} at ${state.step.toLocaleString("en")}` : "";
      stopped.title = state.message?.text ?? "";
    },
    /** @param {Theme} theme */
    drawImages({ table }) {
      const { frame, images } = store;
      if (!frame) return;
      const last = frame.strip.length - 1;
      for (let k = 0; k <= COLUMNS; k++) {
        const from = k < COLUMNS ? k : last;
        if (k < COLUMNS && k >= last) continue;
        if (images) test.put(k, 0, images, frame.strip[from], table);
        test.put(k, 1, frame.strip_at_mean, from, table);
        test.put(k, 2, frame.strip_at_draw, from, table);
      }
      test.show();
      for (let k = 0; k < Math.min(SAMPLES, frame.shapes.prior[0]); k++) prior.put(k, 0, frame.prior, k, table);
      prior.show();
      show(hoveredImage, shared.hovered, table);
      show(pinImage, shared.pin?.index ?? null, table);
    },
    forget: () => steering.forget(),
  };
}
