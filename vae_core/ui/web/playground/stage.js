// One lab on the page: the store, the stream that fills it, and the loop that draws what has changed.

import { at } from "../shared/root.js";
import { attachGestures } from "../shared/plane_gestures.js";
import { attachKeyboard } from "../shared/keyboard_shortcuts.js";
import { connect } from "../shared/connection.js";
import { createActions } from "../shared/actions.js";
import { createBar } from "./bar.js";
import { createCloseup } from "./closeup.js";
import { createCurves } from "./curves.js";
import { createDecoder } from "../shared/hover_decoder.js";
import { createExact } from "./exact_panel.js";
import { createHooks } from "./hooks.js";
import { createImages } from "./images.js";
import { createPlane } from "../shared/plane.js";
import { createPresenter } from "../room/presenter.js";
import { createRuleCard } from "../shared/rule_card.js";
import { createSpotlight } from "../lesson/spotlight.js";
import { createStore, isLive, layersOf, remember, rememberExact } from "../shared/store.js";
import { createRunHistory } from "./run_history.js";
import { createTimeline } from "../shared/timeline.js";
import { createViewer } from "../room/viewer.js";
import { dressed } from "../shared/theme.js";
import { networkDrawing, PAGE } from "./page.js";
import { part } from "../shared/elements.js";
import { rememberRun } from "./own_runs.js";
import { unpack } from "../shared/frame_decoding.js";
import { withOthers } from "../shared/address.js";

/** @import { Class, Decoder, Ended, Exact, Hello, History, Moved, Opened, PollShown, Preview, Probe, Refused, RoomAsks, RoomGone, RoomHello, RoomOpened, State, Voted } from "../shared/messages.js" */
/** @import { Command } from "../shared/actions.js" */
/** @import { Connection } from "../shared/connection.js" */
/** @import { Component } from "../shared/mounting.js" */
/** @import { Guide } from "../lesson/spotlight.js" */
/** @import { ShownFrame } from "../shared/store.js" */
/** @import { Theme } from "../shared/theme.js" */

/**
 * @typedef {Object} Asked What the page asks for.
 * @property {string} socket
 * @property {string} [images] where the pixels of the points are
 * @property {boolean} [projector]
 * @property {Guide} [guide]
 * @property {boolean} [early] before Streamlit has loaded
 * @property {EarlyOpening | null} [opening]
 */

/** @typedef {{ socket: string, images?: string, asked: Asked }} Source Where the run is by now, and what the page last asked for. */

const HOLD = 400; // ms for the first frame to come: what is drawn before is drawn twice
// ms between two pictures where nothing changes but the plane, as the training may have to share two processors with them.
const GLIDE = navigator.hardwareConcurrency > 2 ? 0 : 30;
const PARTS = ["theme", "aim", "plane", "images", "cursor", "curves", "exact", "controls"];

/**
 * @param {HTMLElement} root
 * @param {boolean} watching the run is another's, seen through a room
 */
export function createLab(root, watching) {
  root.innerHTML = PAGE;
  root.classList.toggle("watching", watching);
  root.style.visibility = "hidden"; // until something is drawn: bare buttons and canvases would flash
  const store = createStore();
  const { view } = store;
  view.watching = watching;
  const dirty = new Set();
  /** @type {Theme | null} */
  let theme = null;
  let ticket = 0; // of the animation frame that is asked for
  /** @type {Connection | null} */
  let stream = null;
  /** @type {Source | null} */
  let source = null;
  /** Tells the page which run it shows now. @type {(socket: string) => void} */
  let follow = () => {};
  /** Tells the page of something that happened once. @type {(name: string, value?: unknown) => void} */
  let tell = () => {};
  /** @type {string | null} */
  let loaded = null; // where the pixels of the points come from
  let fresh = false; // points have come that were not drawn yet
  /** @type {string | null} */
  let missed = null; // the run that the server does not know
  let gliding = false; // what the plane shows still moves
  let drawnAt = 0;
  let held = setTimeout(() => release(), HOLD); // nothing is drawn yet

  /** @param {...string} parts */
  const touch = (...parts) => {
    for (const each of parts) dirty.add(each);
    if (!held) ticket ||= requestAnimationFrame(draw);
  };
  const release = () => {
    clearTimeout(held);
    held = 0;
    root.style.visibility = "";
    touch();
  };
  /** @param {Command | import("../shared/messages.js").RoomCommand} message */
  const send = (message) => stream?.send(message) ?? false;
  const viewer = watching ? createViewer(root, store, { send, touch, fork: (from) => tell("fork", from) }) : null;
  const presenter = watching ? null : createPresenter(root, { send });
  const act = createActions(store, { send: viewer?.route ?? send, touch });
  const images = createImages(root, store, act);
  const field = part(root, ".field");
  const plane = createPlane(field, store, images);
  const hooks = createHooks(store, plane);
  const closeup = createCloseup(root, store);
  const curves = createCurves(root, store, act);
  const exact = createExact(root, store);
  const spotlight = createSpotlight(root, store); // after the controls, whose state it reads
  const controls = [createBar(root, store, act), createRuleCard(root, store, act), createTimeline(root, store, act), spotlight];
  attachGestures(field, store, plane, act, () => theme);
  const detachKeyboard = attachKeyboard(root, watching ? { stepBy: act.stepBy } : act);
  const offline = part(root, ".offline");
  const lost = offline.textContent;
  const runs = createRunHistory((run) => moveTo(run));
  const resized = new ResizeObserver(() => touch("theme"));
  resized.observe(root);

  /** @param {number} now */
  function draw(now) {
    ticket = 0;
    if (!root.isConnected) return; // it has left the page and has no size
    if (gliding && dirty.size === 1 && !fresh && now - drawnAt < GLIDE) return touch();
    drawnAt = now;
    if (dirty.has("theme") || !theme) {
      theme = dressed(root, view.projector);
      for (const each of PARTS) dirty.add(each);
    }
    const due = new Set(dirty);
    dirty.clear();
    if (due.has("aim")) plane.aim(false);
    if (due.has("controls")) for (const control of controls) control.draw();
    if (due.has("images") || due.has("controls")) closeup.draw(theme);
    if (due.has("images")) images.draw(theme);
    if (due.has("images") || due.has("cursor")) hooks.counts.hoverDecodes += images.drawPointed(theme, plane.pinPlace());
    if (due.has("curves")) curves.draw(theme);
    if (due.has("exact")) exact.draw();
    gliding = due.has("plane") && plane.draw(now, theme);
    if (gliding) touch("plane");
    if (fresh) arrivalDrawn();
  }

  const arrivalDrawn = () => {
    fresh = false;
    if (!hooks.counts.updates++) setTimeout(() => window.dispatchEvent(new Event("noise-lab-drawn"))); // server/early/front.py waits for it
  };

  /** @param {number} [parts] of which one has come */
  const arrived = (parts) => {
    plane.aim(true, parts);
    fresh = true;
    if (held) release();
    touch("plane");
  };

  /** What is done with each message; a room's come as those of a run. @type {Object<string, (message: any) => void>} */
  const receive = {
    /** @param {Hello & Partial<RoomHello>} message */
    hello(message) {
      if (viewer?.hello(message)) {
        Object.assign(store, { frame: null, decoder: null, exact: null });
        Object.assign(view, { scrub: null, pin: null });
        act.forget();
      }
      store.hello = message;
      const [encoder, decoder] = layersOf(message);
      part(root, "[data-network=encoder]").innerHTML = networkDrawing(encoder);
      part(root, "[data-network=decoder]").innerHTML = networkDrawing(decoder);
      touch(...PARTS);
    },
    /** @param {Probe & { images?: Uint8Array }} message */
    probe(message) {
      store.probe = message;
      viewer?.probe(message);
      plane.aim(false);
      touch("plane", "images");
    },
    /** @param {History} message of a room without `kept` and `events` */
    history({ steps, metrics, kept, events, measured }) {
      store.history = { steps, metrics };
      store.marginals = { steps: measured.steps, values: measured.log_marginal };
      store.exact = null;
      if (store.state && kept) Object.assign(store.state, { kept, events });
      touch("curves", "exact", "controls");
    },
    /** @param {State & { watching?: number }} message */
    state(message) {
      store.state = act.withPending(message);
      viewer?.state(message);
      const { guide, early } = source?.asked ?? {};
      const own = !guide && !early && !watching; // the address is the run, but in a lesson, and not before Streamlit has read it
      if (own && source) runs.show(source, withOthers(message.link, location.search));
      if (message.noise > 0) view.lastNoise = message.noise;
      touch("controls", "curves");
    },
    /** @param {ShownFrame} message */
    frame(message) {
      if (message.recorded) act.frameArrived(message);
      if (message.recorded === isLive(store)) return; // it crossed a change between live and recorded
      viewer?.frame(message);
      if (!store.frame) window.dispatchEvent(new Event("noise-lab-arrived")); // early/head.js waits for it
      store.frame = message;
      if (!message.recorded) remember(store.history, message);
      arrived();
      hooks.counts.frames++;
      hooks.counts.lastFrameAt = performance.now();
      act.wantDecoder();
      touch("plane", "images", "curves", "exact", "controls");
      if (source?.images && source.images !== loaded) setTimeout(loadImages, 0, source.images);
    },
    /** A preview: where some of the points have gone since the frame, for the eye alone. @param {Preview} message */
    glimpse(message) {
      const { frame } = store;
      if (!isLive(store) || !frame || message.step < frame.step) return;
      for (const name of /** @type {const} */ (["mean", "z"])) {
        message[name].forEach((value, i) => {
          frame[name][2 * (message.first + message.by * (i >> 1)) + (i & 1)] = value;
        });
      }
      arrived(message.by);
    },
    /** @param {Exact} message */
    exact(message) {
      if (isLive(store) && store.exact && message.step < store.exact.step) return; // it crossed the way back from the past
      store.exact = message;
      if (message.log_marginal !== undefined) rememberExact(store, message.step, message.log_marginal);
      touch("plane", "images", "curves", "exact");
    },
    /** @param {Decoder} message */
    decoder(message) {
      store.decoder = { step: message.step, decode: createDecoder(message) };
      act.decoderArrived();
      act.wantDecoder();
      touch("cursor", "plane");
    },
    /** @param {RoomOpened | RoomAsks | RoomGone} message */
    room: (message) => presenter?.room(message),
    /** @param {Class} message */
    class: (message) => presenter?.class(message),
    /** @param {PollShown} message */
    poll: (message) => viewer?.poll(message),
    /** @param {Voted} message */
    voted: (message) => viewer?.voted(message),
    /** @param {Refused} message */
    refused({ text }) {
      if (presenter?.refused(text)) return;
      if (store.state) store.state.message = { level: "error", text };
      touch("controls");
    },
    /** The server does not know this run (any more): the page looks for another, once. */
    gone() {
      if (!source || missed === source.socket) return;
      missed = source.socket;
      if (source.asked.socket !== source.socket && source.asked.images) return moveTo(source.asked); // Back led to one that is not kept
      tell("gone", missed);
    },
    /** @param {Ended} message */
    ended(message) {
      stream?.close();
      offline.hidden = true;
      viewer?.ended(message);
    },
    /** The server has opened the run of this page's link, before Streamlit had loaded. @param {Opened} message */
    opened({ socket, images }) {
      source = { socket, images, asked: { ...source?.asked, socket, opening: null } };
      stream?.at(socket);
      rememberRun(socket);
    },
    /** @param {Moved} next */
    moved: (next) => moveTo(next),
  };

  /** @param {Pick<Source, "socket" | "images">} next */
  function moveTo(next) {
    if (!source || next.socket === source.socket) return;
    open({ ...source, socket: next.socket, images: next.images ?? source.images });
    follow(next.socket);
  }

  /** The points' pixels are many bytes: they come after what they belong to is on the screen. @param {string} path */
  async function loadImages(path) {
    loaded = path;
    const response = await fetch(at(path), { priority: "low" });
    if (!response.ok || path !== source?.images) return;
    store.images = unpack(await response.arrayBuffer()).images;
    touch("images");
  }

  /** @param {Source} next */
  function open(next) {
    const before = source;
    source = next;
    if (next.images !== before?.images) store.images = loaded = null;
    if (next.socket === before?.socket) return;
    stream?.close();
    act.forget();
    Object.assign(view, { scrub: null });
    Object.assign(store, { decoder: null, connected: false });
    viewer?.at(next.socket);
    if (next.images) rememberRun(next.socket);
    stream = connect(viewer ? `${next.socket}?viewer=${viewer.viewer}` : next.socket, {
      decode: viewer?.decode ?? unpack,
      opening: next.asked.opening,
      onMessage: (message) => receive[message.type]?.(message),
      onSilence(reason) {
        offline.textContent = reason;
        offline.hidden = false;
      },
      onConnection(connected) {
        if (connected) offline.textContent = lost;
        store.connected = connected;
        act.forget();
        if (connected) presenter?.connected();
        if (connected && !isLive(store)) act.resume();
        if (!connected && source?.asked.early && !source.images) tell("gone"); // nothing was opened
        offline.hidden = connected || (!store.hello && offline.textContent === lost); // at the start nothing is lost
        touch("controls");
      },
    });
    touch(...PARTS);
  }

  return {
    root,
    get opened() { return Boolean(source?.images && store.frame); },
    /** The page mounts again on each change of data or theme. @param {Pick<Component, "data" | "setStateValue" | "setTriggerValue">} component */
    update({ data, setStateValue, setTriggerValue }) {
      /** @type {Asked} */
      const asked = data;
      const before = source?.asked;
      tell = setTriggerValue;
      follow = (socket) => setStateValue("socket", socket);
      root.classList.toggle("beside", Boolean(asked.guide));
      spotlight.follow(asked.guide ?? null, (used) => setStateValue("used", used));
      if (asked.projector !== before?.projector) view.projector = Boolean(asked.projector);
      if (!source || asked.socket !== before?.socket) open({ socket: asked.socket, images: asked.images, asked });
      else source.asked = asked;
      if (before?.early && store.state) receive.state(store.state); // the address may be the run from now on
      touch("theme");
    },
    stop() {
      stream?.close();
      clearTimeout(held);
      cancelAnimationFrame(ticket);
      resized.disconnect();
      detachKeyboard();
      runs.close();
      hooks.close();
    },
  };
}
