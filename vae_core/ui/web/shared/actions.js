// What the user can do, as messages to the run and changes of the view. Widgets call these and nothing else.

import { HOME, hasNoise, isLive } from "./store.js";

const SWITCH_PAUSE = 50; // ms between messages while a slider is dragged
const DECODER_PAUSE = 150; // ms between requests for weights while the run trains

export function createActions(store, { send, touch }) {
  const { view } = store;
  const waiting = { switch: null, timer: 0, frame: false, decoderUntil: 0, decoderSince: 0, decoderAsked: null };

  const flushSwitch = () => {
    waiting.timer = 0;
    if (!waiting.switch) return;
    send({ do: "switch", ...waiting.switch });
    waiting.switch = null;
    waiting.timer = setTimeout(flushSwitch, SWITCH_PAUSE);
  };

  const act = {
    set(changes, ...parts) {
      Object.assign(view, changes);
      touch(...parts);
    },
    train(command) {
      act.live();
      send({ do: command });
      if (store.state && command !== "reset") store.state.playing = command === "play";
      touch("controls");
    },
    playPause: () => act.train(store.state?.playing ? "pause" : "play"),
    speed(value) {
      send({ do: "speed", value });
      if (store.state) store.state.speed = value;
      touch("controls");
    },
    /** Change rule, noise or knobs. The screen shows it at once, the run follows with its next state. */
    switchTo({ rule, noise, knobs }) {
      const { state, hello } = store;
      if (!state) return;
      const changes = {};
      if (rule !== undefined && rule !== state.rule) {
        changes.rule = state.rule = rule;
        const declared = hello.rules.find(({ name }) => name === rule).knobs;
        state.knobs = Object.fromEntries(declared.map((knob) => [knob.name, knob.default]));
      }
      if (noise !== undefined) {
        changes.noise = state.noise = noise;
        if (noise > 0) view.lastNoise = noise;
      }
      if (knobs) {
        changes.knobs = { ...waiting.switch?.knobs, ...knobs };
        state.knobs = { ...state.knobs, ...knobs };
      }
      if (changes.rule && waiting.switch) waiting.switch.knobs = undefined;
      waiting.switch = { ...waiting.switch, ...changes };
      if (!waiting.timer) flushSwitch();
      touch("controls");
    },
    toggleNoise: () => hasNoise(store) && act.switchTo({ noise: store.state.noise > 0 ? 0 : view.lastNoise }),
    look(index) {
      send({ do: "look", index });
    },
    pin(pin) {
      act.set({ pin }, "plane", "images");
      if (pin?.index !== undefined) act.look(pin.index);
      act.wantDecoder();
    },
    home: () => act.set({ range: { ...HOME }, follow: false }, "plane"),

    /** Show the recorded frame at `step`; one request is under way, the latest wish wins. */
    scrub(step) {
      if (isLive(store)) send({ do: "follow", value: false });
      act.set({ scrub: step }, "controls");
      if (waiting.frame) return;
      waiting.frame = send({ do: "frame", step });
    },
    frameArrived(frame) {
      waiting.frame = false;
      if (!isLive(store) && frame.step !== view.scrub && frame.step !== waiting.asked) {
        waiting.asked = frame.step; // a step that is no longer kept is answered by another: ask once
        waiting.frame = send({ do: "frame", step: view.scrub });
      }
    },
    stepBy(direction) {
      const kept = store.state?.kept ?? [];
      const here = isLive(store) ? kept.length : kept.indexOf(view.scrub);
      const next = Math.max(0, here + direction);
      if (next >= kept.length) act.live();
      else act.scrub(kept[next]);
    },
    live() {
      if (isLive(store)) return;
      act.set({ scrub: null }, "controls");
      send({ do: "follow", value: true });
    },
    fork() {
      const { rule, noise, knobs } = store.state;
      send({ do: "fork", step: store.frame.step, rule, noise, knobs });
    },

    /** Ask for the shown frame's weights while something on the screen needs them. */
    wantDecoder() {
      const { frame } = store;
      const needed = view.cursor || view.pin;
      if (!needed || !frame || waiting.decoderAsked === frame.step) return;
      const now = performance.now();
      if (now < waiting.decoderUntil || now < waiting.decoderSince + DECODER_PAUSE) return;
      waiting.decoderSince = now;
      waiting.decoderUntil = now + 2000; // an answer that got lost does not block for ever
      if (send({ do: "decoder", step: frame.step })) waiting.decoderAsked = frame.step;
    },
    decoderArrived() {
      waiting.decoderUntil = 0;
    },
    /** A state that left the run before the last switch reached it must not undo what the hand just did. */
    withPending(state) {
      const { rule, noise, knobs } = waiting.switch ?? {};
      if (rule !== undefined) return { ...state, rule, noise: noise ?? state.noise, knobs: store.state.knobs };
      return { ...state, noise: noise ?? state.noise, knobs: { ...state.knobs, ...knobs } };
    },
    /** After a reconnection in the middle of looking back. */
    resume() {
      send({ do: "follow", value: false });
      waiting.frame = send({ do: "frame", step: view.scrub });
    },
    forget() {
      Object.assign(waiting, { switch: null, frame: false, decoderUntil: 0, decoderAsked: null });
    },
  };
  return act;
}
