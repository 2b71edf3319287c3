// The skeleton: every station of the pipeline in its place. Other modules fill it; none of them adds a region.

import { button, segmented } from "../shared/controls.js";
import { ICONS } from "../shared/icons.js";
import { KEYS } from "../shared/keyboard_shortcuts.js";

/** @type {(name: string, caption: string) => string} */
const tile = (name, caption) =>
  `<figure class="tile ${name}"><canvas role="img" aria-label="${caption.replace(/<[^>]*>/g, "")}"></canvas>
   <figcaption>${caption}</figcaption></figure>`;

const ARROW = '<span class="arrow" aria-hidden="true"></span>';

const BAR = `
  <header class="bar">
    ${button("play", "Play", ICONS.play, `Play or pause (${KEYS.play[1]})`)}
    <div class="group">${button("step", "Step", ICONS.step, "One optimiser step")}
    ${button("epoch", "Epoch", ICONS.epoch, "One pass over the training images")}
    ${button("reset", "Reset", ICONS.reset, "Start again from step 0")}</div>
    <div class="group speed"><span class="label">steps/s</span>
    ${segmented("speed", "Speed in steps per second", [[1, "1"], [5, "5"], [25, "25"], [100, "100"], [0, "full"]])}</div>
    <dl class="counters" aria-live="off">
      <div><dt>step</dt><dd data-counter="step">0</dd></div>
      <div><dt>epoch</dt><dd data-counter="epoch">0.0</dd></div>
      <div><dt>time</dt><dd data-counter="time">0:00</dd></div>
    </dl>
    <span class="badge" data-testid="status">starting</span>
    <span class="crowd" data-testid="crowd"></span>
    <span class="people" data-testid="people" hidden></span>
    <span class="spacer"></span>
    <button type="button" data-testid="show-poll" hidden>Poll</button>
    ${button("share", "Share with the class", ICONS.share, "Let others watch this run in their own browsers")}
    ${button("copy-link", "Copy link", ICONS.link, "Copy a link to this recipe and its settings")}
    ${button("projector", "Projector", ICONS.projector, "Large type and thick points")}
  </header>
  <p class="message" role="status" data-testid="message" hidden></p>
  <p class="offline" role="alert" data-testid="offline" hidden>Connection lost. Reconnecting …</p>`;

const INFLOW = `
  <div class="inflow">
    <section class="station"><h3>Input <i>x</i></h3>${tile("input", "")}
      <button type="button" class="toggle" data-testid="repeats" aria-pressed="false"
        title="Encode this image 50 times">encode<br>50 times</button>
      <figure class="closeup" hidden><canvas role="img" aria-label="50 encodings of the input, magnified"></canvas><figcaption></figcaption></figure></section>
    ${ARROW}
    <section class="station"><h3>Encoder</h3><div class="network" data-network="encoder"></div></section>
    ${ARROW}
    <section class="station rule">
      <header><h3>Latent rule</h3>
        <details><summary>about it</summary><div data-part="about"></div></details></header>
      <select data-testid="rule" aria-label="Latent rule"></select>
      <div class="formula" data-part="formula"></div>
      <div class="charged" data-part="charged"></div>
      <button type="button" class="noise" role="switch" data-testid="noise" aria-checked="true" title="Noise on or off (${KEYS.noise[1]})"></button>
      <div class="knob" data-part="scale"></div>
      <p class="note" data-part="note" hidden></p>
      <div class="knobs" data-part="knobs"></div>
      <p class="facts" data-part="facts" hidden></p>
    </section>
  </div>`;

const STRIPS = `
  <section class="strips">
    <h3>Test digits</h3>
    <div class="strip"><ol class="rows"><li><i>x</i></li><li class="mu">at mean</li><li class="zed">at draw</li></ol>
      <canvas data-sheet="test" role="img" aria-label="Ten test digits, their reconstructions at the mean and at a draw"></canvas></div>
    <h3>Samples from the prior <small>z drawn from N(0, I)</small></h3>
    <div class="strip"><ol class="rows"><li class="zed">p(z)</li><li></li></ol>
      <canvas data-sheet="prior" role="img" aria-label="Twenty images decoded from draws of the prior"></canvas></div>
  </section>`;

const PLANE = `
  <section class="plane">
    <header><h3>Latent plane</h3><span class="spacer"></span>
      ${segmented("coordinate", "Coordinates of the points", [["z", "<b class='zed'>z</b>", "Points show the draw z"], ["mean", "<b class='mu'>μ</b>", "Points show the mean"]])}
      ${segmented("marks", "Marks of the points", [["dots", "dots"], ["digits", "digits"]])}
      <button type="button" class="toggle" data-testid="ellipses" aria-pressed="false" title="σ ellipses of the ten test digits">ellipses</button>
      <button type="button" class="toggle" data-testid="posterior" aria-pressed="false" title="The input's true posterior p(z|x): contours at 10, 30 and 70 percent of its highest value">p(z|x)</button>
      ${button("reset-view", "reset view", ICONS.home, "Back to the view from −4 to 4")}
    </header>
    <div class="field" data-testid="plane" tabindex="0" role="application"
      aria-label="Latent plane: wheel to zoom, drag to pan, click to pin a point, hover to decode">
      <canvas></canvas><canvas></canvas><canvas></canvas>
      <p class="outside" hidden><span></span> <button type="button" data-testid="follow">Follow</button></p>
    </div>
    <div class="legend" role="group" aria-label="Classes"></div>
  </section>`;

const OUTFLOW = `
  <div class="outflow">
    <section class="station"><h3>Decoder</h3><div class="network" data-network="decoder"></div></section>
    ${ARROW}
    <section class="station wide"><h3>Reconstruction</h3><div class="tiles">
      ${tile("at-mean", "at mean <b class='mu'>μ</b>")}${tile("at-draw", "at draw <b class='zed'>z</b>")}
      ${tile("at-cursor", "sd of draws")}</div></section>
  </div>`;

/** @type {(id: string, title: string, extra?: string) => string} */
const curve = (id, title, extra = "") => `
  <section class="curve" data-testid="curve-${id}"><header><h3>${title}</h3>${extra}<div class="values"></div></header>
    <canvas role="img" aria-label="${title} over the steps"></canvas></section>`;

const NATS = "<small>nats</small>";
const ONE_DRAW = '<small title="At one draw of z for each test image. The exact panel averages over all draws.">nats, one draw</small>';

/** @type {(name: string, label: string, more?: string) => string} */
const number = (name, label, more = "") =>
  `<span class="value plain" data-exact="${name}">${label}<b>–</b>${more}</span>`;

const EXACT = `
  <section class="exact" data-testid="exact">
    <header><h3>Exact</h3><small class="lag"></small>
      <div class="values">${number("log_marginal", "log p(x)", '<small data-exact="error"></small>')}${number("gap", "gap")}</div></header>
    <div class="split">${number("mutual_information", "I(x; z)")}
      <span class="bar-of-kl" role="img" aria-label="The KL as a bar of two parts"></span><small data-exact="prior"></small>
      ${number("aggregate_kl", "KL(q(z)‖p(z))")}</div>
  </section>`;

const CURVES = `
  <section class="curves">
    ${curve("reconstruction", "Reconstruction", NATS)}
    ${curve("kl", "KL", segmented("kl", "Parts of the KL", [["total", "total"], ["dimensions", "z₁ z₂", "Per dimension"], ["parts", "μ | σ", "Mean part and variance part"]]))}
    ${curve("elbo", "−ELBO", ONE_DRAW)}
    ${EXACT}
  </section>`;

const TIMELINE = `
  <footer class="timeline">
    <button type="button" data-testid="back" aria-label="One frame back" title="One frame back (${KEYS.back[1]})">${ICONS.back}</button>
    <div class="track"><div class="events" aria-hidden="true"></div>
      <input type="range" data-testid="timeline" min="0" max="1" step="1" value="1" aria-label="Frames of the training"></div>
    <button type="button" data-testid="forward" aria-label="One frame forward" title="One frame forward (${KEYS.forward[1]})">${ICONS.forward}</button>
    <button type="button" data-testid="live" title="Return to the live run"><i class="lamp"></i><span>Live</span></button>
    ${button("fork", "Fork from here", ICONS.fork, "Start a new run from this frame with the present settings")}
  </footer>`;

export const PAGE = `<div class="sheet">${BAR}<main class="stage">${INFLOW}${STRIPS}${PLANE}${OUTFLOW}${CURVES}</main>${TIMELINE}</div>`;

/** Layers as bars whose height follows the logarithm of their width, in the outline of a trapezoid. @param {number[]} sizes */
export function networkDrawing(sizes) {
  const pitch = 21;
  const width = pitch * sizes.length + 6;
  const height = 100;
  /** @param {number} size */
  const tall = (size) => 16 + (76 * Math.log(size / 2)) / Math.log(392);
  const [first, last] = [sizes[0], sizes[sizes.length - 1]].map((size) => tall(size) + 8);
  const outline = `0,${50 - first / 2} ${width},${50 - last / 2} ${width},${50 + last / 2} 0,${50 + first / 2}`;
  const bars = sizes.map((size, layer) => {
    const x = 3 + pitch * (layer + 0.5);
    const half = tall(size) / 2;
    const label = half > 12
      ? `<text transform="translate(${x} 50) rotate(-90)">${size}</text>`
      : `<text x="${x}" y="50">${size}</text>`;
    return `<rect x="${x - 8}" y="${50 - half}" width="16" height="${2 * half}" rx="3"/>${label}`;
  });
  return `<svg viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" role="img" aria-label="Layers ${sizes.join(", ")}">
    <polygon points="${outline}"/>${bars.join("")}</svg>`;
}
