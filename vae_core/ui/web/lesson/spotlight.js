// A lesson's guide: some controls are put away, and the one to use next is lit until it was used.

const selectorsOf = (name) => [`[data-testid="${name}"]`, `[data-name="${name}"]`, `[data-part="${name}"]`, `section.${name}`];

export function createSpotlight(root, store) {
  let guide = null; // { id, press: [{ control, after, value }], hide: [name], done, lit }
  let tell = () => {};
  let done = 0; // controls used so far
  let since = 0; // step at which the last one was used
  let lit = null;
  let before = ""; // what the lit control showed when it was lit

  const place = (name) => {
    const found = selectorsOf(name).map((selector) => root.querySelector(selector)).find(Boolean);
    return found?.closest(".knob") ?? found;
  };

  /** All that a control shows: pressed, checked, chosen, or a slider's place. */
  const shown = (control) => [control, ...control.querySelectorAll("*")]
    .map((node) => node.getAttribute("aria-checked") ?? node.getAttribute("aria-pressed") ?? (node.type === "checkbox" ? node.checked : node.value) ?? "")
    .join("|");

  const choice = (control) => (control.matches("select") ? control : control.querySelector("select"))?.value;

  const unlight = () => {
    lit = null;
    for (const node of root.querySelectorAll(".lit, .aside")) node.classList.remove("lit", "aside");
  };

  const light = (control) => {
    unlight();
    lit = control;
    before = shown(control);
    control.classList.add("lit");
    for (let node = control; node !== root; node = node.parentElement) {
      for (const other of node.parentElement.children) if (other !== node) other.classList.add("aside");
    }
    control.scrollIntoView({ block: "nearest" });
  };

  return {
    /** The page asks again on each run of its script; the same guide goes on where it was. */
    follow(next, report) {
      tell = report;
      if (["id", "hide", "lit"].every((name) => String(next?.[name]) === String(guide?.[name]))) return;
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
      const next = guide.lit && guide.press[done];
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
