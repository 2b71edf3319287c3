// Beside the plane: the drawing as the model sees it, what it makes of it, what is like it; below: the walk.

import { createSheet } from "../shared/digit_images.js";
import { drawCross, drawDot, drawEllipse, signed } from "../shared/markers.js";

const STRIP = 13; // images of the walk that are shown side by side
const NEAREST_SHOWN = 5;
const WINDOWS = [0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16]; // half the close-up's width, in units of the plane

export function createPictures(root) {
  const sheet = (name, columns = 1) => createSheet(root.querySelector(`[data-sheet=${name}]`), columns, 1);
  const seen = ["seen", "at-mean", "at-draw"].map((name) => sheet(name));
  const nearest = sheet("nearest", NEAREST_SHOWN);
  const [strip, now, first, last] = [sheet("strip", STRIP), sheet("now"), sheet("first"), sheet("last")];
  const closeup = root.querySelector(".closeup canvas");
  const text = Object.fromEntries([...root.querySelectorAll("[data-text]")].map((part) => [part.dataset.text, part]));
  const pair = (values, digits) => `(${values.map((value) => signed(value, digits)).join(", ")})`;

  const drawCloseup = ({ drawing, draws }, theme) => {
    const side = closeup.clientWidth;
    closeup.width = closeup.height = Math.round(side * devicePixelRatio);
    const context = closeup.getContext("2d");
    context.scale(devicePixelRatio, devicePixelRatio);
    if (!drawing) return;
    const { mean, scale, correlation } = drawing;
    let reach = Math.max(...(scale ?? [0])) * 2.2;
    draws.forEach((value, i) => { reach = Math.max(reach, 1.05 * Math.abs(value - mean[i % 2])); });
    const half = WINDOWS.find((window) => reach <= window) ?? WINDOWS.at(-1);
    const unit = side / (2 * half);
    const place = { x: (value) => side / 2 + (value - mean[0]) * unit, y: (value) => side / 2 - (value - mean[1]) * unit };
    if (scale) for (const [deviations, width] of [[2, 1.6], [1, 2.6]]) {
      drawEllipse(context, place, [...mean, ...scale, correlation ?? 0], deviations, theme.sigma, width);
    }
    for (let i = 0; i < draws.length; i += 2) drawDot(context, place.x(draws[i]), place.y(draws[i + 1]), 3.4, theme.eps, theme.panel);
    drawCross(context, side / 2, side / 2, 8, theme.mu, theme.panel);
    text.window.textContent = `±${half}`;
  };

  const tell = ({ drawing, rule, example, say }) => {
    text.say.textContent = say ?? "";
    text.say.hidden = !say;
    text.numbers.hidden = !drawing;
    if (!drawing) return;
    const { mean, scale, correlation, logLikelihood, near } = drawing;
    text.mean.textContent = pair(mean, 2);
    text.scale.textContent = scale ? pair(scale, 3) : "not defined for this rule";
    text.correlation.textContent = correlation === null ? "" : `ρ = ${signed(correlation, 2)}`;
    text["at-mean"].textContent = signed(logLikelihood.mean, 1);
    text["at-draw"].textContent = signed(logLikelihood.draw, 1);
    text.near.textContent = near.slice(0, 3).map(([name, count]) => `${count} × ${name}`).join(", ");
  };

  return {
    draw(scene, theme) {
      root.classList.toggle("empty", !scene.drawing);
      seen.forEach((each, k) => {
        if (scene.drawing) each.put(0, 0, scene.painted, k, theme.table);
        else each.clear();
        each.show();
      });
      drawCloseup(scene, theme);
      tell(scene);
      root.querySelector(".nearest").classList.toggle("old", !scene.nearest);
      if (scene.nearest) {
        nearest.clear();
        scene.nearest.slice(0, NEAREST_SHOWN).forEach((_, k) => nearest.put(k, 0, scene.nearestImages, k, theme.table));
        text.labels.replaceChildren(...scene.nearest.map((name) => Object.assign(document.createElement("span"), { textContent: name })));
      } else if (!scene.drawing) {
        nearest.clear();
        text.labels.replaceChildren();
      }
      nearest.show();
      if (!scene.places) return;
      const count = scene.places.length / 2;
      for (let k = 0; k < STRIP; k++) strip.put(k, 0, scene.walk, Math.round((k * (count - 1)) / (STRIP - 1)), theme.table);
      first.put(0, 0, scene.ends, 0, theme.table);
      last.put(0, 0, scene.ends, 1, theme.table);
      for (const each of [strip, first, last]) each.show();
      text.gap.textContent = `at most ${signed(scene.gap, 2)} from the nearest code`;
    },
    /** The image at one place of the walk. */
    drawWalked(scene, theme, walked) {
      now.put(0, 0, scene.walk, Math.round(walked), theme.table);
      now.show();
    },
  };
}
