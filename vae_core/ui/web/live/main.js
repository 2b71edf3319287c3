// Entry: Streamlit calls mount() at the start and again on each change of data or theme; one lab per parent element.

import { createLab } from "./lab.js";
import { loadStyles } from "./loading.js";
import { startEarly } from "./early.js";

const labs = new WeakMap();
const early = window.noiseLabEarly ? startEarly(window.noiseLabEarly) : null; // the page's head has asked for it

export function mount(component) {
  const { parentElement } = component;
  if (!labs.has(parentElement)) labs.set(parentElement, build(component));
  const lab = labs.get(parentElement);
  lab.then(({ update }) => update(component));
  // Streamlit also calls this when one update overtakes another; the lab ends when it has left the page.
  return () => setTimeout(() => {
    if (parentElement.isConnected) return;
    labs.delete(parentElement);
    lab.then(({ stop }) => stop());
  });
}

async function build(component) {
  const { parentElement: parent, data } = component;
  const root = parent.querySelector(".lab") ?? parent.appendChild(document.createElement("div"));
  root.classList.add("lab");
  await loadStyles(parent, "classroom.css", "style.css"); // the canvases read their colours from it
  return early?.take(root, component) ?? createLab(root, Boolean(data.watching));
}
