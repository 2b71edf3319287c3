// A comparison on the page: columns that share one view, the stream that fills them, and the loop that draws.

import { attachKeyboard } from "../shared/keyboard_shortcuts.js";
import { connect } from "../shared/connection.js";
import { createActions } from "../shared/actions.js";
import { createColumn } from "./column.js";
import { createMeasured } from "./curves.js";
import { createStore, HOME, isLive, remember } from "../shared/store.js";
import { createTimeline } from "../shared/timeline.js";
import { dressed } from "../shared/theme.js";
import { createBar } from "./bar.js";
import { pageOf } from "./page.js";
import { unpack } from "../shared/frame_decoding.js";

const PARTS = ["theme", "plane", "images", "curves", "controls"];
const stillness = matchMedia("(prefers-reduced-motion: reduce)");

export function createComparison(root) {
  const master = createStore(); // the player: state, timeline, and the view of all columns
  const { view } = master;
  Object.assign(view, { hovered: null, target: "one", followed: false });
  const counts = { frames: 0 };
  let parts = null; // what belongs to the runs that are shown
  let coming = { columns: [], past: false }; // of the round that arrives
  let dirty = new Set();
  let ticket = 0;
  let theme = null;
  let stream = null;
  let source = {};
  let tell = () => {}; // tells the page of something that happened once
  let missed = null; // the comparison that the server does not know

  const touch = (...names) => {
    for (const name of names) dirty.add(name);
    ticket ||= requestAnimationFrame(draw);
  };
  const send = (message) => stream?.send(message) ?? false;
  const act = createActions(master, { send, touch });
  const toggleNoise = () => send({ do: "switch", noise: master.state?.columns.some(({ noise }) => noise > 0) ? 0 : 1 }); // of all runs
  const detachKeyboard = attachKeyboard(root, { ...act, toggleNoise });
  const resized = new ResizeObserver(() => touch("theme"));
  resized.observe(root);

  const to = {
    send,
    touch,
    theme: () => theme,
    home: () => to.view({ range: { ...HOME } }, "plane"),
    view(changes, ...names) {
      if (changes.range) view.followed = false;
      delete changes.follow; // a single plane's
      act.set(changes, ...names);
    },
    pin(index) {
      act.set({ pin: index === null || index === view.pin?.index ? null : { index } }, "plane", "images");
      if (index !== null) send({ do: "look", index });
    },
  };

  /** A new number of runs: the page is built anew; the view stays. */
  function build({ columns, images }) {
    root.innerHTML = pageOf(columns.length);
    const elements = [...root.querySelectorAll(".column")];
    parts = {
      columns: elements.map((element, index) => createColumn(element, index, view, to)),
      colours: elements.map((element) => () => getComputedStyle(element).getPropertyValue("--run").trim()),
      histories: columns.map(() => ({ steps: [], metrics: {} })),
      measured: createMeasured(root, master),
      timeline: createTimeline(root, master, act),
      bar: createBar(root, master, act, to),
    };
    loadImages(images);
  }

  async function loadImages(path) {
    const { columns } = parts;
    const response = await fetch(path);
    if (!response.ok) return;
    const { images } = unpack(await response.arrayBuffer());
    for (const { store } of columns) store.images = images;
    touch("images");
  }

  /** Widen the common range step by step until the codes of all runs are inside. */
  function follow() {
    const { range } = view;
    const goal = Math.max(4, 1.06 * Math.max(...parts.columns.map((column) => column.furthest())));
    const ease = stillness.matches ? 1 : 0.18;
    view.range = { x: range.x * (1 - ease), y: range.y * (1 - ease), half: range.half + ease * (goal - range.half) };
    return Math.abs(goal - range.half) > 0.005 * goal || Math.hypot(range.x, range.y) > 0.01;
  }

  function draw(now) {
    ticket = 0;
    if (!root.isConnected) return; // it has left the page and has no size
    if (dirty.has("theme") || !theme) {
      theme = dressed(root, view.projector);
      for (const name of PARTS) dirty.add(name);
    }
    const due = dirty;
    dirty = new Set();
    if (!parts) return;
    const { columns, colours, histories, measured, timeline, bar } = parts;
    if (due.has("controls")) {
      bar.draw();
      timeline.draw();
      for (const column of columns) column.drawControls();
    }
    if (due.has("images")) for (const column of columns) column.drawImages(theme);
    if (due.has("curves")) {
      measured.draw(columns.map(({ store }, index) => ({
        history: histories[index], events: store.state?.events ?? [], colour: colours[index](), frame: store.frame,
      })), theme);
    }
    if (!due.has("plane")) return;
    let moving = view.followed && follow();
    for (const { plane } of columns) moving = plane.draw(now, theme) || moving;
    if (moving) touch("plane");
  }

  const receive = {
    hello(message) {
      master.hello = message;
      if (parts?.columns.length !== message.columns.length) build(message);
      parts.columns.forEach(({ store, forget }, index) => {
        forget();
        Object.assign(store, { hello: { ...message.columns[index], rules: message.rules }, frame: null });
      });
      master.frame = null;
      if (!isLive(master)) act.live();
      touch(...PARTS);
    },
    probe(message) {
      for (const { store, plane } of parts.columns) {
        store.probe = message;
        plane.aim(false);
      }
    },
    history({ columns }) {
      parts.histories = columns;
      touch("curves");
    },
    state(message) {
      master.state = { ...message, events: eventsOf(message.columns) };
      message.columns.forEach((state, index) => parts.columns[index].state(state));
      const address = location.pathname + message.link;
      if (message.link !== location.search) history.replaceState(history.state, "", address); // the address is the comparison
      touch("controls", "curves");
    },
    gone() {
      if (missed === source.socket) return;
      missed = source.socket;
      tell("gone", missed);
    },
    round({ columns, past }) {
      coming = { columns: [...columns], past };
      if (past && !columns.length) arrived();
    },
    frame(message) {
      const index = coming.columns.shift();
      parts.columns[index].take(message);
      if (!coming.past) remember(parts.histories[index], message);
      if (!coming.columns.length) arrived();
    },
  };

  /** All frames of a round are there: they are shown together. */
  function arrived() {
    const frames = parts.columns.map(({ store }) => store.frame).filter(Boolean);
    if (!frames.length) return;
    master.frame = frames.reduce((furthest, frame) => (frame.step > furthest.step ? frame : furthest));
    if (coming.past) act.frameArrived(master.frame);
    counts.frames++;
    touch("plane", "images", "curves", "controls");
  }

  function open(next) {
    source = next;
    stream?.close();
    act.forget();
    Object.assign(view, { scrub: null, pin: null, hovered: null });
    stream = connect(next.socket, {
      onMessage: (message) => receive[message.type]?.(message),
      onConnection(connected) {
        master.connected = connected;
        act.forget();
        if (connected && !isLive(master)) act.resume();
        touch("controls");
      },
    });
  }

  const facts = {
    frames: () => counts.frames,
    step: () => master.frame?.step ?? null,
    steps: () => parts?.columns.map(({ store }) => store.frame?.step ?? null) ?? [],
    titles: () => parts?.columns.map(({ store }) => store.state?.title ?? null) ?? [],
    noises: () => parts?.columns.map(({ store }) => store.frame?.noise ?? null) ?? [],
    chosen: () => parts?.columns.map(({ store }) => store.frame?.chosen ?? null) ?? [],
    playing: () => Boolean(master.state?.playing),
    live: () => isLive(master),
    connected: () => master.connected,
    view: () => ({ ...view.range }),
    hovered: () => view.hovered,
    pinned: () => view.pin?.index ?? null,
    points: () => parts?.columns.map(({ plane }) => Array.from(plane.points)) ?? [],
  };
  const noiseLab = {}; // counters and facts for tests and for the curious; it only reads
  for (const [name, get] of Object.entries(facts)) Object.defineProperty(noiseLab, name, { get, enumerable: true });
  window.noiseLab = noiseLab;

  return {
    update({ data, setTriggerValue }) {
      tell = setTriggerValue;
      if (data.socket !== source.socket) open(data);
      touch("theme");
    },
    stop() {
      stream?.close();
      cancelAnimationFrame(ticket);
      resized.disconnect();
      detachKeyboard();
      if (window.noiseLab === noiseLab) delete window.noiseLab;
    },
  };
}

/** Events of all runs for the timeline; what was switched for all at once is one mark. */
function eventsOf(columns) {
  const marks = new Map();
  columns.forEach(({ events }, index) => {
    for (const { step, label } of events) {
      const key = `${step} ${label}`;
      if (!marks.has(key)) marks.set(key, { step, label, runs: [] });
      marks.get(key).runs.push(index + 1);
    }
  });
  return [...marks.values()]
    .map(({ step, label, runs }) => ({ step, label: runs.length === columns.length ? label : `${runs.join(", ")}: ${label}` }))
    .sort((a, b) => a.step - b.step);
}
