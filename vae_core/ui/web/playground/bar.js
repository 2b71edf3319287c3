// The control bar and the switches of the view: buttons in, aria-pressed and numbers out.

import { attachCopyLink, attachSegmented, createLegend, showMessage, showPlaying } from "../shared/controls.js";
import { buttonOf, named, part, press, write } from "../shared/elements.js";
import { isLive } from "../shared/store.js";

/** @import { Actions } from "../shared/actions.js" */
/** @import { Store } from "../shared/store.js" */

/** @param {number} seconds */
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

/** @type {(root: HTMLElement, store: Store, act: Actions) => { draw: () => void }} */
export function createBar(root, store, act) {
  const { view } = store;
  const [step, epoch, time] = ["step", "epoch", "time"].map((name) => part(root, `[data-counter=${name}]`));
  const badge = named(root, "status");
  const crowded = named(root, "crowd");

  buttonOf(root, "play").onclick = act.playPause;
  buttonOf(root, "step").onclick = () => act.train("step");
  buttonOf(root, "epoch").onclick = () => act.train("epoch");
  buttonOf(root, "reset").onclick = () => act.train("reset");
  const showSpeed = attachSegmented(root, "speed", (value) => act.speed(Number(value)));
  const showCoordinate = attachSegmented(root, "coordinate", (value) =>
    act.set({ coordinate: value === "mean" ? "mean" : "z" }, "aim", "plane", "controls"));
  const showMarks = attachSegmented(root, "marks", (value) => act.set({ marks: value === "digits" ? "digits" : "dots" }, "plane", "controls"));
  /** @type {(name: "repeats" | "ellipses" | "posterior" | "projector", ...parts: string[]) => () => void} */
  const toggle = (name, ...parts) => {
    const button = buttonOf(root, name);
    button.onclick = () => act.set({ [name]: !view[name] }, "controls", ...parts);
    return () => press(button, view[name]);
  };
  const toggles = [toggle("repeats", "plane"), toggle("ellipses", "plane"), toggle("posterior", "plane", "images"), toggle("projector", "theme")];
  buttonOf(root, "reset-view").onclick = act.home;
  buttonOf(root, "follow").onclick = () => act.set({ follow: true }, "plane");
  attachCopyLink(root, () => location.origin + location.pathname + (store.state?.link ?? ""));
  const showClasses = createLegend(
    part(root, ".legend"),
    (label) => act.set({ isolated: view.isolated === label ? null : label }, "plane", "controls"),
    (label) => act.set({ highlighted: label }, "plane"),
  );

  const status = () => {
    const { state } = store;
    if (!store.connected) return store.hello ? "reconnecting" : "connecting";
    if (!isLive(store)) return "looking back";
    if (state?.playing && state.recorded) return "recorded";
    return state?.status ?? "starting";
  };

  return {
    draw() {
      const { state, frame, hello } = store;
      const shown = frame ?? state;
      if (shown) {
        write(step, shown.step.toLocaleString("en"));
        write(epoch, (shown.epoch ?? 0).toFixed(1));
        write(time, isLive(store) ? clock(state?.seconds ?? 0) : "–"); // of the past it is not known here
      }
      showPlaying(root, Boolean(state?.playing));
      const now = status();
      write(badge, now);
      badge.dataset.status = now;
      badge.title = now === "recorded" ? `Trained before: its frames are there up to step ${state?.recorded?.toLocaleString("en")}` : "";
      const crowd = state?.crowd;
      write(crowded, crowd ? `${crowd.runs} runs share ${crowd.workers} worker${crowd.workers > 1 ? "s" : ""}` : "");
      showSpeed(state?.speed ?? 0);
      showCoordinate(view.coordinate);
      showMarks(view.marks);
      for (const show of toggles) show();
      if (hello) showClasses(hello.classes, view.isolated);
      showMessage(root, state?.message);
    },
  };
}
