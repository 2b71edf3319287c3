// Fifty encodings of the input under a magnifying glass: a cloud with noise, a single dot without.

import { posteriorOf, repeatsSpread } from "../shared/store.js";
import { drawContours } from "../shared/contours.js";
import { drawCross, drawDot, signed } from "../shared/markers.js";

const WINDOWS = [0.25, 0.5, 1, 2, 4, 8]; // half the width that is shown, in units of the plane

export function createCloseup(root, store) {
  const figure = root.querySelector(".closeup");
  const canvas = figure.querySelector("canvas");
  const caption = figure.querySelector("figcaption");
  return {
    draw(theme) {
      const { frame, view } = store;
      figure.hidden = !view.repeats || !frame?.repeats;
      if (figure.hidden) return;
      const side = canvas.clientWidth;
      canvas.width = canvas.height = Math.round(side * devicePixelRatio);
      const context = canvas.getContext("2d");
      context.scale(devicePixelRatio, devicePixelRatio);
      const spread = repeatsSpread(store);
      const half = WINDOWS.find((size) => 2.6 * spread < size) ?? WINDOWS.at(-1);
      const codes = frame.repeats.subarray(-2 * frame.shapes.repeats[1]);
      const mean = frame.mean.subarray(2 * frame.chosen, 2 * frame.chosen + 2);
      const x = (value) => side / 2 + ((value - mean[0]) * side) / (2 * half);
      const y = (value) => side / 2 - ((value - mean[1]) * side) / (2 * half);
      const posterior = view.posterior && posteriorOf(store);
      if (posterior) drawContours(context, { x, y }, posterior, theme);
      drawCross(context, side / 2, side / 2, 7, theme.mu, theme.panel);
      for (let i = 0; i < codes.length; i += 2) drawDot(context, x(codes[i]), y(codes[i + 1]), theme.size / 5, theme.eps, theme.panel);
      caption.textContent = spread ? `sd ${signed(spread, 2)}` : "one point";
      figure.title = `The window is ${2 * half} wide`;
    },
  };
}
