// The skeleton of a comparison: a bar, one column for each run, curves and table below, one timeline.

import { button, segmented } from "../shared/controls.js";
import { ICONS } from "../shared/icons.js";
import { KEYS } from "../shared/keyboard_shortcuts.js";

const BAR = `
  <header class="bar">
    ${button("play", "Play", ICONS.play, `Play or pause all runs (${KEYS.play[1]})`)}
    <div class="group">${button("step", "Step", ICONS.step, "One optimiser step of each run")}
    ${button("reset", "Reset", ICONS.reset, "All runs again from step 0, with their present settings")}</div>
    <div class="group speed"><span class="label">steps/s</span>
    ${segmented("speed", "Speed in steps per second", [[1, "1"], [25, "25"], [100, "100"], [0, "full"]])}</div>
    <dl class="counters" aria-live="off"><div><dt>step</dt><dd data-counter="step">0</dd></div></dl>
    <span class="badge" data-testid="status">starting</span>
    <div class="group"><span class="label">switch</span>
    ${segmented("target", "Whom switches and sliders change", [["one", "this run", "Switches and sliders change the run that they belong to"], ["all", "all runs", "Switches and sliders change all runs"]])}</div>
    <div class="legend" role="group" aria-label="Classes"></div>
    <span class="spacer"></span>
    ${button("reset-view", "reset view", ICONS.home, "Back to the view from −4 to 4")}
    ${button("copy-link", "Copy link", ICONS.link, "Copy a link to this comparison")}
    ${button("projector", "Projector", ICONS.projector, "Large type and thick points")}
  </header>
  <p class="message" role="status" data-testid="message" hidden></p>`;

/** @param {number} index */
const column = (index) => `
  <section class="column" data-column="${index}" style="--run: var(--run-${index + 1})">
    <header><b class="nth">${index + 1}</b><h3 data-testid="title"></h3><span class="stopped" data-testid="stopped" hidden></span></header>
    <div class="settings">
      <select data-testid="rule" aria-label="Latent rule of run ${index + 1}"></select>
      <button type="button" class="noise" role="switch" data-testid="noise" aria-checked="true" title="Noise on or off"></button>
      <div class="knobs" data-part="knobs"></div>
      <div hidden>${["formula", "charged", "scale", "note", "facts", "about"].map((part) => `<div data-part="${part}"></div>`).join("")}</div>
    </div>
    <div class="field" data-testid="plane" tabindex="0" role="application"
      aria-label="Latent plane of run ${index + 1}: wheel to zoom, drag to pan, click to pin an image; all planes move together">
      <canvas></canvas><canvas></canvas><canvas></canvas>
      <p class="outside" hidden><span></span> <button type="button" data-testid="follow">Follow</button></p>
    </div>
    <div class="pictures">
      <div class="strip"><ol class="rows"><li><i>x</i></li><li class="mu">at μ</li><li class="zed">at z</li></ol>
        <canvas data-sheet="test" role="img" aria-label="Test digits and the pinned image, their reconstructions at the mean and at a draw"></canvas></div>
      <div class="strip"><ol class="rows"><li class="zed">p(z)</li></ol>
        <canvas data-sheet="prior" role="img" aria-label="Images decoded from draws of the prior, the same draws in all columns"></canvas></div>
    </div>
  </section>`;

/** @type {(id: string, title: string, unit?: string) => string} */
const curve = (id, title, unit = "nats") => `
  <section class="curve" data-testid="curve-${id}"><header><h3>${title} <small>${unit}</small></h3><em></em></header>
    <canvas role="img" aria-label="${title} of all runs over the steps"></canvas></section>`;

const TIMELINE = `
  <footer class="timeline">
    <button type="button" data-testid="back" aria-label="One frame back" title="One frame back (${KEYS.back[1]})">${ICONS.back}</button>
    <div class="track"><div class="events" aria-hidden="true"></div>
      <input type="range" data-testid="timeline" min="0" max="1" step="1" value="1" aria-label="Frames of all runs"></div>
    <button type="button" data-testid="forward" aria-label="One frame forward" title="One frame forward (${KEYS.forward[1]})">${ICONS.forward}</button>
    <button type="button" data-testid="live" title="Return to the live runs"><i class="lamp"></i><span>Live</span></button>
  </footer>`;

/** The page for a number of runs. @param {number} count */
export const pageOf = (count) => `
  <div class="sheet">${BAR}
    <main class="columns" data-runs="${count}">${Array.from({ length: count }, (_, index) => column(index)).join("")}</main>
    <div class="measured">
      ${curve("reconstruction", "Reconstruction")}${curve("kl", "KL")}${curve("elbo", "−ELBO", "nats, one draw")}
      <table data-testid="measures"><thead></thead><tbody></tbody></table>
    </div>
    ${TIMELINE}</div>`;
