// The pad: strokes of a mouse, a finger or a pen, in units of the canvas; the server draws the same ones.

import { buttonOf, canvasOf, contextOf, one, part, shareOf } from "../shared/elements.js";

/** @import { Theme } from "../shared/theme.js" */

const NEAR = 0.006; // points closer than this to the last one are left out
const PRESSURE = [0.5, 1]; // of a pen: what it adds to the width, at least and per unit

/**
 * @param {HTMLElement} root
 * @param {{ onChange: (down: boolean) => void }} to
 */
export function createPen(root, { onChange }) {
  const canvas = canvasOf(root, ".pad canvas");
  const context = contextOf(canvas);
  const width = one(root, ".pad input", HTMLInputElement);
  const [undo, clear] = ["undo", "clear"].map((name) => buttonOf(root, name));
  const hint = part(root, ".hint");
  /** @type {number[][]} */
  let strokes = []; // x, y and width of each point, one after the other
  /** @type {number[][]} */
  let cleared = []; // what undo brings back after clear
  /** @type {number | null} */
  let pointer = null; // the one that draws
  let example = false; // what is there is the example: the first stroke replaces it
  /** @type {Theme | null} */
  let theme = null;

  /** @param {PointerEvent} event */
  const pointOf = (event) => {
    const [x, y] = shareOf(canvas, event);
    const force = event.pointerType === "pen" && event.pressure ? PRESSURE[0] + PRESSURE[1] * event.pressure : 1;
    return [x, y, force * Number(width.value)].map((value) => Math.round(1e4 * value) / 1e4);
  };

  /** One piece of a stroke, from the point that starts at number `at`. @type {(stroke: number[], at: number) => void} */
  const drawPiece = (stroke, at) => {
    const [x1, y1, w1, x2 = x1, y2 = y1, w2 = w1] = stroke.slice(at, at + 6);
    const side = canvas.width;
    context.lineWidth = ((w1 + w2) / 2) * side;
    context.beginPath();
    context.moveTo(x1 * side, y1 * side);
    context.lineTo(x2 * side + (x1 === x2 && y1 === y2 ? 0.01 : 0), y2 * side); // a line of no length has no caps
    context.stroke();
  };

  const ready = () => Object.assign(context, { lineCap: "round", strokeStyle: theme?.ink, globalAlpha: 1 });

  const draw = () => {
    if (!theme) return;
    const side = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
    if (canvas.width !== side) canvas.width = canvas.height = side;
    ready();
    context.clearRect(0, 0, side, side);
    for (const stroke of strokes) for (let at = 0; at < Math.max(3, stroke.length - 3); at += 3) drawPiece(stroke, at);
    canvas.classList.toggle("example", example);
    hint.hidden = strokes.length > 0 && !example;
    undo.disabled = example || (!strokes.length && !cleared.length);
    clear.disabled = example || !strokes.length;
  };

  /** @param {number[][]} next */
  const set = (next) => {
    strokes = next;
    example = false;
    draw();
    onChange(false);
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (pointer !== null || event.button > 0) return;
    event.preventDefault();
    canvas.focus({ preventScroll: true });
    pointer = event.pointerId;
    canvas.setPointerCapture(pointer);
    strokes = [...(example ? [] : strokes), pointOf(event)];
    [example, cleared] = [false, []];
    draw();
    onChange(true);
  });

  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pointer) return;
    const stroke = strokes[strokes.length - 1];
    ready();
    const all = event.getCoalescedEvents?.() ?? [event];
    for (const each of all) {
      const point = pointOf(each);
      const last = stroke.slice(-3);
      if (Math.hypot(point[0] - last[0], point[1] - last[1]) < NEAR) continue;
      stroke.push(...point);
      drawPiece(stroke, stroke.length - 6);
    }
    onChange(true);
  });

  /** @param {PointerEvent} event */
  const lift = (event) => {
    if (event.pointerId !== pointer) return;
    pointer = null;
    onChange(false);
  };
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);

  const takeBack = () => {
    const last = strokes.length ? strokes.slice(0, -1) : cleared;
    if (!strokes.length) cleared = [];
    set(last);
  };
  undo.addEventListener("click", takeBack);
  clear.addEventListener("click", () => {
    cleared = strokes;
    set([]);
  });
  canvas.addEventListener("keydown", (event) => {
    if (event.key !== "z" || !(event.ctrlKey || event.metaKey) || undo.disabled) return;
    event.preventDefault();
    takeBack();
  });

  return {
    get strokes() { return strokes; },
    get down() { return pointer !== null; },
    /** Show what the server has kept, while nobody draws. @type {(kept: number[][], isExample: boolean) => void} */
    restore(kept, isExample) {
      [strokes, example] = [kept.map((stroke) => [...stroke]), isExample];
      draw();
    },
    /** @param {Theme} now */
    draw(now) {
      theme = now;
      draw();
    },
  };
}
