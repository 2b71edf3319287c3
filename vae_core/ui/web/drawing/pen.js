// The pad: strokes of a mouse, a finger or a pen, in units of the canvas; the server draws the same ones.

const NEAR = 0.006; // points closer than this to the last one are left out
const PRESSURE = [0.5, 1]; // of a pen: what it adds to the width, at least and per unit

export function createPen(root, { onChange }) {
  const canvas = root.querySelector(".pad canvas");
  const width = root.querySelector(".pad input");
  const [undo, clear] = ["undo", "clear"].map((name) => root.querySelector(`[data-testid=${name}]`));
  const hint = root.querySelector(".hint");
  let strokes = [];
  let cleared = []; // what undo brings back after clear
  let pointer = null; // the one that draws
  let example = false; // what is there is the example: the first stroke replaces it
  let theme = null;

  const pointOf = (event) => {
    const box = canvas.getBoundingClientRect();
    const force = event.pointerType === "pen" && event.pressure ? PRESSURE[0] + PRESSURE[1] * event.pressure : 1;
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height, force * width.value]
      .map((value) => Math.round(1e4 * value) / 1e4);
  };

  /** One piece of a stroke, from the point that starts at number `at`. */
  const drawPiece = (context, stroke, at) => {
    const [x1, y1, w1, x2 = x1, y2 = y1, w2 = w1] = stroke.slice(at, at + 6);
    const side = canvas.width;
    context.lineWidth = ((w1 + w2) / 2) * side;
    context.beginPath();
    context.moveTo(x1 * side, y1 * side);
    context.lineTo(x2 * side + (x1 === x2 && y1 === y2 ? 0.01 : 0), y2 * side); // a line of no length has no caps
    context.stroke();
  };

  const ready = () => {
    const context = canvas.getContext("2d");
    Object.assign(context, { lineCap: "round", strokeStyle: theme.ink, globalAlpha: 1 });
    return context;
  };

  const draw = () => {
    if (!theme) return;
    const side = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
    if (canvas.width !== side) canvas.width = canvas.height = side;
    const context = ready();
    context.clearRect(0, 0, side, side);
    for (const stroke of strokes) for (let at = 0; at < Math.max(3, stroke.length - 3); at += 3) drawPiece(context, stroke, at);
    canvas.classList.toggle("example", example);
    hint.hidden = strokes.length > 0 && !example;
    undo.disabled = example || (!strokes.length && !cleared.length);
    clear.disabled = example || !strokes.length;
  };

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
    const stroke = strokes.at(-1);
    const context = ready();
    for (const each of event.getCoalescedEvents?.() ?? [event]) {
      const point = pointOf(each);
      const last = stroke.slice(-3);
      if (Math.hypot(point[0] - last[0], point[1] - last[1]) < NEAR) continue;
      stroke.push(...point);
      drawPiece(context, stroke, stroke.length - 6);
    }
    onChange(true);
  });

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
    /** Show what the server has kept, while nobody draws. */
    restore(kept, isExample) {
      [strokes, example] = [kept.map((stroke) => [...stroke]), isExample];
      draw();
    },
    draw(now) {
      theme = now;
      draw();
    },
  };
}
