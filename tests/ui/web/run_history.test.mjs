import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { createRunHistory } from "../../../vae_core/ui/web/playground/run_history.js";

const [A, B] = ["a", "b"].map((name) => ({ socket: `noise-lab/live/${name}`, images: `noise-lab/images/${name}` }));
let calls = [];
let listener = null;

beforeEach(() => {
  calls = [];
  globalThis.location = { search: "" };
  const write = (how) => (state, _, address) => {
    calls.push([how, state.noiseLabRun.socket, address]);
    globalThis.history.state = state;
    globalThis.location.search = address;
  };
  globalThis.history = { state: null, pushState: write("push"), replaceState: write("replace") };
  globalThis.addEventListener = (_, function_) => (listener = function_);
  globalThis.removeEventListener = (_, function_) => (listener = listener === function_ ? null : listener);
});

test("the entry of the page becomes the first run's; another run is another entry", () => {
  const runs = createRunHistory(() => {});
  runs.show(A, "?seed=1");
  runs.show(A, "?seed=1");
  runs.show(A, "?seed=1&event=5,noise=0.0"); // it was steered
  runs.show(B, "?seed=2");
  assert.deepEqual(calls, [
    ["replace", A.socket, "?seed=1"], ["replace", A.socket, "?seed=1&event=5,noise=0.0"], ["push", B.socket, "?seed=2"],
  ]);
});

test("the browser's Back brings the run of its entry", () => {
  const went = [];
  const runs = createRunHistory((run) => went.push(run));
  listener({ state: { noiseLabRun: A } });
  listener({ state: null }); // an entry that is not ours
  assert.deepEqual(went, [A]);
  runs.close();
  assert.equal(listener, null);
});

test("a page that is loaded again, with another run, does not cut off what lies ahead", () => {
  globalThis.history.state = { noiseLabRun: A };
  createRunHistory(() => {}).show(B, "?seed=2");
  assert.deepEqual(calls, [["replace", B.socket, "?seed=2"]]);
});
