// The pointer on the plane: hover to decode, click to pin, drag to pan, wheel or pinch to zoom.

const CLICK = 4; // px that a click may wander
const NEAR = 9; // px within which a click takes a point
const HALF = [0.05, 500]; // the closest and the widest view

export function attachGestures(field, store, plane, act, themeNow) {
  const { view } = store;
  const pointers = new Map();
  let travelled = 0;
  let spread = 0;

  const zoom = (factor, { x, y }) => {
    const { range } = view;
    const half = Math.min(Math.max(range.half * factor, HALF[0]), HALF[1]);
    const share = half / range.half;
    act.set({ range: { x: x + (range.x - x) * share, y: y + (range.y - y) * share, half }, follow: false }, "plane");
  };

  const nearest = ({ x, y, pixel }) => {
    const { points } = plane;
    const { labels } = store.probe;
    let best = (NEAR * pixel) ** 2;
    let found = null;
    for (let i = 0; i < labels.length; i++) {
      if (view.isolated !== null && labels[i] !== view.isolated) continue;
      const distance = (points[2 * i] - x) ** 2 + (points[2 * i + 1] - y) ** 2;
      if (distance < best) [best, found] = [distance, i];
    }
    return found;
  };

  const isPinned = (index, { x, y, pixel }) => {
    const { pin } = view;
    if (!pin || index !== null) return pin?.index === index;
    return pin.index === undefined && Math.hypot(pin.x - x, pin.y - y) < NEAR * pixel;
  };

  const hover = (at) => {
    act.set({ cursor: at?.inside ? at : null }, "plane", "cursor");
    act.wantDecoder();
  };

  const isMark = (event) => event.target.closest("button");

  field.addEventListener("pointerdown", (event) => {
    if (isMark(event)) return;
    pointers.set(event.pointerId, event);
    travelled = 0;
    if (pointers.size === 1) field.setPointerCapture(event.pointerId);
  });

  field.addEventListener("pointermove", (event) => {
    const theme = themeNow();
    const at = plane.locate(event, theme);
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
    const { range } = view;
    const moved = { ...range, x: range.x - dx * at.pixel, y: range.y + dy * at.pixel };
    act.set({ range: moved, follow: false, cursor: null }, "plane", "cursor");
  });

  const release = (event) => {
    const ours = pointers.delete(event.pointerId);
    spread = 0;
    if (!ours || event.type !== "pointerup" || travelled > CLICK || !store.probe || !store.frame) return;
    const at = plane.locate(event, themeNow());
    if (!at.inside) return;
    const index = nearest(at);
    act.pin(isPinned(index, at) ? null : index === null ? { x: at.x, y: at.y } : { index }); // a second click unpins
  };
  field.addEventListener("pointerup", release);
  field.addEventListener("pointercancel", release);
  field.addEventListener("pointerleave", () => hover(null));
  field.addEventListener("wheel", (event) => {
    event.preventDefault();
    const at = plane.locate(event, themeNow());
    zoom(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) * 0.004), at);
  }, { passive: false });
  field.addEventListener("keydown", ({ key }) => {
    if (key === "+" || key === "=") zoom(0.8, view.range);
    if (key === "-") zoom(1.25, view.range);
    if (key === "0") act.home();
    if (key === "Escape") act.pin(null);
  });
}
