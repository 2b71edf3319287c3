// A curve that is sketched by hand, and beside it, once there is one, the curve that a run drew.

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [640, 270, 64, 16, 14, 54];
const COLUMNS = 41;
const FINE = 0.02; // of the height, for one press of an arrow key

const sketches = new WeakMap();

export function mount(component) {
  const { parentElement } = component;
  if (!sketches.has(parentElement)) sketches.set(parentElement, createSketch(parentElement));
  sketches.get(parentElement)(component);
  return () => sketches.delete(parentElement);
}

function createSketch(parent) {
  const root = parent.querySelector(".sketch");
  let curve = Array(COLUMNS).fill(null); // 0..1 of the y axis
  let asked = null; // what the page last gave
  let setStateValue = () => {};
  let last = null; // { column, value } of a stroke under way
  let column = 0; // of the keyboard

  const xOf = (share) => LEFT + share * (WIDTH - LEFT - RIGHT);
  const yOf = (share) => TOP + (1 - share) * (HEIGHT - TOP - BOTTOM);
  const path = (points) => points.map(([x, y], i) => `${i ? "L" : "M"}${xOf(x).toFixed(1)} ${yOf(y).toFixed(1)}`).join("");
  const drawn = () => curve.map((value, i) => [i / (COLUMNS - 1), value]).filter(([, value]) => value !== null);

  const draw = () => {
    const { x, y, span, top, truth, still } = asked;
    const ticks = [0, 0.25, 0.5, 0.75, 1];
    const text = (place, words, more = "") => `<text x="${place[0]}" y="${place[1]}" ${more}>${words}</text>`;
    const written = (value) => String(Number(value.toPrecision(3)));
    const inside = (truth ?? []).map(([step, value]) => [step / span, Math.min(value / top, 1)]);
    const focused = root.contains(root.getRootNode().activeElement) && root.getRootNode().activeElement.localName;
    root.innerHTML = `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${y} over ${x}" data-testid="sketch" ${still ? "" : 'tabindex="0"'}>
      ${ticks.map((t) => `<path class="grid" d="${path([[0, t], [1, t]])}"/>${text([LEFT - 8, yOf(t) + 5], written(t * top), 'text-anchor="end"')}
        ${text([xOf(t), HEIGHT - BOTTOM + 20], written(t * span), 'text-anchor="middle"')}`).join("")}
      ${text([xOf(0.5), HEIGHT - 10], x, 'text-anchor="middle"')}
      ${text([LEFT + 8, TOP + 16], y)}
      <path class="hand" d="${path(drawn())}"/>
      ${inside.length ? `<path class="truth" d="${path(inside)}"/>` : ""}
      ${!still && !drawn().length ? text([xOf(0.5), yOf(0.5)], "draw here, from left to right", 'class="hint" text-anchor="middle"') : ""}</svg>
      ${still ? "" : '<button type="button" data-testid="sketch-clear">Clear</button>'}`;
    root.classList.toggle("still", Boolean(still));
    const clear = root.querySelector("button");
    if (clear) clear.onclick = () => keep(Array(COLUMNS).fill(null));
    if (focused) root.querySelector(focused)?.focus(); // the page draws it anew while somebody types
  };

  const keep = (next) => {
    curve = next;
    draw();
    setStateValue("curve", curve.some((value) => value !== null) ? curve : null);
  };

  const at = (event) => {
    const box = root.querySelector("svg").getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * WIDTH;
    const y = ((event.clientY - box.top) / box.height) * HEIGHT;
    const within = (value) => Math.min(Math.max(value, 0), 1);
    return {
      column: Math.round(within((x - LEFT) / (WIDTH - LEFT - RIGHT)) * (COLUMNS - 1)),
      value: Math.round(1000 * within(1 - (y - TOP) / (HEIGHT - TOP - BOTTOM))) / 1000,
    };
  };

  const stroke = (to) => {
    const from = last ?? to;
    const way = to.column - from.column;
    for (let i = 0; i <= Math.abs(way); i++) {
      const share = way ? i / Math.abs(way) : 1;
      curve[from.column + Math.sign(way) * i] = from.value + share * (to.value - from.value);
    }
    last = to;
    draw();
  };

  root.onpointerdown = (event) => {
    if (asked.still || event.target.closest("button")) return;
    root.setPointerCapture(event.pointerId); // the drawing is made anew with each stroke, its frame stays
    event.preventDefault();
    stroke(at(event));
  };
  root.onpointermove = (event) => last && stroke(at(event));
  root.onpointerup = root.onpointercancel = () => {
    if (!last) return;
    last = null;
    keep([...curve]);
  };
  root.onkeydown = (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!way || asked.still) return;
    event.preventDefault();
    event.stopPropagation();
    const before = curve[column] ?? 0;
    column = Math.min(Math.max(column + way[0], 0), COLUMNS - 1);
    curve[column] = Math.min(Math.max((way[0] ? curve[column] ?? before : before) + FINE * way[1], 0), 1);
    keep([...curve]);
  };

  return (component) => {
    setStateValue = component.setStateValue;
    const fresh = !asked;
    asked = component.data;
    if (fresh || asked.still) curve = asked.curve ?? Array(COLUMNS).fill(null);
    if (!last) draw();
  };
}
