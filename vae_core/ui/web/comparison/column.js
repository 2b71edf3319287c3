// One column: a run's plane, its settings and its images. What it shares with the others is the view.

import { createActions } from "../shared/actions.js";
import { attachGestures } from "../shared/plane_gestures.js";
import { createPlane } from "../shared/plane.js";
import { createRuleCard } from "../shared/rule_card.js";
import { createSheet } from "../shared/digit_images.js";
import { createStore } from "../shared/store.js";

const COLUMNS = 10; // test digits; one more place is for the pinned image
const SAMPLES = 11; // of the prior
const NEAR = 12; // px within which the pointer means a point

/**
 * `shared` is the view of all columns: { range, hovered, pin, isolated, … }.
 * `to` carries out what a column cannot alone: { send(message), touch(...parts), view(changes, ...parts), pin(index), theme() }.
 */
export function createColumn(root, index, shared, to) {
  const store = createStore();
  const test = createSheet(root.querySelector("[data-sheet=test]"), COLUMNS + 1, 3);
  const prior = createSheet(root.querySelector("[data-sheet=prior]"), SAMPLES, 1);
  const hoveredImage = createSheet(new OffscreenCanvas(1, 1), 1, 1);
  const pinImage = createSheet(new OffscreenCanvas(1, 1), 1, 1);
  const field = root.querySelector(".field");

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
  store.decoder = {}; // nothing is decoded: the thumbnail is the test image itself
  const plane = createPlane(field, store, { cursorImage: hoveredImage.canvas, pinImage: pinImage.canvas });

  const steering = createActions(store, {
    touch: to.touch,
    send: (message) => to.send({ ...message, column: shared.target === "one" ? index : undefined }),
  });
  const card = createRuleCard(root, store, steering);

  const nearest = ({ x, y, pixel }) => {
    const { points } = plane;
    const { labels } = store.probe ?? {};
    let best = (NEAR * pixel) ** 2;
    let found = null;
    for (let i = 0; i < points.length / 2; i++) {
      if (shared.isolated !== null && labels[i] !== shared.isolated) continue;
      const distance = (points[2 * i] - x) ** 2 + (points[2 * i + 1] - y) ** 2;
      if (distance < best) [best, found] = [distance, i];
    }
    return found;
  };
  attachGestures(field, store, plane, {
    set({ cursor, ...changes }) {
      if (cursor !== undefined) shared.hovered = cursor ? nearest(cursor) : null;
      to.view(changes, "plane", "images");
    },
    wantDecoder() {},
    home: to.home,
    pin: (pin) => to.pin(pin?.index ?? null),
  }, to.theme);
  root.querySelector("[data-testid=follow]").onclick = () => to.view({ followed: true }, "plane");

  const one = (sheet, place, table) => {
    if (place === null || !store.images) return;
    sheet.put(0, 0, store.images, place, table);
    sheet.show();
  };

  return {
    store,
    plane,
    card,
    take(frame) {
      store.frame = frame;
      plane.aim(true);
    },
    /** The controls' state, unless the hand is still ahead of it. */
    state(state) {
      store.state = steering.withPending(state);
    },
    /** The furthest code of this frame, for a view that holds all. */
    furthest() {
      let most = 0;
      for (const value of store.frame?.z ?? []) if (Number.isFinite(value)) most = Math.max(most, Math.abs(value));
      return most;
    },
    drawControls() {
      const { state } = store;
      if (!state) return;
      card.draw();
      const title = root.querySelector("[data-testid=title]");
      if (title.textContent !== state.title) title.textContent = title.title = state.title;
      const stopped = root.querySelector("[data-testid=stopped]");
      const behind = state.status === "diverged" || (state.message?.level === "error");
      stopped.hidden = !behind;
      stopped.textContent = behind ? `${state.status === "diverged" ? "diverged" : "stopped"} at ${state.step.toLocaleString("en")}` : "";
      stopped.title = state.message?.text ?? "";
    },
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
      one(hoveredImage, shared.hovered, table);
      one(pinImage, shared.pin?.index ?? null, table);
    },
    forget: () => steering.forget(),
  };
}
