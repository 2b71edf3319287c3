// One control per declared knob: a slider with a number, a box to tick, a choice, or a text.

import { one, part } from "./elements.js";

/** @import { Knob } from "./messages.js" */

/** @typedef {boolean | number | string} Value */
/** @typedef {Knob & { min: number, max: number }} NumberKnob */
/** @typedef {(value: Value) => void} Change */

const TICKS = 1000; // positions of a slider on a logarithmic scale
/** The same colour for a symbol wherever it stands. @type {Object<string, string>} */
export const SYMBOLS = { μ: "mu", σ: "sigma", ε: "eps", "ε ×": "eps", z: "zed" };

/** A number as a knob takes it. @type {(value: number, knob: Pick<NumberKnob, "min" | "max" | "step" | "kind">) => number} */
export const bounded = (value, { min, max, step, kind }) => {
  const rounded = kind === "int" ? Math.round(value) : step ? Number((Math.round(value / step) * step).toFixed(6)) : value;
  return Math.min(Math.max(rounded, min), max);
};

/** @param {{ min: number, max: number }} knob */
const floorOf = ({ min, max }) => (min > 0 ? min : max / 1e4);

/**
 * @typedef {Object} Scale Of a slider: its bounds and step, its position for a value, and back.
 * @property {(knob: NumberKnob) => number} min
 * @property {(knob: NumberKnob) => number} max
 * @property {(knob: NumberKnob) => number} step
 * @property {(value: number, knob: NumberKnob) => number} to
 * @property {(at: number, knob: NumberKnob) => number} from
 */

/** A range that starts at 0 has 0 at the left end of its logarithm. @type {Record<"linear" | "log", Scale>} */
export const SCALES = {
  linear: { min: ({ min }) => min, max: ({ max }) => max, step: ({ step }) => step, to: (value) => value, from: (at) => at },
  log: {
    min: () => 0,
    max: () => TICKS,
    step: () => 1,
    to: (value, knob) => (TICKS * Math.log(Math.max(value / floorOf(knob), 1))) / Math.log(knob.max / floorOf(knob)),
    from: (at, knob) => (at <= 0 ? knob.min : floorOf(knob) * (knob.max / floorOf(knob)) ** (at / TICKS)),
  },
};

/** @param {Value} value */
const readable = (value) => String(Number(Number(value).toPrecision(3)));

/** @param {HTMLInputElement} slider */
const showShare = (slider) => {
  const [value, min, max] = [slider.value, slider.min, slider.max].map(Number);
  slider.style.setProperty("--share", String((value - min) / (max - min)));
};

/**
 * Slider and number entry. Returns show(value), which leaves alone what the user is touching.
 *
 * @param {HTMLElement} element
 * @param {NumberKnob} knob
 * @param {string} id
 * @param {(value: number) => void} change
 */
export function numberControl(element, knob, id, change) {
  const scale = SCALES[knob.scale] ?? SCALES.linear;
  element.className = "knob";
  element.innerHTML = `<label><b class="symbol ${SYMBOLS[knob.symbol] ?? ""}">${knob.symbol || ""}</b> <span>${knob.title}</span></label>
    <input class="number" type="number" min="${knob.min}" max="${knob.max}" step="any" aria-label="${knob.title}">
    <input type="range" data-testid="${id}" min="${scale.min(knob)}" max="${scale.max(knob)}" step="${scale.step(knob) ?? "any"}" aria-label="${knob.title}">`;
  element.title = `${knob.help || knob.title} (double-click: ${readable(knob.default)})`;
  const [number, slider] = element.querySelectorAll("input");
  let dragging = false;
  slider.onpointerdown = () => (dragging = true);
  slider.onpointerup = slider.onpointercancel = slider.onblur = () => (dragging = false);
  slider.oninput = () => {
    showShare(slider);
    change(bounded(scale.from(Number(slider.value), knob), knob));
  };
  slider.ondblclick = part(element, "label").ondblclick = () => change(Number(knob.default));
  number.onchange = () => {
    if (number.value !== "") change(bounded(Number(number.value), { ...knob, step: 0 }));
  };
  /** @param {Value | undefined} value */
  return (value) => {
    if (value === undefined || value === null) return;
    if (!dragging) {
      slider.value = String(scale.to(Number(value), knob));
      showShare(slider);
    }
    if (!number.matches(":focus")) number.value = readable(value);
    slider.setAttribute("aria-valuetext", readable(value));
  };
}

/** @type {(element: HTMLElement, knob: Knob, id: string, change: Change) => (value: Value) => void} */
function choiceControl(element, knob, id, change) {
  element.className = "knob choice";
  element.title = knob.help || knob.title;
  const name = `<span><b class="symbol">${knob.symbol || ""}</b> ${knob.title}</span>`;
  if (knob.kind === "bool") {
    element.innerHTML = `<label>${name}<input type="checkbox" class="check" data-testid="${id}"></label>`;
    const box = one(element, "input", HTMLInputElement);
    box.onchange = () => change(box.checked);
    return (value) => (box.checked = Boolean(value));
  }
  const chosen = knob.kind === "choice";
  element.innerHTML = chosen
    ? `<label>${name}<select data-testid="${id}"></select></label>`
    : `<label>${name}<input type="text" data-testid="${id}"></label>`;
  const field = chosen ? one(element, "select", HTMLSelectElement) : one(element, "input", HTMLInputElement);
  if (chosen) field.replaceChildren(...knob.choices.map(({ value, title }) => new Option(title, value)));
  field.onchange = () => change(field.value);
  return (value) => {
    if (!field.matches(":focus")) field.value = String(value);
  };
}

/** @param {Knob} knob @returns {knob is NumberKnob} */
const isNumber = (knob) => knob.kind === "float" || knob.kind === "int";

/** The control that a knob asks for. Returns show(value). @type {(element: HTMLElement, knob: Knob, change: Change) => (value: Value) => void} */
export const knobControl = (element, knob, change) =>
  isNumber(knob) ? numberControl(element, knob, `knob-${knob.name}`, change) : choiceControl(element, knob, `knob-${knob.name}`, change);
