// The control bar and the switches of the view: buttons in, aria-pressed and numbers out.

import { ICONS } from "./page.js";
import { CLASS_COLOURS } from "../shared/theme.js";
import { isLive } from "../shared/store.js";

const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

export async function copy(text) {
  if (navigator.clipboard && isSecureContext) return navigator.clipboard.writeText(text);
  const field = Object.assign(document.createElement("textarea"), { value: text }); // plain http: the old way
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

export function createBar(root, store, act) {
  const { view } = store;
  const find = (id) => root.querySelector(`[data-testid="${id}"]`);
  const counter = (name) => root.querySelector(`[data-counter=${name}]`);
  const counters = { step: counter("step"), epoch: counter("epoch"), time: counter("time") };
  const legend = root.querySelector(".legend");
  const text = (element, value) => {
    if (element.textContent !== value) element.textContent = value;
  };
  const group = (name, choose) => {
    const buttons = [...root.querySelectorAll(`[data-name=${name}] button`)];
    for (const button of buttons) button.onclick = () => choose(button.dataset.value);
    return (value) => buttons.forEach((button) => button.setAttribute("aria-pressed", button.dataset.value === String(value)));
  };

  find("play").onclick = act.playPause;
  for (const command of ["step", "epoch", "reset"]) find(command).onclick = () => act.train(command);
  const showSpeed = group("speed", (value) => act.speed(Number(value)));
  const showCoordinate = group("coordinate", (coordinate) => act.set({ coordinate }, "aim", "plane", "controls"));
  const showMarks = group("marks", (marks) => act.set({ marks }, "plane", "controls"));
  const toggle = (id, name, ...parts) => {
    find(id).onclick = () => act.set({ [name]: !view[name] }, "controls", ...parts);
    return () => find(id).setAttribute("aria-pressed", view[name]);
  };
  const toggles = [toggle("repeats", "repeats", "plane"), toggle("ellipses", "ellipses", "plane"), toggle("posterior", "posterior", "plane", "images"), toggle("projector", "projector", "theme")];
  find("reset-view").onclick = act.home;
  find("follow").onclick = () => act.set({ follow: true }, "plane");
  find("copy-link").onclick = async ({ currentTarget }) => {
    await copy(location.origin + location.pathname + (store.state?.link ?? ""));
    currentTarget.lastElementChild.textContent = "Copied";
    setTimeout(() => (currentTarget.lastElementChild.textContent = "Copy link"), 1500);
  };

  const buildLegend = (names) => {
    legend.dataset.names = names;
    legend.replaceChildren(...names.map((name, k) => {
      const chip = document.createElement("button");
      Object.assign(chip, { type: "button", className: "chip", textContent: name, title: `Show class ${name} alone` });
      chip.dataset.testid = `class-${k}`;
      chip.style.setProperty("--c", CLASS_COLOURS[k]);
      chip.onclick = () => act.set({ isolated: view.isolated === k ? null : k }, "plane", "controls");
      chip.onpointerenter = () => act.set({ highlighted: k }, "plane");
      chip.onpointerleave = () => act.set({ highlighted: null }, "plane");
      return chip;
    }));
  };

  const status = () => {
    if (!store.connected) return store.hello ? "reconnecting" : "connecting";
    if (!isLive(store)) return "looking back";
    if (store.state?.playing && store.state.recorded) return "recorded";
    return store.state?.status === "ready" && !store.state.playing ? "ready" : store.state?.status ?? "starting";
  };

  return {
    draw() {
      const { state, frame, hello } = store;
      const shown = frame ?? state;
      if (shown) {
        text(counters.step, shown.step.toLocaleString("en"));
        text(counters.epoch, shown.epoch.toFixed(1));
        text(counters.time, isLive(store) ? clock(state?.seconds ?? 0) : "–"); // of the past it is not known here
      }
      const play = find("play");
      const playing = Boolean(state?.playing);
      if (play.dataset.playing !== String(playing)) {
        play.dataset.playing = playing;
        play.innerHTML = playing ? `${ICONS.pause}<span>Pause</span>` : `${ICONS.play}<span>Play</span>`;
      }
      const badge = find("status");
      text(badge, status());
      badge.dataset.status = status();
      badge.title = status() === "recorded" ? `Trained before: its frames are there up to step ${state.recorded.toLocaleString("en")}` : "";
      const crowd = state?.crowd;
      text(find("crowd"), crowd ? `${crowd.runs} runs share ${crowd.workers} worker${crowd.workers > 1 ? "s" : ""}` : "");
      showSpeed(state?.speed ?? 0);
      showCoordinate(view.coordinate);
      showMarks(view.marks);
      for (const show of toggles) show();
      if (hello && legend.dataset.names !== String(hello.classes)) buildLegend(hello.classes);
      [...legend.children].forEach((chip, k) => chip.setAttribute("aria-pressed", view.isolated === k));
      const message = find("message");
      const said = state?.message;
      message.hidden = !said;
      if (said) {
        message.dataset.level = said.level;
        text(message, said.text);
      }
    },
  };
}
