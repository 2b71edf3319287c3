// Entry: one lab per parent element.

import { createLab } from "./stage.js";
import { loadStyles } from "../shared/styles.js";
import { part } from "../shared/elements.js";
import { mounting } from "../shared/mounting.js";
import { startEarly } from "../early/early.js";

const early = window.noiseLabEarly ? startEarly(window.noiseLabEarly) : null; // the page's head has asked for it

export const mount = mounting(async (component) => {
  const { parentElement: parent, data } = component;
  if (!parent.querySelector(".lab")) parent.appendChild(document.createElement("div")).classList.add("lab");
  const root = part(parent, ".lab");
  await loadStyles(parent, "room/room.css", "shared/lab.css"); // the canvases read their colours from it
  return early?.take(root, component) ?? createLab(root, Boolean(data.watching));
});
