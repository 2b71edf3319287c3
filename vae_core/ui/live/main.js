// Entry: Streamlit calls mount() at the start and again on each change of data or theme; one lab per parent element.

import { createLab } from "./lab.js";

const labs = new WeakMap();

export function mount(component) {
  const { parentElement, data } = component;
  if (!labs.has(parentElement)) labs.set(parentElement, build(parentElement, Boolean(data.watching)));
  const lab = labs.get(parentElement);
  lab.then(({ update }) => update(component));
  // Streamlit also calls this when one update overtakes another; the lab ends when it has left the page.
  return () => setTimeout(() => {
    if (parentElement.isConnected) return;
    labs.delete(parentElement);
    lab.then(({ stop }) => stop());
  });
}

async function build(parent, watching) {
  const root = parent.querySelector(".lab") ?? parent.appendChild(document.createElement("div"));
  root.classList.add("lab");
  await Promise.all(["classroom.css", "style.css"].map((name) => loadStyle(parent, name))); // the canvases read their colours from it
  return createLab(root, watching);
}

function loadStyle(parent, name) {
  return new Promise((resolve) => {
    const link = document.createElement("link");
    Object.assign(link, { rel: "stylesheet", href: new URL(name, import.meta.url).href, onload: resolve, onerror: resolve });
    parent.prepend(link);
  });
}
