import assert from "node:assert/strict";
import { test } from "node:test";

import { createActions } from "../../../vae_core/ui/web/shared/actions.js";
import { createStore, exactOf, isBehind, landmarks, posteriorOf, remember, rememberExact, repeatsSpread } from "../../../vae_core/ui/web/shared/store.js";
import { eventsOf } from "../../../vae_core/ui/web/comparison/events.js";
import { rememberShelf, runsWith, shelfIn } from "../../../vae_core/ui/web/playground/own_runs.js";

test("a history takes each step once, in order, and stays short", () => {
  const history = { steps: [], metrics: {} };
  for (const step of [1, 2, 2, 1]) remember(history, { step, metrics: { kl: 10 * step } });
  assert.deepEqual(history, { steps: [1, 2], metrics: { kl: [10, 20] } });
  remember(history, { step: 3, metrics: { elbo: -5 } });
  assert.deepEqual(history.metrics.elbo, [null, null, -5]);
  for (let step = 4; step <= 9000; step++) remember(history, { step, metrics: { kl: step } });
  assert.ok(history.steps.length <= 4001 && history.steps.at(-1) === 9000 && history.metrics.kl.at(-1) === 9000);
});

test("a later measure of a step takes its place", () => {
  const marginals = { steps: [], values: [] };
  for (const [step, value] of [[5, -90], [9, -80], [5, -91], [7, -85]]) rememberExact({ marginals }, step, value);
  assert.deepEqual(marginals, { steps: [5, 7, 9], values: [-91, -85, -80] });
});

test("of a drag one mark is left", () => {
  const marks = landmarks([{ step: 1 }, { step: 2 }, { step: 3 }, { step: 50 }], (step) => step, 5);
  assert.deepEqual(marks.map(([, position]) => position), [3, 50]);
});

const settings = { rule: "vae", noise: 1, knobs: { beta: 1 } };

test("exact measures belong to frames of the same settings, and are behind once the run has gone on", () => {
  const store = createStore();
  store.frame = { ...settings, step: 100, chosen: 3 };
  store.exact = { ...settings, step: 98, index: 3, posterior: new Uint8Array(4), low: [0, 0], high: [1, 1], shapes: { posterior: [2, 2] } };
  assert.equal(exactOf(store), store.exact);
  assert.equal(isBehind(store, store.exact), false);
  assert.equal(posteriorOf(store).side, 2);
  store.frame = { ...store.frame, step: 110, chosen: 4 };
  assert.ok(isBehind(store, store.exact));
  assert.equal(posteriorOf(store), null); // of another image
  store.frame = { ...store.frame, noise: 0 };
  assert.equal(exactOf(store), null);
});

test("the spread of the repeats is the larger of the two axes, of the chosen image alone", () => {
  const frame = { repeats: Float32Array.of(99, 99, -99, 99, 1, 0, -1, 0), shapes: { repeats: [2, 2, 2] } };
  assert.equal(repeatsSpread({ frame }), 1);
});

test("what was switched in all columns is one mark", () => {
  const columns = [{ events: [{ step: 5, label: "noise off" }, { step: 2, label: "β = 4" }] }, { events: [{ step: 5, label: "noise off" }] }];
  assert.deepEqual(eventsOf(columns), [{ step: 2, label: "1: β = 4" }, { step: 5, label: "noise off" }]);
});

test("the cookie names the newest run first, each once, and not too many", () => {
  assert.deepEqual(runsWith("b", "x=1; noise_lab_runs=a.b.c; y=2"), ["b", "a", "c"]);
  assert.deepEqual(runsWith("n", "noise_lab_runs=1.2.3.4.5.6"), ["n", "1", "2", "3", "4", "5"]);
  assert.deepEqual(runsWith("n", ""), ["n"]);
});

test("a browser's shelf has one name for good, and none where cookies are refused", (context) => {
  const jar = { cookie: "", location: { protocol: "http:" } };
  for (const [name, value] of Object.entries({ document: jar, location: jar.location })) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    context.after(() => Reflect.deleteProperty(globalThis, name));
  }
  const name = rememberShelf();
  assert.match(name, /^[0-9a-f]{32}/);
  assert.match(jar.cookie, /max-age=34560000; SameSite=Strict$/);
  jar.cookie = `a=b; noise_lab_shelf=${"7".repeat(32)}`;
  rememberShelf();
  assert.equal(shelfIn(jar.cookie.split(";")[0]), "7".repeat(32));
  Object.defineProperty(globalThis, "document", { value: { get cookie() { return ""; }, set cookie(_) {} }, configurable: true });
  assert.equal(rememberShelf(), "");
});

test("a dragged slider is one message at a time, and a state that is late does not undo it", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const store = createStore();
  store.state = { ...settings, step: 0, status: "paused", events: [] };
  const sent = [];
  const act = createActions(store, { send: (message) => sent.push(message) > 0, touch() {} });
  act.switchTo({ noise: 0.5 });
  act.switchTo({ noise: 0.4 });
  act.switchTo({ knobs: { beta: 2 } });
  assert.deepEqual(sent, [{ do: "switch", noise: 0.5 }]);
  assert.deepEqual(act.withPending({ ...store.state, noise: 0.5, knobs: { beta: 1 } }).knobs, { beta: 2 });
  context.mock.timers.tick(50);
  assert.deepEqual(sent[1], { do: "switch", noise: 0.4, knobs: { beta: 2 } });
});

test("while one recorded frame is on its way, the latest wish waits", () => {
  const store = createStore();
  const sent = [];
  const act = createActions(store, { send: (message) => sent.push(message) > 0, touch() {} });
  for (const step of [10, 20, 30]) act.scrub(step);
  act.frameArrived({ step: 10 });
  act.frameArrived({ step: 30 });
  assert.deepEqual(sent.map(({ step, value }) => step ?? value), [false, 10, 30]);
});
