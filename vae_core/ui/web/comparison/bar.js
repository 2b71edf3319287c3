// The bar of a comparison: one player for all runs, whom switches change, and the classes.

import { attachCopyLink, attachSegmented, createLegend, showMessage, showPlaying } from "../shared/controls.js";
import { buttonOf, named, part, press, write } from "../shared/elements.js";
import { isLive } from "../shared/store.js";

/** @import { Actions } from "../shared/actions.js" */
/** @import { Common, Master } from "./columns.js" */

/** @type {(root: HTMLElement, master: Master, act: Actions, to: Common) => { draw: () => void }} */
export function createBar(root, master, act, to) {
  const { view } = master;
  const badge = named(root, "status");
  const step = part(root, "[data-counter=step]");
  const projector = buttonOf(root, "projector");
  buttonOf(root, "play").onclick = act.playPause;
  buttonOf(root, "step").onclick = () => act.train("step");
  buttonOf(root, "reset").onclick = () => act.train("reset");
  const showSpeed = attachSegmented(root, "speed", (value) => act.speed(Number(value)));
  const showTarget = attachSegmented(root, "target", (target) => {
    view.target = target === "all" ? "all" : "one";
    to.touch("controls");
  });
  buttonOf(root, "reset-view").onclick = to.home;
  projector.onclick = () => act.set({ projector: !view.projector }, "theme");
  attachCopyLink(root, () => location.href);
  const showClasses = createLegend(part(root, ".legend"), (label) =>
    act.set({ isolated: view.isolated === label ? null : label }, "plane", "controls"));
  return {
    draw() {
      const { state, frame, hello } = master;
      write(step, (frame?.step ?? 0).toLocaleString("en"));
      showPlaying(root, Boolean(state?.playing));
      const status = !master.connected ? "connecting" : !isLive(master) ? "looking back" : state?.status ?? "starting";
      write(badge, status);
      badge.dataset.status = status;
      showSpeed(state?.speed ?? 0);
      showTarget(view.target);
      press(projector, view.projector);
      if (hello) showClasses(hello.classes, view.isolated);
      showMessage(root, state?.message ?? state?.columns?.find(({ message }) => message)?.message);
    },
  };
}
