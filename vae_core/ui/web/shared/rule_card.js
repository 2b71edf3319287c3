// The rule card: what z is, what is charged, the noise switch, and the rule's knobs.

import { createNoiseSwitch } from "./noise_switch.js";
import { holds, ruleOf } from "./store.js";
import { knobControl, SYMBOLS } from "./knobs.js";
import { one, part, worded } from "./elements.js";
import { signed } from "./numbers.js";

/** @import { Actions } from "./actions.js" */
/** @import { Rule } from "./messages.js" */
/** @import { Store } from "./store.js" */
/** @import { Value } from "./knobs.js" */

/** @param {HTMLElement} element */
function colourSymbols(element) {
  for (const leaf of element.querySelectorAll("mi, mo, mtext")) {
    const name = SYMBOLS[leaf.textContent.trim()];
    if (name) leaf.classList.add(name);
  }
}

/** A formula too wide for the card gets smaller instead of losing its end. @param {HTMLElement} element */
function fit(element) {
  element.style.fontSize = "";
  const excess = element.scrollWidth / element.clientWidth;
  if (excess > 1) element.style.fontSize = `${0.98 / excess}em`;
}

/** @type {(root: HTMLElement, store: Store, act: Pick<Actions, "switchTo" | "toggleNoise">) => { draw: () => void }} */
export function createRuleCard(root, store, act) {
  const [formula, charged, about, knobs, facts] =
    ["formula", "charged", "about", "knobs", "facts"].map((name) => part(root, `[data-part=${name}]`));
  const picker = one(root, "[data-testid=rule]", HTMLSelectElement);
  const noise = createNoiseSwitch(root, store, act);
  /** @type {Rule | null} */
  let built = null; // the rule whose formula and knobs are on the page
  /** @type {((value: Value) => void)[]} */
  let shows = []; // one per knob

  picker.onchange = () => act.switchTo({ rule: picker.value });

  const fitBoth = () => [formula, charged].forEach(fit);
  new ResizeObserver(fitBoth).observe(formula);

  /** @param {Rule} rule */
  const build = (rule) => {
    built = rule;
    formula.innerHTML = rule.mathml;
    charged.innerHTML = `<span>charged</span> <div>${rule.charged}</div>`;
    colourSymbols(formula);
    colourSymbols(charged);
    fitBoth();
    picker.title = rule.question;
    const lines = [["", rule.question], ["Why charged", rule.why], ["Not defined", rule.undefined], ["Source", rule.source]];
    about.replaceChildren(...lines.filter(([, text]) => text).map(([name, text]) => {
      const line = document.createElement("p");
      line.append(worded("b", name), " ", text);
      return line;
    }));
    const elements = rule.knobs.map(() => document.createElement("div"));
    shows = rule.knobs.map((knob, index) =>
      knobControl(elements[index], knob, (value) => act.switchTo({ knobs: { [knob.name]: value } })));
    knobs.replaceChildren(...elements);
  };

  return {
    draw() {
      const { hello, state } = store;
      const rule = ruleOf(store);
      if (!rule || !hello || !state) return;
      if (picker.options.length !== hello.rules.length) picker.replaceChildren(...hello.rules.map(({ name, title }) => new Option(title, name)));
      picker.value = rule.name;
      if (built !== rule) build(rule);
      noise.draw(rule, state);
      rule.knobs.forEach(({ name, when }, index) => {
        shows[index](state.knobs[name]);
        knobs.children[index].toggleAttribute("hidden", !holds(when, state.knobs));
      });
      const told = Object.entries(store.frame?.facts ?? {});
      facts.hidden = !told.length;
      facts.textContent = told.map(([name, values]) => `${name} (${values.map((value) => signed(value, 2)).join(", ")})`).join(" · ");
    },
  };
}
