import assert from "node:assert/strict";
import { test } from "node:test";

import { drop, keep, kept } from "../../../vae_core/ui/web/shared/storage.js";

const here = new URL("../../../vae_core/ui/web/shared/root.js", import.meta.url);

test("the root lies four steps above a module of the lab, as noise-lab/static/<version>/<folder> lies below it", async () => {
  const { at, ROOT, socketAt } = await import(here);
  assert.equal(ROOT.href, new URL("../../../../", here).href);
  assert.equal(at("noise-lab/live/x?y").href, `${ROOT.href}noise-lab/live/x?y`);
  assert.equal(socketAt("noise-lab/live/x").protocol, "file:"); // another protocol than http's cannot be set here
});

test("where a browser refuses its storage, the page remembers", () => {
  globalThis.sessionStorage = undefined;
  Object.defineProperty(globalThis, "sessionStorage", { get() { throw new DOMException("denied", "SecurityError"); }, configurable: true });
  assert.equal(kept("token"), null);
  keep("token", "a");
  assert.equal(kept("token"), "a");
  drop("token");
  assert.equal(kept("token"), null);
});
