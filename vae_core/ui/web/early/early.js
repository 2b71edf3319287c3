// Before Streamlit has loaded: the whole lab on the bare page, live, exactly where the page will have it. The component
// takes it over as it stands. If it does not come, or the server has something to say first, this one goes away.

import { createLab } from "../playground/stage.js";
import { loadStyles } from "../shared/styles.js";

/** @import { Component } from "../shared/mounting.js" */

const PATIENCE = 20_000; // ms for Streamlit to come
const LOOK = 200; // ms between two looks at whether this page is still the one that was asked for

// Streamlit's page around the lab (at a root of 16 px) and its colours, which it tells the lab later by itself. Its
// skeleton, below the header, is not seen through the gaps.
const BACKGROUND = "background: var(--st-background-color); box-shadow: 0 0 0 100vmax var(--st-background-color);";
const PLACE = `position: fixed; inset: 76px 1rem 0; overflow: auto; scrollbar-width: none; z-index: 1; line-height: 1.6; ${BACKGROUND}`;
const LIGHT = { "background-color": "#ffffff", "text-color": "#2f2d2b", "primary-color": "#2458c5" };
const DARK = { "background-color": "#171614", "text-color": "#edebe8", "primary-color": "#7aa5ff" };
const FONT = "Source Sans";

const chosenTheme = () => {
  try {
    return localStorage.getItem(`stActiveTheme-${location.pathname}-v2`) ?? "";
  } catch {
    return ""; // refused, in another site's frame
  }
};
const isDark = () => {
  const chosen = chosenTheme();
  return /dark/i.test(chosen) || (!/light/i.test(chosen) && matchMedia("(prefers-color-scheme: dark)").matches);
};

/** Show the run that `opening`, of head.js, has asked for. @param {EarlyOpening} opening */
export function startEarly(opening) {
  const host = document.createElement("div");
  const began = performance.now();
  /** @type {ReturnType<typeof createLab> | null} */
  let lab = null;
  /** @type {unknown} */
  let next = null; // the run that the browser has gone to since
  let over = false;

  const end = () => {
    over = true;
    clearInterval(looking);
    host.remove();
    opening.forget();
  };
  const giveUp = () => {
    if (over) return;
    if (lab) lab.stop();
    else opening.socket.close();
    end();
  };
  const looking = setInterval(() => {
    if (location.pathname !== opening.page || performance.now() - began > PATIENCE) giveUp();
  }, LOOK);

  const start = async () => {
    const colours = Object.entries(isDark() ? DARK : LIGHT).map(([name, value]) => `--st-${name}: ${value};`);
    host.style.cssText = `${PLACE} ${colours.join(" ")} --st-font: "${FONT}", sans-serif;`;
    const font = document.querySelector("link[rel=preload][as=font]");
    if (font instanceof HTMLLinkElement) document.fonts.add(new FontFace(FONT, `url(${font.href})`, { weight: "200 900" }));
    const shadow = host.attachShadow({ mode: "open" });
    const root = shadow.appendChild(document.createElement("div"));
    root.className = "lab";
    document.documentElement.append(host); // the body may not be there yet
    await loadStyles(shadow, "room/room.css", "shared/lab.css");
    if (over) return;
    lab = createLab(root, false);
    lab.update({
      data: { socket: opening.path, opening, early: true, projector: false },
      setStateValue: (_, value) => (next = value),
      setTriggerValue: giveUp,
    });
  };
  start().catch(giveUp);

  return {
    /** The lab, moved into the place of `root`; null if there is none. @type {(root: HTMLElement, component: Pick<Component, "data" | "setStateValue">) => ReturnType<typeof createLab> | null} */
    take(root, { data, setStateValue }) {
      if (over || !lab?.opened || data.guide) {
        giveUp();
        return null;
      }
      root.replaceWith(lab.root);
      end();
      if (next) setTimeout(() => setStateValue("socket", next));
      return lab;
    },
  };
}
