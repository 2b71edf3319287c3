// One lab on the page: the store, the stream that fills it, and the loop that draws what has changed.

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
import { createRuleCard } from "../shared/rule_card.js";
import { createSharing } from "../room/presenter.js";
import { createSpotlight } from "../lesson/spotlight.js";
import { createStore, isLive, layersOf, remember, rememberExact } from "../shared/store.js";
import { createTimeline } from "../shared/timeline.js";
import { createWatching } from "../room/viewer.js";
import { networkDrawing, PAGE } from "./page.js";
import { dressed } from "../shared/theme.js";
import { rememberRun } from "./own_runs.js";
import { unpack } from "../shared/frame_decoding.js";

const HOLD = 400; // ms for the first frame to come: what is drawn before is drawn twice
// ms between two pictures where nothing changes but the plane, as the training may have to share two processors with them.
const GLIDE = navigator.hardwareConcurrency > 2 ? 0 : 30;
const PARTS = ["theme", "aim", "plane", "images", "cursor", "curves", "exact", "controls"];

/** `watching`: the run is another's, seen through a room. */
export function createLab(root, watching) {
  root.innerHTML = PAGE;
  root.classList.toggle("watching", watching);
  root.style.visibility = "hidden"; // until something is drawn: bare buttons and canvases would flash
  const store = createStore();
  const { view } = store;
  view.watching = watching;
  const dirty = new Set();
  let theme = null;
  let ticket = 0; // of the animation frame that is asked for
  let stream = null;
  let source = {}; // what the page last asked for: { socket, images, projector }
  let follow = () => {}; // tells the page which run it shows now
  let tell = () => {}; // tells the page of something that happened once
  let loaded = null; // where the pixels of the points come from
  let fresh = false; // points have come that were not drawn yet
  let missed = null; // the run that the server does not know
  let gliding = false; // what the plane shows still moves
  let drawnAt = 0;
  let held = setTimeout(() => release(), HOLD); // nothing is drawn yet

  const touch = (...parts) => {
    for (const part of parts) dirty.add(part);
    if (!held) ticket ||= requestAnimationFrame(draw);
  };
  const release = () => {
    clearTimeout(held);
    held = 0;
    root.style.visibility = "";
    touch();
  };
  const send = (message) => stream?.send(message) ?? false;
  const room = watching
    ? createWatching(root, store, { send, touch, fork: (from) => tell("fork", from) })
    : createSharing(root, { send });
  const act = createActions(store, { send: watching ? room.route : send, touch });
  const images = createImages(root, store, act);
  const field = root.querySelector(".field");
  const plane = createPlane(field, store, images);
  const hooks = createHooks(store, plane);
  const closeup = createCloseup(root, store);
  const curves = createCurves(root, store, act);
  const exact = createExact(root, store);
  const spotlight = createSpotlight(root, store); // after the controls, whose state it reads
  const controls = [createBar(root, store, act), createRuleCard(root, store, act), createTimeline(root, store, act), spotlight];
  attachGestures(field, store, plane, act, () => theme);
  const detachKeyboard = attachKeyboard(root, watching ? { stepBy: act.stepBy } : act);
  const offline = root.querySelector(".offline");
  const resized = new ResizeObserver(() => touch("theme"));
  resized.observe(root);

  function draw(now) {
    ticket = 0;
    if (!root.isConnected) return; // it has left the page and has no size
    if (gliding && dirty.size === 1 && !fresh && now - drawnAt < GLIDE) return touch();
    drawnAt = now;
    if (dirty.has("theme") || !theme) {
      theme = dressed(root, view.projector);
      for (const part of PARTS) dirty.add(part);
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

  const arrived = (parts) => {
    plane.aim(true, parts);
    fresh = true;
    if (held) release();
    touch("plane");
  };

  const receive = {
    hello(message) {
      if (watching && room.hello(message)) {
        Object.assign(store, { frame: null, decoder: null, exact: null });
        Object.assign(view, { scrub: null, pin: null });
        act.forget();
      }
      store.hello = message;
      const [encoder, decoder] = layersOf(store);
      root.querySelector("[data-network=encoder]").innerHTML = networkDrawing(encoder);
      root.querySelector("[data-network=decoder]").innerHTML = networkDrawing(decoder);
      touch(...PARTS);
    },
    probe(message) {
      store.probe = message;
      if (watching) room.probe(message);
      plane.aim(false);
      touch("plane", "images");
    },
    history({ steps, metrics, kept, events, measured }) {
      store.history = { steps, metrics };
      store.marginals = { steps: measured.steps, values: measured.log_marginal };
      store.exact = null;
      if (store.state && kept) Object.assign(store.state, { kept, events });
      touch("curves", "exact", "controls");
    },
    state(message) {
      store.state = act.withPending(message);
      if (watching) room.state(message);
      const { guide, early } = source.asked ?? {};
      const own = !guide && !early && !watching; // the address is the run, but in a lesson, and not before Streamlit has read it
      if (own && message.link !== location.search) history.replaceState(history.state, "", message.link);
      if (message.noise > 0) view.lastNoise = message.noise;
      touch("controls", "curves");
    },
    frame(message) {
      if (message.recorded) act.frameArrived(message);
      if (message.recorded === isLive(store)) return; // it crossed a change between live and recorded
      if (watching) room.frame(message);
      if (!store.frame) window.dispatchEvent(new Event("noise-lab-arrived")); // early/head.js waits for it
      store.frame = message;
      if (!message.recorded) remember(store.history, message);
      arrived();
      hooks.counts.frames++;
      hooks.counts.lastFrameAt = performance.now();
      act.wantDecoder();
      touch("plane", "images", "curves", "exact", "controls");
      if (source.images && source.images !== loaded) setTimeout(loadImages, 0, source.images);
    },
    /** Where some of the points have gone since the frame, for the eye alone. */
    glimpse(message) {
      if (!isLive(store) || !store.frame || message.step < store.frame.step) return;
      for (const name of ["mean", "z"]) {
        message[name].forEach((value, i) => {
          store.frame[name][2 * (message.first + message.by * (i >> 1)) + (i & 1)] = value;
        });
      }
      arrived(message.by);
    },
    exact(message) {
      if (isLive(store) && message.step < store.exact?.step) return; // it crossed the way back from the past
      store.exact = message;
      if (!message.failed) rememberExact(store, message);
      touch("plane", "images", "curves", "exact");
    },
    decoder(message) {
      store.decoder = { step: message.step, decode: createDecoder(message) };
      act.decoderArrived();
      act.wantDecoder();
      touch("cursor", "plane");
    },
    room: (message) => room.room(message),
    class: (message) => room.class(message),
    poll: (message) => room.poll(message),
    voted: (message) => room.voted(message),
    refused({ text }) {
      if (!watching && room.refused(text)) return;
      if (store.state) store.state.message = { level: "error", text };
      touch("controls");
    },
    /** The server does not know this run (any more): the page looks for another, once. */
    gone() {
      if (missed === source.socket) return;
      missed = source.socket;
      tell("gone", missed);
    },
    ended(message) {
      stream.close();
      offline.hidden = true;
      room.ended(message);
    },
    /** The server has opened the run of this page's link, before Streamlit had loaded. */
    opened({ socket, images }) {
      source = { socket, images, asked: { ...source.asked, socket, opening: null } };
      stream.at(socket);
      rememberRun(socket);
    },
    moved(next) {
      open({ ...source, socket: next.socket, images: next.images ?? source.images });
      follow(next.socket);
    },
  };

  /** The points' pixels are many bytes: they come after what they belong to is on the screen. */
  async function loadImages(path) {
    loaded = path;
    const response = await fetch(path, { priority: "low" });
    if (!response.ok || path !== source.images) return;
    store.images = unpack(await response.arrayBuffer()).images;
    touch("images");
  }

  function open(next) {
    const before = source;
    source = next;
    if (next.images !== before.images) store.images = loaded = null;
    if (next.socket === before.socket) return;
    stream?.close();
    act.forget();
    Object.assign(view, { scrub: null });
    Object.assign(store, { decoder: null, connected: false });
    if (watching) room.at(next.socket);
    if (next.images) rememberRun(next.socket);
    stream = connect(watching ? `${next.socket}?viewer=${room.viewer}` : next.socket, {
      decode: watching ? room.decode : unpack,
      opening: next.asked?.opening,
      onMessage: (message) => receive[message.type]?.(message),
      onConnection(connected) {
        store.connected = connected;
        act.forget();
        if (connected && !watching) room.connected();
        if (connected && !isLive(store)) act.resume();
        if (!connected && source.asked.early && !source.images) tell("gone"); // nothing was opened
        offline.hidden = connected || !store.hello;
        touch("controls");
      },
    });
    touch(...PARTS);
  }

  return {
    root,
    get opened() { return Boolean(source.images && store.frame); },
    /** The page mounts again on each change of data or theme. */
    update({ data, setStateValue, setTriggerValue }) {
      const early = source.asked?.early;
      tell = setTriggerValue;
      follow = (socket) => setStateValue("socket", socket);
      root.classList.toggle("beside", Boolean(data.guide));
      spotlight.follow(data.guide, (used) => setStateValue("used", used));
      if (data.projector !== source.asked?.projector) view.projector = Boolean(data.projector);
      if (data.socket !== source.asked?.socket) open({ socket: data.socket, images: data.images, asked: data });
      else source.asked = data;
      if (early && store.state) receive.state(store.state); // the address may be the run from now on
      touch("theme");
    },
    stop() {
      stream?.close();
      clearTimeout(held);
      cancelAnimationFrame(ticket);
      resized.disconnect();
      detachKeyboard();
      hooks.close();
    },
  };
}
