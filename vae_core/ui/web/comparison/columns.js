// A comparison on the page: columns that share one view, the stream that fills them, and the loop that draws.

import { attachKeyboard } from "../shared/keyboard_shortcuts.js";
import { connect } from "../shared/connection.js";
import { createActions } from "../shared/actions.js";
import { createBar } from "./bar.js";
import { createColumn } from "./column.js";
import { createMeasured } from "./curves.js";
import { at } from "../shared/root.js";
import { createStore, isLive, remember } from "../shared/store.js";
import { createTimeline } from "../shared/timeline.js";
import { dressed, stillness } from "../shared/theme.js";
import { eventsOf } from "./events.js";
import { HOME, widened } from "../shared/plane_geometry.js";
import { pageOf } from "./page.js";
import { unpack } from "../shared/frame_decoding.js";
import { withOthers } from "../shared/address.js";

/** @import { Columns, ColumnState, ComparisonHello, ComparisonHistory, ComparisonState, Probe, Round } from "../shared/messages.js" */
/** @import { Command, Send, Touch } from "../shared/actions.js" */
/** @import { Component } from "../shared/mounting.js" */
/** @import { Connection } from "../shared/connection.js" */
/** @import { Controls, ShownFrame, Store, View } from "../shared/store.js" */
/** @import { Theme } from "../shared/theme.js" */

/**
 * @typedef {View & { hovered: number | null, target: "one" | "all", followed: boolean }} CommonView
 * The view of all columns: with the image that the pointer is on, whom switches change, and whether the range widens to
 * hold the codes of all runs.
 */

/** @typedef {Omit<Store, "view" | "state"> & { view: CommonView, state: (Controls & { columns?: ColumnState[] }) | null }} Master The player: state, timeline, and the view of all columns. */

/**
 * @typedef {Object} Common What a column cannot do alone.
 * @property {Send} send
 * @property {Touch} touch
 * @property {() => Theme | null} theme
 * @property {() => void} home
 * @property {(changes: Partial<CommonView>, ...parts: string[]) => void} view
 * @property {(index: number | null) => void} pin
 */

const PARTS = ["theme", "plane", "images", "curves", "controls"];

/** @param {HTMLElement} root */
export function createComparison(root) {
  const store = createStore();
  /** @type {CommonView} */
  const view = Object.assign(store.view, { hovered: null, target: /** @type {const} */ ("one"), followed: false });
  /** @type {Master} */
  const master = Object.assign(store, { view });
  const counts = { frames: 0 };
  /** @type {ReturnType<typeof partsOf> | null} */
  let parts = null; // what belongs to the runs that are shown
  /** @type {Pick<Round, "columns" | "past">} */
  let coming = { columns: [], past: false }; // of the round that arrives
  let dirty = new Set();
  let ticket = 0;
  let drawnAt = 0;
  /** @type {Theme | null} */
  let theme = null;
  /** @type {Connection | null} */
  let stream = null;
  let socket = "";
  /** Tells the page of something that happened once. @type {(name: string, value: unknown) => void} */
  let tell = () => {};
  /** @type {string | null} */
  let missed = null; // the comparison that the server does not know

  /** @param {...string} names */
  const touch = (...names) => {
    for (const name of names) dirty.add(name);
    ticket ||= requestAnimationFrame(draw);
  };
  /** @param {Command} message */
  const send = (message) => stream?.send(message) ?? false;
  const act = createActions(store, { send, touch });
  const toggleNoise = () => {
    send({ do: "switch", noise: master.state?.columns?.some(({ noise }) => noise > 0) ? 0 : 1 }); // of all runs
  };
  const detachKeyboard = attachKeyboard(root, { ...act, toggleNoise });
  const resized = new ResizeObserver(() => touch("theme"));
  resized.observe(root);

  /** @type {Common} */
  const to = {
    send,
    touch,
    theme: () => theme,
    home: () => to.view({ range: { ...HOME } }, "plane"),
    view({ follow: _ofOnePlane, ...changes }, ...names) {
      if (changes.range) view.followed = false;
      Object.assign(view, changes);
      touch(...names);
    },
    pin(index) {
      act.set({ pin: index === null || index === view.pin?.index ? null : { index } }, "plane", "images");
      if (index !== null) send({ do: "look", index });
    },
  };

  /** @param {number} count of runs */
  const partsOf = (count) => {
    root.innerHTML = pageOf(count);
    const elements = [...root.querySelectorAll(".column")].filter((element) => element instanceof HTMLElement);
    return {
      columns: elements.map((element, index) => createColumn(element, index, view, to)),
      colours: elements.map((element) => () => getComputedStyle(element).getPropertyValue("--run").trim()),
      /** @type {Columns[]} */
      histories: elements.map(() => ({ steps: [], metrics: {} })),
      measured: createMeasured(root, master),
      timeline: createTimeline(root, store, act),
      bar: createBar(root, master, act, to),
    };
  };

  /** The images of the points. @type {(path: string, columns: { store: Store }[]) => Promise<void>} */
  async function loadImages(path, columns) {
    const response = await fetch(at(path));
    if (!response.ok) return;
    const { images } = unpack(await response.arrayBuffer());
    for (const { store } of columns) store.images = images;
    touch("images");
  }

  /** @param {number} now */
  function draw(now) {
    ticket = 0;
    if (!root.isConnected) return; // it has left the page and has no size
    const elapsed = now - drawnAt;
    drawnAt = now;
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
    let moving = false;
    if (view.followed) { // the codes of all runs are to be inside
      const most = Math.max(...columns.map((column) => column.furthest()));
      ({ range: view.range, moving } = widened(view.range, most, stillness() ? Infinity : elapsed));
    }
    for (const { plane } of columns) moving = plane.draw(now, theme) || moving;
    if (moving) touch("plane");
  }

  /** What is done with each message. @type {Object<string, (message: any) => void>} */
  const receive = {
    /** @param {ComparisonHello} message */
    hello({ rules, columns, images }) {
      master.hello = { rules, ...columns[0] };
      if (parts?.columns.length !== columns.length) { // another number of runs: the page is built anew; the view stays
        parts = partsOf(columns.length);
        loadImages(images, parts.columns);
      }
      parts.columns.forEach(({ store, forget }, index) => {
        forget();
        Object.assign(store, { hello: { ...columns[index], rules }, frame: null });
      });
      master.frame = null;
      if (!isLive(master)) act.live();
      touch(...PARTS);
    },
    /** @param {Probe} message */
    probe(message) {
      for (const { store, plane } of parts?.columns ?? []) {
        store.probe = message;
        plane.aim(false);
      }
    },
    /** @param {ComparisonHistory} message */
    history({ columns }) {
      if (parts) parts.histories = columns;
      touch("curves");
    },
    /** @param {ComparisonState} message */
    state(message) {
      master.state = { ...message, rule: "", noise: 0, knobs: {}, events: eventsOf(message.columns) };
      message.columns.forEach((state, index) => parts?.columns[index].state(state));
      const address = withOthers(message.link, location.search, true);
      if (address !== location.search) history.replaceState(history.state, "", address); // the address is the comparison
      touch("controls", "curves");
    },
    gone() {
      if (missed === socket) return;
      missed = socket;
      tell("gone", missed);
    },
    /** @param {Round} message */
    round({ columns, past }) {
      coming = { columns: [...columns], past };
      if (past && !columns.length) arrived();
    },
    /** @param {ShownFrame} message */
    frame(message) {
      const index = coming.columns.shift();
      if (index === undefined || !parts) return;
      parts.columns[index].take(message);
      if (!coming.past) remember(parts.histories[index], message);
      if (!coming.columns.length) arrived();
    },
  };

  /** All frames of a round are there: they are shown together. */
  function arrived() {
    const frames = (parts?.columns ?? []).flatMap(({ store }) => store.frame ?? []);
    if (!frames.length) return;
    master.frame = frames.reduce((furthest, frame) => (frame.step > furthest.step ? frame : furthest));
    if (coming.past) act.frameArrived(master.frame);
    counts.frames++;
    touch("plane", "images", "curves", "controls");
  }

  /** @param {string} next */
  function open(next) {
    socket = next;
    stream?.close();
    act.forget();
    Object.assign(view, { scrub: null, pin: null, hovered: null });
    stream = connect(socket, {
      onMessage: (message) => receive[message.type]?.(message),
      onConnection(connected) {
        master.connected = connected;
        act.forget();
        if (connected && !isLive(master)) act.resume();
        touch("controls");
      },
      onSilence(reason) {
        const alert = { role: "alert", className: "message", textContent: reason };
        if (!parts) root.replaceChildren(Object.assign(document.createElement("p"), alert));
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
    /** @param {Component} component */
    update({ data, setTriggerValue }) {
      tell = setTriggerValue;
      if (data.socket !== socket) open(data.socket);
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
