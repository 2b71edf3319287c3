// A curve that is sketched by hand, and beside it, once there is one, the curve that a run drew.

import { one, part, shareOf } from "../shared/elements.js";

/** @import { Component } from "../shared/mounting.js" */

/** @typedef {(number | null)[]} Sketched Heights from left to right, 0..1 of the y axis; null where nothing was drawn. */
/** @typedef {{ column: number, value: number }} Point */

/**
 * @typedef {Object} Asked
 * @property {string} x
 * @property {string} y
 * @property {number} span of the x axis
 * @property {number} top of the y axis
 * @property {Sketched | null} curve
 * @property {[number, number][]} [truth] what a run did: steps and values
 * @property {boolean} [still] nothing can be drawn
 */

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [640, 270, 64, 16, 14, 54];
const COLUMNS = 41;
const FINE = 0.02; // of the height, for one press of an arrow key
/** Right and up. @type {Map<string, [number, number]>} */
const WAYS = new Map([["ArrowLeft", [-1, 0]], ["ArrowRight", [1, 0]], ["ArrowUp", [0, 1]], ["ArrowDown", [0, -1]]]);

/** @type {WeakMap<HTMLElement | ShadowRoot, (component: Component) => void>} */
const sketches = new WeakMap();

/** @param {Component} component */
export function mount(component) {
  const { parentElement } = component;
  const update = sketches.get(parentElement) ?? createSketch(part(parentElement, ".sketch"));
  sketches.set(parentElement, update);
  update(component);
  return () => sketches.delete(parentElement);
}

/** @type {() => Sketched} */
const empty = () => Array(COLUMNS).fill(null);

/**
 * Returns what takes over what the page gives.
 *
 * @param {HTMLElement} root
 * @returns {(component: Pick<Component, "data" | "setStateValue">) => void}
 */
function createSketch(root) {
  let curve = empty();
  /** @type {Asked | null} */
  let asked = null; // what the page last gave
  /** @type {Component["setStateValue"]} */
  let setStateValue = () => {};
  /** @type {Point | null} */
  let last = null; // of a stroke under way
  let column = 0; // of the keyboard

  /** @param {number} share */
  const xOf = (share) => LEFT + share * (WIDTH - LEFT - RIGHT);
  /** @param {number} share */
  const yOf = (share) => TOP + (1 - share) * (HEIGHT - TOP - BOTTOM);
  /** @param {[number, number][]} points */
  const path = (points) => points.map(([x, y], i) => `${i ? "L" : "M"}${xOf(x).toFixed(1)} ${yOf(y).toFixed(1)}`).join("");
  /** @returns {[number, number][]} */
  const drawn = () => curve.flatMap((value, i) => (value === null ? [] : [[i / (COLUMNS - 1), value]]));

  const draw = () => {
    if (!asked) return;
    const { x, y, span, top, truth, still } = asked;
    const ticks = [0, 0.25, 0.5, 0.75, 1];
    /** @type {(place: [number, number], words: string, more?: string) => string} */
    const text = (place, words, more = "") => `<text x="${place[0]}" y="${place[1]}" ${more}>${words}</text>`;
    /** @param {number} value */
    const written = (value) => String(Number(value.toPrecision(3)));
    /** @type {[number, number][]} */
    const inside = (truth ?? []).map(([step, value]) => [step / span, Math.min(value / top, 1)]);
    const page = root.getRootNode();
    const active = page instanceof ShadowRoot || page instanceof Document ? page.activeElement : null;
    const focused = active && root.contains(active) ? active.localName : "";
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
    if (clear) clear.onclick = () => keep(empty());
    const again = focused && root.querySelector(focused); // the page draws it anew while somebody types
    if (again instanceof HTMLElement || again instanceof SVGElement) again.focus();
  };

  /** @param {Sketched} next */
  const keep = (next) => {
    curve = next;
    draw();
    setStateValue("curve", curve.some((value) => value !== null) ? curve : null);
  };

  /** @type {(event: PointerEvent) => Point} */
  const at = (event) => {
    const [across, down] = shareOf(one(root, "svg", SVGElement), event);
    const [x, y] = [across * WIDTH, down * HEIGHT];
    /** @param {number} value */
    const within = (value) => Math.min(Math.max(value, 0), 1);
    return {
      column: Math.round(within((x - LEFT) / (WIDTH - LEFT - RIGHT)) * (COLUMNS - 1)),
      value: Math.round(1000 * within(1 - (y - TOP) / (HEIGHT - TOP - BOTTOM))) / 1000,
    };
  };

  /** @param {Point} to */
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
    if (asked?.still || (event.target instanceof Element && event.target.closest("button"))) return;
    root.setPointerCapture(event.pointerId); // the drawing is made anew with each stroke, its frame stays
    event.preventDefault();
    stroke(at(event));
  };
  root.onpointermove = (event) => {
    if (last) stroke(at(event));
  };
  root.onpointerup = root.onpointercancel = () => {
    if (!last) return;
    last = null;
    keep([...curve]);
  };
  root.onkeydown = (event) => {
    const way = WAYS.get(event.key);
    if (!way || asked?.still) return;
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
    if (fresh || asked?.still) curve = asked?.curve ?? empty();
    if (!last) draw();
  };
}
