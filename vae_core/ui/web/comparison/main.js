// Entry: one comparison per parent element.

import { createComparison } from "./columns.js";
import { part } from "../shared/elements.js";
import { loadStyles } from "../shared/styles.js";
import { mounting } from "../shared/mounting.js";

export const mount = mounting(async ({ parentElement }) => {
  await loadStyles(parentElement, "comparison/comparison.css", "shared/lab.css");
  return createComparison(part(parentElement, ".lab"));
});
