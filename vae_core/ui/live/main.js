// Entry: Streamlit calls mount() at the start and again on each change of data or theme; one lab per parent element.

import { createLab } from "./lab.js";

const labs = new WeakMap();

export function mount(component) {
  const { parentElement } = component;
  if (!labs.has(parentElement)) labs.set(parentElement, build(parentElement));
  const lab = labs.get(parentElement);
  lab.then(({ update }) => update(component));
  return () => {
    labs.delete(parentElement);
    lab.then(({ stop }) => stop());
  };
}

async function build(parent) {
  const root = parent.querySelector(".lab") ?? parent.appendChild(document.createElement("div"));
  root.classList.add("lab");
  await loadStyle(parent); // the canvases read their colours from it
  return createLab(root);
}

function loadStyle(parent) {
  return new Promise((resolve) => {
    const link = document.createElement("link");
    Object.assign(link, { rel: "stylesheet", href: new URL("style.css", import.meta.url).href, onload: resolve, onerror: resolve });
    parent.prepend(link);
  });
}
