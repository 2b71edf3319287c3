// The timeline: kept frames from the first to the last, then the live run at the right end.

import { isLive, landmarks } from "./store.js";

export function createTimeline(root, store, act) {
  const find = (id) => root.querySelector(`[data-testid=${id}]`);
  const slider = find("timeline");
  const marks = root.querySelector(".timeline .events");
  const { view } = store;
  let marked = "";

  slider.oninput = () => {
    const kept = store.state?.kept ?? [];
    const at = Number(slider.value);
    if (at >= kept.length) act.live();
    else act.scrub(kept[at]);
  };
  find("back").onclick = () => act.stepBy(-1);
  find("forward").onclick = () => act.stepBy(1);
  find("live").onclick = act.live;
  const fork = find("fork"); // a comparison has none
  if (fork) fork.onclick = act.fork;

  /** Where a step lies between the kept frames, 0..1. */
  const shareOf = (step, kept) => {
    const after = kept.findIndex((other) => other >= step);
    if (after <= 0) return after === 0 ? 0 : 1;
    return (after - 1 + (step - kept[after - 1]) / (kept[after] - kept[after - 1])) / kept.length;
  };

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
      slider.max = Math.max(1, kept.length);
      slider.value = isLive(store) ? slider.max : kept.indexOf(view.scrub);
      slider.style.setProperty("--share", slider.value / slider.max);
      slider.setAttribute("aria-valuetext", isLive(store) ? "live" : `step ${view.scrub}`);
      slider.disabled = kept.length === 0;
      find("back").disabled = kept.length === 0 || (!isLive(store) && view.scrub === kept[0]);
      find("forward").disabled = isLive(store);
      find("live").setAttribute("aria-pressed", isLive(store));
      if (fork) fork.hidden = (isLive(store) && !view.watching) || !frame;
      drawMarks(state?.events ?? [], kept);
    },
  };
}
