// The pointer on the plane: hover to decode, click to pin, drag to pan, wheel or pinch to zoom.

import { nearestPoint } from "./plane_geometry.js";

/** @import { Plane, Pointed } from "./plane.js" */
/** @import { Range } from "./plane_geometry.js" */
/** @import { Store, View } from "./store.js" */
/** @import { Theme } from "./theme.js" */

/**
 * @typedef {Object} Pointing What gestures lead to.
 * @property {(changes: { range?: Range, follow?: boolean, cursor?: Pointed | null }, ...parts: string[]) => void} set
 * @property {() => void} wantDecoder
 * @property {() => void} home
 * @property {(pin: View["pin"]) => void} pin
 */

const CLICK = 4; // px that a click may wander
const NEAR = 9; // px within which a click takes a point
const HALF = [0.05, 500]; // the closest and the widest view

/**
 * @param {HTMLElement} field
 * @param {Store} store
 * @param {Plane} plane
 * @param {Pointing} act
 * @param {() => Theme | null} themeNow null until something was drawn
 */
export function attachGestures(field, store, plane, act, themeNow) {
  const { view } = store;
  /** @type {Map<number, PointerEvent>} */
  const pointers = new Map();
  let travelled = 0;
  let spread = 0;

  /** @type {(factor: number, around: { x: number, y: number }) => void} */
  const zoom = (factor, { x, y }) => {
    const { range } = view;
    const half = Math.min(Math.max(range.half * factor, HALF[0]), HALF[1]);
    const share = half / range.half;
    act.set({ range: { x: x + (range.x - x) * share, y: y + (range.y - y) * share, half }, follow: false }, "plane");
  };

  /** @type {(index: number | null, at: Pointed) => boolean} */
  const isPinned = (index, { x, y, pixel }) => {
    const { pin } = view;
    if (!pin) return false;
    if (index !== null) return pin.index === index;
    return pin.index === undefined && Math.hypot(pin.x - x, pin.y - y) < NEAR * pixel;
  };

  /** @param {Pointed | null} at */
  const hover = (at) => {
    act.set({ cursor: at?.inside ? at : null }, "plane", "cursor");
    act.wantDecoder();
  };

  /** @param {MouseEvent} event */
  const locate = (event) => {
    const theme = themeNow();
    return theme && plane.locate(event, theme);
  };

  field.addEventListener("pointerdown", (event) => {
    if (event.target instanceof Element && event.target.closest("button")) return;
    pointers.set(event.pointerId, event);
    travelled = 0;
    if (pointers.size === 1) field.setPointerCapture(event.pointerId);
  });

  field.addEventListener("pointermove", (event) => {
    const at = locate(event);
    if (!at) return;
    const before = pointers.get(event.pointerId);
    if (!before) return hover(at);
    pointers.set(event.pointerId, event);
    if (pointers.size === 2) {
      const [a, b] = pointers.values();
      const distance = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
      if (spread) zoom(spread / distance, at);
      spread = distance;
      return;
    }
    const [dx, dy] = [event.clientX - before.clientX, event.clientY - before.clientY];
    travelled += Math.hypot(dx, dy);
    if (travelled <= CLICK || event.pointerType === "touch") return hover(at);
    /** @type {Range} */
    const moved = { ...view.range, x: view.range.x - dx * at.pixel, y: view.range.y + dy * at.pixel };
    act.set({ range: moved, follow: false, cursor: null }, "plane", "cursor");
  });

  /** @param {PointerEvent} event */
  const release = (event) => {
    const ours = pointers.delete(event.pointerId);
    spread = 0;
    if (!ours || event.type !== "pointerup" || travelled > CLICK || !store.probe || !store.frame) return;
    const at = locate(event);
    if (!at?.inside) return;
    const index = nearestPoint(plane.points, store.probe.labels, at, NEAR * at.pixel, view.isolated);
    act.pin(isPinned(index, at) ? null : index === null ? { x: at.x, y: at.y } : { index }); // a second click unpins
  };
  field.addEventListener("pointerup", release);
  field.addEventListener("pointercancel", release);
  field.addEventListener("pointerleave", () => hover(null));
  field.addEventListener("wheel", (event) => {
    event.preventDefault();
    const at = locate(event);
    if (at) zoom(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) * 0.004), at);
  }, { passive: false });
  field.addEventListener("keydown", ({ key }) => {
    if (key === "+" || key === "=") zoom(0.8, view.range);
    if (key === "-") zoom(1.25, view.range);
    if (key === "0") act.home();
    if (key === "Escape") act.pin(null);
  });
}
