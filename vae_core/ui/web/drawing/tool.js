// One tool on the page: what is drawn goes to the server, one message at a time; each scene that comes back is drawn.

import { createDrawPlane } from "./plane.js";
import { createPen } from "./pen.js";
import { createPictures } from "./pictures.js";
import { buttonOf, named, part } from "../shared/elements.js";
import { readTheme, stillness } from "../shared/theme.js";
import { unpack } from "../shared/frame_decoding.js";

/** @import { Component } from "../shared/mounting.js" */
/** @import { Scene } from "./scene.js" */
/** @import { Theme } from "../shared/theme.js" */

const PATIENCE = 1500; // ms after which an answer counts as lost
const STRIDE = 11; // places of the walk a second
const TICK = 50; // ms between two pictures of it

const TOOL = `
  <section class="pad">
    <header><h3>Draw</h3><span class="spacer"></span>
      <label>Pen <input type="range" min="0.03" max="0.16" step="0.005" value="0.09" aria-label="Pen width"></label>
      <button type="button" data-testid="undo" title="Undo the last stroke (Ctrl+Z)">Undo</button>
      <button type="button" data-testid="clear">Clear</button></header>
    <div class="paper"><canvas tabindex="0" data-testid="pad" role="img" aria-label="Canvas to draw a digit on"></canvas>
      <p class="hint">Draw a digit here</p></div>
  </section>
  <section class="chart">
    <header><h3>Latent plane</h3><small data-testid="run"></small><span class="spacer"></span>
      <button type="button" data-testid="fit" aria-pressed="false" title="Widen the axes until all codes are inside">All codes</button></header>
    <div class="field" data-testid="chart" role="img" aria-label="Codes of test images, and of the drawing"><canvas></canvas><canvas></canvas><canvas></canvas>
      <p class="outside" hidden></p></div>
  </section>
  <section class="sights">
    <p class="message" role="status" data-testid="say" data-text="say" hidden></p>
    <div class="tiles">
      <figure class="tile"><h3>As MNIST</h3><canvas data-sheet="seen" data-testid="seen" role="img" aria-label="The drawing in 28 by 28 pixels"></canvas><figcaption>log p(x|z):</figcaption></figure>
      <figure class="tile"><h3>At <span class="mu">μ</span></h3><canvas data-sheet="at-mean" role="img" aria-label="Reconstruction at the mean"></canvas><figcaption><b data-text="at-mean"></b> nats</figcaption></figure>
      <figure class="tile"><h3>At a <span class="eps">draw</span></h3><canvas data-sheet="at-draw" role="img" aria-label="Reconstruction at a draw"></canvas><figcaption><b data-text="at-draw"></b> nats</figcaption></figure>
    </div>
    <div class="code">
      <figure class="closeup"><canvas role="img" aria-label="Close-up of 20 draws of z"></canvas><figcaption>20 <span class="eps">draws</span> of z, <span data-text="window"></span></figcaption></figure>
      <dl data-text="numbers">
        <div><dt class="mu">μ</dt><dd data-testid="mean" data-text="mean"></dd></div>
        <div><dt class="sigma">σ</dt><dd><span data-testid="scale" data-text="scale"></span> <span data-text="correlation"></span></dd></div>
        <div><dt>10 nearest codes</dt><dd data-testid="near" data-text="near"></dd></div>
      </dl>
    </div>
    <div class="nearest"><h3>Nearest training images</h3><canvas data-sheet="nearest" data-testid="nearest" role="img" aria-label="Nearest training images"></canvas>
      <p class="labels" data-testid="nearest-labels" data-text="labels"></p></div>
  </section>
  <section class="walk">
    <div class="title"><h3>Walk</h3><button type="button" data-testid="stroll"></button><small data-testid="gap" data-text="gap"></small></div>
    <figure class="tile"><canvas data-sheet="first" role="img" aria-label="A"></canvas><figcaption>A</figcaption></figure>
    <figure class="strip"><canvas data-sheet="strip" data-testid="strip" role="img" aria-label="Decoded on the way from A to B"></canvas><figcaption>decoded on the way</figcaption></figure>
    <figure class="tile"><canvas data-sheet="last" role="img" aria-label="B"></canvas><figcaption>B</figcaption></figure>
    <figure class="tile"><canvas class="moving" data-sheet="now" role="img" aria-label="The walk as an animation"></canvas><figcaption>moving</figcaption></figure>
  </section>`;

/** @param {HTMLElement} root */
export function createTool(root) {
  root.innerHTML = TOOL;
  const field = part(root, ".field");
  const stroll = buttonOf(root, "stroll");
  const run = named(root, "run");
  const plane = createDrawPlane(field, buttonOf(root, "fit"));
  const pictures = createPictures(root);
  const pen = createPen(root, { onChange: send });
  /** @type {Component | null} */
  let component = null;
  /** @type {Scene | null} */
  let scene = null;
  /** @type {Theme | null} */
  let theme = null;
  let paper = ""; // of the theme
  let seq = 0; // of the last message
  let sentAt = -Infinity; // when it left; -Infinity once it was answered
  let waiting = false; // there is more to send
  /** @type {[number, number] | null} */
  let liftedAt = null; // [seq, time] of a lifted pen whose picture is still to come
  let strolling = !stillness();
  let walked = 0;
  let ticket = 0;
  let fresh = false; // the scene's pictures are still to be drawn
  const facts = { scenes: 0, latencies: /** @type {number[]} */ ([]) };

  /** @param {boolean} down whether a pen is on the canvas */
  function send(down) {
    waiting = true;
    if (down && performance.now() - sentAt < PATIENCE) return; // answered first: the hand is never ahead by more than one
    waiting = false;
    seq += 1;
    sentAt = performance.now();
    if (!down) liftedAt = [seq, sentAt];
    component?.setStateValue("drawing", { strokes: pen.strokes, seq, down });
  }

  const touch = () => { ticket ||= requestAnimationFrame(draw); };

  function draw() {
    ticket = 0;
    if (!root.isConnected) return; // it has left the page and has no size
    const now = getComputedStyle(root).getPropertyValue("--st-background-color");
    if (!theme || paper !== now) {
      theme = readTheme(root);
      paper = now;
      pen.draw(theme);
      fresh = true;
    }
    if (!scene) return;
    const count = scene.places ? scene.places.length / 2 : 0;
    if (count) walked %= 2 * (count - 1);
    const at = count ? Math.min(walked, 2 * (count - 1) - walked) : 0; // there and back
    if (fresh) pictures.draw(scene, theme);
    pictures.drawWalked(scene, theme, at);
    const moving = plane.draw(theme, at);
    if (fresh && liftedAt && scene.seq >= liftedAt[0]) {
      facts.latencies.push(performance.now() - liftedAt[1]);
      liftedAt = null;
    }
    fresh = false;
    if (moving) touch();
  }

  const clock = setInterval(() => {
    if (!strolling || !scene?.places || document.hidden) return;
    walked += (TICK * STRIDE) / 1000;
    touch();
  }, TICK);
  const tellStroll = () => { stroll.textContent = strolling ? "Stop" : "Walk"; };
  tellStroll();
  stroll.addEventListener("click", () => {
    strolling = !strolling;
    tellStroll();
  });
  field.addEventListener("redraw", touch);
  const resized = new ResizeObserver(() => {
    theme = null;
    touch();
  });
  resized.observe(root);
  const hooks = (window.noiseLabDraw = { // for tests and for the curious; it only reads
    get scenes() { return facts.scenes; },
    get latencies() { return facts.latencies; },
    get seq() { return scene?.seq ?? null; },
    get sent() { return seq; },
    get step() { return scene?.step ?? null; },
    get mean() { return plane.mean; },
    get near() { return scene?.drawing?.near ?? null; },
    get nearest() { return scene?.nearest ?? null; },
    get strokes() { return pen.strokes.length; },
    get walk() { return scene?.places ? Array.from(scene.places) : null; },
  });

  return {
    /** @param {Component} next */
    update(next) {
      component = next;
      /** @type {Scene} */
      const arrived = unpack(next.data.slice().buffer);
      if (!scene) {
        seq = arrived.seq;
        pen.restore(arrived.strokes, arrived.example);
      }
      scene = arrived;
      facts.scenes += 1;
      run.textContent = `${scene.rule}, step ${scene.step.toLocaleString("en")}`;
      plane.aim(scene);
      fresh = true;
      if (scene.seq >= seq) {
        sentAt = -Infinity;
        if (waiting) send(pen.down);
      }
      touch();
    },
    stop() {
      resized.disconnect();
      clearInterval(clock);
      if (window.noiseLabDraw === hooks) delete window.noiseLabDraw;
      cancelAnimationFrame(ticket);
    },
  };
}
