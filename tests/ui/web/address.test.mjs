import assert from "node:assert/strict";
import { test } from "node:test";

import { withOthers } from "../../../vae_core/ui/web/shared/address.js";

test("what others have appended stays as it was written", () => {
  const link = "?rule=vae&knob.beta=2.0&event=500,noise=0.0";
  assert.equal(withOthers(link, ""), link);
  assert.equal(withOthers(link, "?rule=offset&knob.a=1&points=500&event=5,noise=1"), link);
  assert.equal(withOthers(link, "?utm_source=a%20b&rule=offset&fbclid=x&embed=true&embed=x"), `${link}&utm_source=a%20b&fbclid=x&embed=true&embed=x`);
});

test("an address that a mail program has broken is no error", () => {
  assert.equal(withOthers("?rule=vae", "?%E0%A4%A=1&rule=x"), "?rule=vae&%E0%A4%A=1");
});
