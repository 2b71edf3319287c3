// What the user can do, as messages to the run and changes of the view. Widgets call these and nothing else.

import { HOME } from "./plane_geometry.js";
import { hasNoise, isLive } from "./store.js";

/** @import { ComparisonCommand, RunCommand } from "./messages.js" */
/** @import { Changes, Controls, ShownFrame, Store, View } from "./store.js" */

/** @typedef {ReturnType<typeof createActions>} Actions */
/** @typedef {RunCommand | ComparisonCommand} Command */
/** @typedef {(message: Command) => boolean} Send Whether it could be sent. */
/** @typedef {(...parts: string[]) => void} Touch Have these parts of the page drawn again. */

const SWITCH_PAUSE = 50; // ms between messages while a slider is dragged
const DECODER_PAUSE = 150; // ms between requests for weights while the run trains

/**
 * @param {Store} store
 * @param {{ send: Send, touch: Touch }} to
 */
export function createActions(store, { send, touch }) {
  const { view } = store;
  const waiting = {
    /** @type {Changes | null} */
    switch: null,
    timer: 0,
    frame: false,
    /** @type {number | null} */
    asked: null, // the step of the frame that was asked for a second time
    decoderUntil: 0,
    decoderSince: 0,
    /** @type {number | null} */
    decoderAsked: null,
  };

  const flushSwitch = () => {
    waiting.timer = 0;
    if (!waiting.switch) return;
    send({ do: "switch", ...waiting.switch });
    waiting.switch = null;
    waiting.timer = setTimeout(flushSwitch, SWITCH_PAUSE);
  };

  const act = {
    /** @type {(changes: Partial<View>, ...parts: string[]) => void} */
    set(changes, ...parts) {
      Object.assign(view, changes);
      touch(...parts);
    },
    /** @param {"play" | "pause" | "step" | "epoch" | "reset"} command */
    train(command) {
      act.live();
      send({ do: command });
      if (store.state && command !== "reset") store.state.playing = command === "play";
      touch("controls");
    },
    playPause: () => act.train(store.state?.playing ? "pause" : "play"),
    /** @param {number} value steps a second */
    speed(value) {
      send({ do: "speed", value });
      if (store.state) store.state.speed = value;
      touch("controls");
    },
    /** Change rule, noise or knobs. The screen shows it at once, the run follows with its next state. @param {Changes} to */
    switchTo({ rule, noise, knobs }) {
      const { state, hello } = store;
      if (!state) return;
      /** @type {Changes} */
      const changes = {};
      if (rule !== undefined && rule !== state.rule) {
        changes.rule = state.rule = rule;
        const declared = hello?.rules.find(({ name }) => name === rule)?.knobs ?? [];
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
    toggleNoise() {
      if (hasNoise(store)) act.switchTo({ noise: store.state?.noise ? 0 : view.lastNoise });
    },
    /** @param {number} index of a point */
    look(index) {
      send({ do: "look", index });
    },
    /** @param {View["pin"]} pin */
    pin(pin) {
      act.set({ pin }, "plane", "images");
      if (pin?.index !== undefined) act.look(pin.index);
      act.wantDecoder();
    },
    home: () => act.set({ range: { ...HOME }, follow: false }, "plane"),

    /** Show the recorded frame at `step`; one request is under way, the latest wish wins. @param {number} step */
    scrub(step) {
      if (isLive(store)) send({ do: "follow", value: false });
      act.set({ scrub: step }, "controls");
      if (waiting.frame) return;
      waiting.frame = send({ do: "frame", step });
    },
    /** @param {Pick<ShownFrame, "step">} frame */
    frameArrived({ step }) {
      waiting.frame = false;
      if (view.scrub !== null && step !== view.scrub && step !== waiting.asked) {
        waiting.asked = step; // a step that is no longer kept is answered by another: ask once
        waiting.frame = send({ do: "frame", step: view.scrub });
      }
    },
    /** @param {1 | -1} direction */
    stepBy(direction) {
      const kept = store.state?.kept ?? [];
      const here = view.scrub === null ? kept.length : kept.indexOf(view.scrub);
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
      const { state, frame } = store;
      if (!state || !frame) return;
      send({ do: "fork", step: frame.step, rule: state.rule, noise: state.noise, knobs: state.knobs });
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
    /**
     * A state that left the run before the last switch reached it must not undo what the hand just did.
     *
     * @template {Controls} T
     * @param {T} state
     * @returns {T}
     */
    withPending(state) {
      const { rule, noise, knobs } = waiting.switch ?? {};
      if (rule !== undefined) return { ...state, rule, noise: noise ?? state.noise, knobs: store.state?.knobs ?? state.knobs };
      return { ...state, noise: noise ?? state.noise, knobs: { ...state.knobs, ...knobs } };
    },
    /** After a reconnection in the middle of looking back. */
    resume() {
      send({ do: "follow", value: false });
      if (view.scrub !== null) waiting.frame = send({ do: "frame", step: view.scrub });
    },
    forget() {
      Object.assign(waiting, { switch: null, frame: false, decoderUntil: 0, decoderAsked: null });
    },
  };
  return act;
}
