// A lesson's guide: some controls are put away, and the one to use next is lit until it was used.

/** @import { Store } from "../shared/store.js" */

/**
 * @typedef {Object} Guide
 * @property {string} id
 * @property {{ control: string, after: number, value: string }[]} press the controls to be used
 * @property {string[]} hide names of controls
 * @property {number} done how many of them have been used
 * @property {boolean} lit whether the next one is lit
 */

/** @typedef {(used: { id: string, done: number }) => void} Report */

/** @param {string} name */
const selectorsOf = (name) => [`[data-testid="${name}"]`, `[data-name="${name}"]`, `[data-part="${name}"]`, `section.${name}`];

/** @type {(control: HTMLElement) => string | undefined} */
function choice(control) {
  const select = control.matches("select") ? control : control.querySelector("select");
  return select instanceof HTMLSelectElement ? select.value : undefined;
}

/** What an element of a control shows: pressed, checked, chosen, or a slider's place. @param {Element} node */
function stateOf(node) {
  const said = node.getAttribute("aria-checked") ?? node.getAttribute("aria-pressed");
  if (said !== null) return said;
  if (node instanceof HTMLInputElement) return node.type === "checkbox" ? String(node.checked) : node.value;
  return node instanceof HTMLSelectElement || node instanceof HTMLOptionElement ? node.value : "";
}

/** @param {HTMLElement} control */
const shown = (control) => [control, ...control.querySelectorAll("*")].map(stateOf).join("|");

/** @type {(root: HTMLElement, store: Store) => { follow: (guide: Guide | null, report: Report) => void, draw: () => void }} */
export function createSpotlight(root, store) {
  /** @type {Guide | null} */
  let guide = null;
  /** @type {Report} */
  let tell = () => {};
  let done = 0; // controls used so far
  let since = 0; // step at which the last one was used
  /** @type {HTMLElement | null} */
  let lit = null;
  let before = ""; // what the lit control showed when it was lit

  /** @param {string} name */
  const place = (name) => {
    const found = selectorsOf(name).map((selector) => root.querySelector(selector)).find(Boolean);
    const control = found?.closest(".knob") ?? found;
    return control instanceof HTMLElement ? control : null;
  };

  const unlight = () => {
    lit = null;
    for (const node of root.querySelectorAll(".lit, .aside")) node.classList.remove("lit", "aside");
  };

  /** @param {HTMLElement} control */
  const light = (control) => {
    unlight();
    lit = control;
    before = shown(control);
    control.classList.add("lit");
    for (let node = control; node !== root && node.parentElement; node = node.parentElement) {
      for (const other of node.parentElement.children) if (other !== node) other.classList.add("aside");
    }
    control.scrollIntoView({ block: "nearest" });
  };

  return {
    /** The page asks again on each run of its script; the same guide goes on where it was. */
    follow(next, report) {
      tell = report;
      if (/** @type {const} */ (["id", "hide", "lit"]).every((name) => String(next?.[name]) === String(guide?.[name]))) return;
      if (next?.id !== guide?.id) {
        done = next?.done ?? 0;
        since = 0;
      }
      guide = next;
      unlight();
      for (const node of root.querySelectorAll(".away")) node.classList.remove("away");
    },
    draw() {
      if (!guide || !store.state || !store.frame) return;
      for (const name of guide.hide) place(name)?.classList.add("away"); // controls come and go with the rule
      const next = guide.lit ? guide.press[done] : undefined;
      const control = next && place(next.control);
      const due = control && !control.closest(".away") && !control.hidden && store.frame.step >= since + next.after;
      if (!due) return unlight();
      if (control !== lit) light(control);
      if (next.value ? choice(control) !== next.value : shown(control) === before) return;
      done++;
      since = store.frame.step;
      unlight();
      tell({ id: guide.id, done });
    },
  };
}
