// The rule card: what z is, what is charged, the noise switch, and one control per declared knob.

import { ICONS } from "../playground/page.js";
import { signed } from "./markers.js";
import { hasNoise, holds, ruleOf } from "./store.js";

const TICKS = 1000; // positions of a slider on a logarithmic scale
const SYMBOLS = { μ: "mu", σ: "sigma", ε: "eps", "ε ×": "eps", z: "zed" };
const NOISE = { name: "noise", symbol: "ε ×", title: "noise switch", kind: "float", default: 1, min: 0, max: 1, step: 0.01, scale: "linear" };

/** The same colour for a symbol wherever it stands. */
function colourSymbols(element) {
  for (const leaf of element.querySelectorAll("mi, mo, mtext")) {
    const name = SYMBOLS[leaf.textContent.trim()];
    if (name) leaf.classList.add(name);
  }
}

/** A formula too wide for the card gets smaller instead of losing its end. */
function fit(element) {
  element.style.fontSize = "";
  const excess = element.scrollWidth / element.clientWidth;
  if (excess > 1) element.style.fontSize = `${0.98 / excess}em`;
}

const bounded = (value, { min, max, step, kind }) => {
  const rounded = kind === "int" ? Math.round(value) : step ? Number((Math.round(value / step) * step).toFixed(6)) : value;
  return Math.min(Math.max(rounded, min), max);
};

const floorOf = ({ min, max }) => (min > 0 ? min : max / 1e4);

/** A slider's position for a value and back; a range that starts at 0 has 0 at the left end of its logarithm. */
const scales = {
  linear: { min: ({ min }) => min, max: ({ max }) => max, step: ({ step }) => step, to: (value) => value, from: (at) => at },
  log: {
    min: () => 0,
    max: () => TICKS,
    step: () => 1,
    to: (value, knob) => (TICKS * Math.log(Math.max(value / floorOf(knob), 1))) / Math.log(knob.max / floorOf(knob)),
    from: (at, knob) => (at <= 0 ? knob.min : floorOf(knob) * (knob.max / floorOf(knob)) ** (at / TICKS)),
  },
};

const readable = (value) => String(Number(Number(value).toPrecision(3)));

/** Slider and number entry. Returns show(value), which leaves alone what the user is touching. */
function numberControl(element, knob, id, change) {
  const scale = scales[knob.scale] ?? scales.linear;
  element.className = "knob";
  element.innerHTML = `<label><b class="symbol ${SYMBOLS[knob.symbol] ?? ""}">${knob.symbol || ""}</b> <span>${knob.title}</span></label>
    <input class="number" type="number" min="${knob.min}" max="${knob.max}" step="any" aria-label="${knob.title}">
    <input type="range" data-testid="${id}" min="${scale.min(knob)}" max="${scale.max(knob)}" step="${scale.step(knob) ?? "any"}" aria-label="${knob.title}">`;
  element.title = `${knob.help || knob.title} (double-click: ${readable(knob.default)})`;
  const [number, slider] = element.querySelectorAll("input");
  let dragging = false;
  const show = (value) => {
    if (value === undefined || value === null) return;
    if (!dragging) {
      slider.value = scale.to(value, knob);
      slider.style.setProperty("--share", (slider.value - slider.min) / (slider.max - slider.min));
    }
    if (!number.matches(":focus")) number.value = readable(value);
    slider.setAttribute("aria-valuetext", readable(value));
  };
  slider.onpointerdown = () => (dragging = true);
  slider.onpointerup = slider.onpointercancel = slider.onblur = () => (dragging = false);
  slider.oninput = () => {
    slider.style.setProperty("--share", (slider.value - slider.min) / (slider.max - slider.min));
    change(bounded(scale.from(Number(slider.value), knob), knob));
  };
  slider.ondblclick = element.querySelector("label").ondblclick = () => change(knob.default);
  number.onchange = () => number.value !== "" && change(bounded(Number(number.value), { ...knob, step: 0 }));
  return show;
}

function choiceControl(element, knob, id, change) {
  element.className = "knob choice";
  element.title = knob.help || knob.title;
  const name = `<span><b class="symbol">${knob.symbol || ""}</b> ${knob.title}</span>`;
  const fields = {
    bool: `<label>${name}<input type="checkbox" class="check" data-testid="${id}"></label>`,
    choice: `<label>${name}<select data-testid="${id}"></select></label>`,
    text: `<label>${name}<input type="text" data-testid="${id}"></label>`,
  };
  element.innerHTML = fields[knob.kind];
  const field = element.querySelector("input, select");
  if (knob.kind === "choice") field.replaceChildren(...knob.choices.map(({ value, title }) => new Option(title, value)));
  field.onchange = () => change(knob.kind === "bool" ? field.checked : field.value);
  return (value) => {
    if (knob.kind === "bool") field.checked = value;
    else if (!field.matches(":focus")) field.value = value;
  };
}

export function createRuleCard(root, store, act) {
  const part = (name) => root.querySelector(`[data-part=${name}]`);
  const picker = root.querySelector("[data-testid=rule]");
  const toggle = root.querySelector("[data-testid=noise]");
  const showScale = numberControl(part("scale"), NOISE, "noise-scale", (noise) => act.switchTo({ noise }));
  let built = null; // the rule whose formula and knobs are on the page
  let shows = {};

  picker.onchange = () => act.switchTo({ rule: picker.value });
  toggle.onclick = act.toggleNoise;

  const fitBoth = () => [part("formula"), part("charged")].forEach(fit);
  new ResizeObserver(fitBoth).observe(part("formula"));

  const build = (rule) => {
    built = rule;
    part("formula").innerHTML = rule.mathml;
    part("charged").innerHTML = `<span>charged</span> <div>${rule.charged}</div>`;
    colourSymbols(part("formula"));
    colourSymbols(part("charged"));
    fitBoth();
    picker.title = rule.question;
    part("about").replaceChildren(
      ...[["", rule.question], ["Why charged", rule.why], ["Not defined", rule.undefined], ["Source", rule.source]]
        .filter(([, text]) => text)
        .map(([name, text]) => {
          const line = document.createElement("p");
          line.append(Object.assign(document.createElement("b"), { textContent: name }), " ", text);
          return line;
        }),
    );
    shows = {};
    part("knobs").replaceChildren(...rule.knobs.map((knob) => {
      const element = document.createElement("div");
      const control = knob.kind === "float" || knob.kind === "int" ? numberControl : choiceControl;
      shows[knob.name] = control(element, knob, `knob-${knob.name}`, (value) => act.switchTo({ knobs: { [knob.name]: value } }));
      return element;
    }));
  };

  return {
    draw() {
      const { hello, state } = store;
      const rule = ruleOf(store);
      if (!rule) return;
      if (picker.options.length !== hello.rules.length) picker.replaceChildren(...hello.rules.map(({ name, title }) => new Option(title, name)));
      picker.value = rule.name;
      if (built !== rule) build(rule);
      const noisy = hasNoise(store);
      const on = noisy && state.noise > 0;
      const label = noisy ? `Noise ${on ? "on" : "off"}` : "No noise in this rule";
      if (toggle.dataset.label !== label) {
        toggle.dataset.label = label;
        toggle.innerHTML = `<span class="thumb">${on ? ICONS.cloud : ICONS.dot}</span><span>${label}</span>`;
      }
      toggle.setAttribute("aria-checked", on);
      toggle.disabled = !noisy;
      part("scale").hidden = !noisy;
      showScale(state.noise);
      const note = part("note");
      note.hidden = on || !noisy;
      note.textContent = rule.noise_off;
      rule.knobs.forEach(({ name, when }, index) => {
        shows[name](state.knobs[name]);
        part("knobs").children[index].hidden = !holds(when, state.knobs);
      });
      const facts = Object.entries(store.frame?.facts ?? {});
      part("facts").hidden = !facts.length;
      part("facts").textContent = facts.map(([name, values]) => `${name} (${values.map((v) => signed(v, 2)).join(", ")})`).join(" · ");
    },
  };
}
