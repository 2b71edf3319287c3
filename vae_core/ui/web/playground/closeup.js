// Fifty encodings of the input under a magnifying glass: a cloud with noise, a single dot without.

import { canvasOf, part } from "../shared/elements.js";
import { createMagnifier } from "../shared/magnifier.js";
import { drawContours } from "../shared/contours.js";
import { drawCross, drawDot } from "../shared/markers.js";
import { posteriorOf, repeatsSpread } from "../shared/store.js";
import { signed } from "../shared/numbers.js";

/** @import { Store } from "../shared/store.js" */
/** @import { Theme } from "../shared/theme.js" */

const WINDOWS = [0.25, 0.5, 1, 2, 4, 8]; // half the width that is shown, in units of the plane

/** @type {(root: HTMLElement, store: Store) => { draw: (theme: Theme) => void }} */
export function createCloseup(root, store) {
  const figure = part(root, ".closeup");
  const magnify = createMagnifier(canvasOf(figure, "canvas"));
  const caption = part(figure, "figcaption");
  return {
    draw(theme) {
      const { frame, view } = store;
      figure.hidden = !view.repeats || !frame?.repeats;
      if (figure.hidden || !frame) return;
      const spread = repeatsSpread(store) ?? 0;
      const half = WINDOWS.find((size) => 2.6 * spread < size) ?? WINDOWS[WINDOWS.length - 1];
      const codes = frame.repeats.subarray(-2 * frame.shapes.repeats[1]);
      const { context, place } = magnify(frame.mean.subarray(2 * frame.chosen, 2 * frame.chosen + 2), half);
      const posterior = view.posterior && posteriorOf(store);
      if (posterior) drawContours(context, place, posterior, theme);
      drawCross(context, place.middle, place.middle, 7, theme.mu, theme.panel);
      for (let i = 0; i < codes.length; i += 2) drawDot(context, place.x(codes[i]), place.y(codes[i + 1]), theme.size / 5, theme.eps, theme.panel);
      caption.textContent = spread ? `sd ${signed(spread, 2)}` : "one point";
      figure.title = `The window is ${2 * half} wide`;
    },
  };
}
