// Beside the plane: the drawing as the model sees it, what it makes of it, what is like it; below: the walk.

import { canvasOf, part, worded } from "../shared/elements.js";
import { createMagnifier } from "../shared/magnifier.js";
import { createSheet } from "../shared/digit_images.js";
import { drawCross, drawDot } from "../shared/markers.js";
import { drawDeviations } from "./plane.js";
import { signed } from "../shared/numbers.js";

/** @import { Scene } from "./scene.js" */
/** @import { Theme } from "../shared/theme.js" */

const STRIP = 13; // images of the walk that are shown side by side
const NEAREST_SHOWN = 5;
const WINDOWS = [0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16]; // half the close-up's width, in units of the plane

/** @param {HTMLElement} root */
export function createPictures(root) {
  /** @type {(name: string, columns?: number) => ReturnType<typeof createSheet>} */
  const sheet = (name, columns = 1) => createSheet(canvasOf(root, `[data-sheet=${name}]`), columns);
  const seen = ["seen", "at-mean", "at-draw"].map((name) => sheet(name));
  const nearest = sheet("nearest", NEAREST_SHOWN);
  const [strip, now, first, last] = [sheet("strip", STRIP), sheet("now"), sheet("first"), sheet("last")];
  const closeup = canvasOf(root, ".closeup canvas");
  const magnify = createMagnifier(closeup);
  const alike = part(root, ".nearest");
  /** @param {string} name */
  const text = (name) => part(root, `[data-text=${name}]`);
  const [say, numbers, labels] = ["say", "numbers", "labels"].map(text);
  /** @type {(values: number[], digits: number) => string} */
  const pair = (values, digits) => `(${values.map((value) => signed(value, digits)).join(", ")})`;

  /** @type {(scene: Scene, theme: Theme) => void} */
  const drawCloseup = ({ drawing, draws = new Float32Array() }, theme) => {
    if (!drawing) {
      magnify([0, 0], 1); // empty
      return;
    }
    const { mean, scale } = drawing;
    let reach = Math.max(...(scale ?? [0])) * 2.2;
    draws.forEach((value, i) => { reach = Math.max(reach, 1.05 * Math.abs(value - mean[i % 2])); });
    const half = WINDOWS.find((window) => reach <= window) ?? WINDOWS[WINDOWS.length - 1];
    const { context, place } = magnify(mean, half);
    drawDeviations(context, place, mean, drawing, theme);
    for (let i = 0; i < draws.length; i += 2) drawDot(context, place.x(draws[i]), place.y(draws[i + 1]), 3.4, theme.eps, theme.panel);
    drawCross(context, place.middle, place.middle, 8, theme.mu, theme.panel);
    text("window").textContent = `±${half}`;
  };

  /** @param {Scene} scene */
  const tell = ({ drawing, say: words }) => {
    say.textContent = words ?? "";
    say.hidden = !words;
    numbers.hidden = !drawing;
    if (!drawing) return;
    const { mean, scale, correlation, logLikelihood, near } = drawing;
    text("mean").textContent = pair(mean, 2);
    text("scale").textContent = scale ? pair(scale, 3) : "not defined for this rule";
    text("correlation").textContent = correlation === null ? "" : `ρ = ${signed(correlation, 2)}`;
    text("at-mean").textContent = signed(logLikelihood.mean, 1);
    text("at-draw").textContent = signed(logLikelihood.draw, 1);
    text("near").textContent = near.slice(0, 3).map(([name, count]) => `${count} × ${name}`).join(", ");
  };

  return {
    /** @type {(scene: Scene, theme: Theme) => void} */
    draw(scene, theme) {
      const { painted, nearestImages, walk, ends, places } = scene;
      root.classList.toggle("empty", !scene.drawing);
      seen.forEach((each, k) => {
        if (painted) each.put(0, 0, painted, k, theme.table);
        else each.clear();
        each.show();
      });
      drawCloseup(scene, theme);
      tell(scene);
      alike.classList.toggle("old", !scene.nearest);
      if (scene.nearest && nearestImages) {
        nearest.clear();
        scene.nearest.slice(0, NEAREST_SHOWN).forEach((_, k) => nearest.put(k, 0, nearestImages, k, theme.table));
        labels.replaceChildren(...scene.nearest.map((name) => worded("span", name)));
      } else if (!scene.drawing) {
        nearest.clear();
        labels.replaceChildren();
      }
      nearest.show();
      if (!places || !walk || !ends) return;
      const count = places.length / 2;
      for (let k = 0; k < STRIP; k++) strip.put(k, 0, walk, Math.round((k * (count - 1)) / (STRIP - 1)), theme.table);
      first.put(0, 0, ends, 0, theme.table);
      last.put(0, 0, ends, 1, theme.table);
      for (const each of [strip, first, last]) each.show();
      text("gap").textContent = `at most ${signed(scene.gap ?? 0, 2)} from the nearest code`;
    },
    /** The image at one place of the walk, if there is one. @type {(scene: Scene, theme: Theme, walked: number) => void} */
    drawWalked({ walk }, theme, walked) {
      if (!walk) return;
      now.put(0, 0, walk, Math.round(walked), theme.table);
      now.show();
    },
  };
}
