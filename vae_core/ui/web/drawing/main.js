// Entry: one drawing tool per parent element.

import { createTool } from "./tool.js";
import { part } from "../shared/elements.js";
import { loadStyles } from "../shared/styles.js";
import { mounting } from "../shared/mounting.js";

export const mount = mounting(async ({ parentElement }) => {
  await loadStyles(parentElement, "drawing/drawing.css", "shared/lab.css");
  return createTool(part(parentElement, ".draw"));
});
