// The timeline: kept frames from the first to the last, then the live run at the right end.

import { buttonOf, one, part, press } from "./elements.js";
import { isLive, landmarks } from "./store.js";

/** @import { Actions } from "./actions.js" */
/** @import { Landmark, Store } from "./store.js" */

/** @type {(root: HTMLElement, store: Store, act: Actions) => { draw: () => void }} */
export function createTimeline(root, store, act) {
  const slider = one(root, "[data-testid=timeline]", HTMLInputElement);
  const marks = part(root, ".timeline .events");
  const [back, forward, live] = ["back", "forward", "live"].map((id) => buttonOf(root, id));
  const { view } = store;
  let marked = "";

  slider.oninput = () => {
    const kept = store.state?.kept ?? [];
    const at = Number(slider.value);
    if (at >= kept.length) act.live();
    else act.scrub(kept[at]);
  };
  back.onclick = () => act.stepBy(-1);
  forward.onclick = () => act.stepBy(1);
  live.onclick = act.live;
  const fork = root.querySelector("[data-testid=fork]"); // a comparison has none
  fork?.addEventListener("click", act.fork);

  /** Where a step lies between the kept frames, 0..1. @type {(step: number, kept: number[]) => number} */
  const shareOf = (step, kept) => {
    const after = kept.findIndex((other) => other >= step);
    if (after <= 0) return after === 0 ? 0 : 1;
    return (after - 1 + (step - kept[after - 1]) / (kept[after] - kept[after - 1])) / kept.length;
  };

  /** @type {(events: Landmark[], kept: number[]) => void} */
  const drawMarks = (events, kept) => {
    const key = JSON.stringify([events.map(({ step, label }) => [step, label]), kept.length]);
    if (key === marked) return;
    marked = key;
    const places = landmarks(events, (step) => shareOf(step, kept), 0.012);
    marks.replaceChildren(...places.map(([{ step, label }, share], index) => {
      const mark = document.createElement("span");
      const next = places[index + 1]?.[1] ?? 1;
      mark.style.left = `${100 * share}%`;
      mark.style.width = `${100 * Math.max(0, next - share)}%`; // the label ends where the next begins
      mark.textContent = next - share < 0.06 ? "" : label;
      mark.title = `${label}, step ${step}`;
      return mark;
    }));
  };

  return {
    draw() {
      const { state, frame } = store;
      const kept = state?.kept ?? [];
      const end = Math.max(1, kept.length);
      const here = view.scrub === null ? end : Math.max(0, kept.indexOf(view.scrub));
      slider.max = String(end);
      slider.value = String(here);
      slider.style.setProperty("--share", String(here / end));
      slider.setAttribute("aria-valuetext", view.scrub === null ? "live" : `step ${view.scrub}`);
      slider.disabled = kept.length === 0;
      back.disabled = kept.length === 0 || (!isLive(store) && view.scrub === kept[0]);
      forward.disabled = isLive(store);
      press(live, isLive(store));
      if (fork instanceof HTMLElement) fork.hidden = (isLive(store) && !view.watching) || !frame;
      drawMarks(state?.events ?? [], kept);
    },
  };
}
