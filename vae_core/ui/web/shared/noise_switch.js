// The noise switch, which the whole lab is about: on or off, how much of it, and what it means that it is off.

import { ICONS } from "./icons.js";
import { buttonOf, part } from "./elements.js";
import { hasNoise } from "./store.js";
import { numberControl } from "./knobs.js";

/** @import { Actions } from "./actions.js" */
/** @import { Controls, Store } from "./store.js" */
/** @import { NumberKnob } from "./knobs.js" */
/** @import { Rule } from "./messages.js" */

/** @type {NumberKnob} */
const NOISE = {
  name: "noise", symbol: "ε ×", title: "noise switch", help: "", kind: "float", default: 1, min: 0, max: 1, step: 0.01,
  scale: "linear", when: {}, choices: [],
};

/** @type {(root: HTMLElement, store: Store, act: Pick<Actions, "switchTo" | "toggleNoise">) => { draw: (rule: Rule, state: Controls) => void }} */
export function createNoiseSwitch(root, store, act) {
  const toggle = buttonOf(root, "noise");
  const scale = part(root, "[data-part=scale]");
  const note = part(root, "[data-part=note]");
  const showScale = numberControl(scale, NOISE, "noise-scale", (noise) => act.switchTo({ noise }));
  toggle.onclick = act.toggleNoise;

  return {
    draw(rule, { noise }) {
      const noisy = hasNoise(store);
      const on = noisy && noise > 0;
      const label = noisy ? `Noise ${on ? "on" : "off"}` : "No noise in this rule";
      if (toggle.dataset.label !== label) {
        toggle.dataset.label = label;
        toggle.innerHTML = `<span class="thumb">${on ? ICONS.cloud : ICONS.dot}</span><span>${label}</span>`;
      }
      toggle.setAttribute("aria-checked", String(on));
      toggle.disabled = !noisy;
      scale.hidden = !noisy;
      showScale(noise);
      note.hidden = on || !noisy;
      note.textContent = rule.noise_off;
    },
  };
}
