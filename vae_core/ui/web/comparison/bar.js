// The bar of a comparison: one player for all runs, whom switches change, and the classes.

import { CLASS_COLOURS } from "../shared/theme.js";
import { copy } from "../playground/bar.js";
import { ICONS } from "../playground/page.js";
import { isLive } from "../shared/store.js";

export function createBar(root, master, act, to) {
  const { view } = master;
  const find = (id) => root.querySelector(`[data-testid="${id}"]`);
  const text = (element, value) => {
    if (element.textContent !== value) element.textContent = value;
  };
  const group = (name, choose) => {
    const buttons = [...root.querySelectorAll(`[data-name=${name}] button`)];
    for (const button of buttons) button.onclick = () => choose(button.dataset.value);
    return (value) => buttons.forEach((button) => button.setAttribute("aria-pressed", button.dataset.value === String(value)));
  };
  find("play").onclick = act.playPause;
  for (const command of ["step", "reset"]) find(command).onclick = () => act.train(command);
  const showSpeed = group("speed", (value) => act.speed(Number(value)));
  const showTarget = group("target", (target) => act.set({ target }, "controls"));
  find("reset-view").onclick = to.home;
  find("projector").onclick = () => act.set({ projector: !view.projector }, "theme");
  find("copy-link").onclick = async ({ currentTarget }) => {
    await copy(location.href);
    currentTarget.lastElementChild.textContent = "Copied";
    setTimeout(() => (currentTarget.lastElementChild.textContent = "Copy link"), 1500);
  };
  const legend = root.querySelector(".legend");
  const buildLegend = (names) => {
    legend.replaceChildren(...names.map((name, k) => {
      const chip = document.createElement("button");
      Object.assign(chip, { type: "button", className: "chip", textContent: name, title: `Show class ${name} alone` });
      chip.style.setProperty("--c", CLASS_COLOURS[k]);
      chip.onclick = () => act.set({ isolated: view.isolated === k ? null : k }, "plane", "controls");
      return chip;
    }));
  };
  return {
    draw() {
      const { state, frame, hello } = master;
      text(root.querySelector("[data-counter=step]"), (frame?.step ?? 0).toLocaleString("en"));
      const play = find("play");
      const playing = Boolean(state?.playing);
      if (play.dataset.playing !== String(playing)) {
        play.dataset.playing = playing;
        play.innerHTML = playing ? `${ICONS.pause}<span>Pause</span>` : `${ICONS.play}<span>Play</span>`;
      }
      const status = !master.connected ? "connecting" : !isLive(master) ? "looking back" : state?.status ?? "starting";
      text(find("status"), status);
      find("status").dataset.status = status;
      showSpeed(state?.speed ?? 0);
      showTarget(view.target);
      find("projector").setAttribute("aria-pressed", view.projector);
      if (hello && !legend.children.length) buildLegend(hello.columns[0].classes);
      [...legend.children].forEach((chip, k) => chip.setAttribute("aria-pressed", view.isolated === k));
      const said = state?.message ?? state?.columns.find(({ message }) => message)?.message;
      const message = find("message");
      message.hidden = !said;
      if (said) {
        message.dataset.level = said.level;
        text(message, said.text);
      }
    },
  };
}
