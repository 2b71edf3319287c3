// The plane with the codes of test images, the drawing's own code, and the walk. Everything glides.

import { createGlide } from "../shared/point_motion.js";
import { createPlaneCanvases } from "../shared/plane_canvases.js";
import { drawAxes, drawCross, drawDot, drawEllipse, drawRing, haloText } from "../shared/markers.js";
import { furthest, halfFor, HOME, placeOf, setMedians } from "../shared/plane_geometry.js";
import { part, press } from "../shared/elements.js";
import { stillness } from "../shared/theme.js";

/** @import { Context } from "../shared/markers.js" */
/** @import { Drawing, Scene } from "./scene.js" */
/** @import { Place } from "../shared/plane_geometry.js" */
/** @import { Theme } from "../shared/theme.js" */

const GLIDE = 160; // ms
const STRENGTH = 150; // of a code, of 256

/** One and two standard deviations of a drawing's posterior around a mean, where it has some. @type {(context: Context, place: Pick<Place, "x" | "y">, mean: ArrayLike<number>, drawing: Drawing, theme: Theme) => void} */
export function drawDeviations(context, place, mean, { scale, correlation }, theme) {
  if (!scale) return;
  for (const { deviations, width } of [{ deviations: 2, width: 1.6 }, { deviations: 1, width: 2.6 }]) {
    drawEllipse(context, place, [mean[0], mean[1], ...scale, correlation ?? 0], deviations, theme.sigma, width);
  }
}

/**
 * @param {HTMLElement} field
 * @param {HTMLButtonElement} fit widens the axes until all codes are inside, and back
 */
export function createDrawPlane(field, fit) {
  const canvases = createPlaneCanvases(field);
  const { axes, marks, stamps } = canvases;
  const glide = createGlide(); // codes, then medians, then the drawing's mean and draws
  const note = part(field, ".outside");
  /** @type {Scene | null} */
  let scene = null;
  let all = false; // widen the axes until all codes are inside
  let codesMove = false;
  /** @type {Theme | null} */
  let drawnFor = null; // the theme that codes and axes were drawn in, once they stand still

  /** @param {Scene} next */
  const aim = (next) => {
    const now = performance.now();
    const before = scene?.codes;
    const same = before?.length === next.codes.length && next.codes.every((value, i) => value === before[i]);
    if (!same) drawnFor = null;
    codesMove = !same || (codesMove && glide.isMoving(now));
    const { codes, labels, classes, drawing, draws } = next;
    const drawn = codes.length + 2 * classes.length;
    const length = drawn + (drawing && draws ? 2 + draws.length : 0);
    // Dots keep their identity, so that they can glide; with another set of them they cannot.
    const other = length !== glide.target.length;
    if (other) glide.resize(length);
    glide.target.set(codes);
    setMedians(glide.target, codes.length / 2, labels, classes.length);
    if (drawing && draws) {
      glide.target.set(drawing.mean, drawn);
      glide.target.set(draws, drawn + 2);
    }
    glide.start(now, other || stillness() ? 0 : GLIDE);
    scene = next;
  };

  /** @type {(scene: Scene, place: Place, theme: Theme) => void} */
  const drawCodes = ({ labels }, place, theme) => {
    const scale = place.scale * canvases.ratio;
    const { shown } = glide;
    let outside = 0;
    stamps.clear(theme.panelRgb);
    for (let i = 0; i < labels.length; i++) {
      const inside = stamps.put((shown[2 * i] - place.low1) * scale, (place.high2 - shown[2 * i + 1]) * scale, labels[i], STRENGTH);
      if (!inside) outside++;
    }
    stamps.show();
    note.hidden = outside === 0;
    note.textContent = `${outside.toLocaleString("en")} of ${labels.length.toLocaleString("en")} codes outside`;
  };

  /** @type {(scene: Scene, place: Place) => void} */
  const drawGlyphs = ({ codes }, place) => {
    const { shown } = glide;
    canvases.glyphs.forEach(({ canvas, size }, k) => {
      const at = codes.length + 2 * k;
      if (Number.isFinite(shown[at])) axes.drawImage(canvas, place.x(shown[at]) - size / 2, place.y(shown[at + 1]) - size / 2, size, size);
    });
  };

  /** @type {(places: Float32Array, place: Place, theme: Theme, walked: number) => void} */
  const drawWalk = (places, place, theme, walked) => {
    const count = places.length / 2;
    for (const { colour, width } of [{ colour: theme.panel, width: 6 }, { colour: theme.text, width: 2.5 }]) {
      marks.strokeStyle = colour;
      marks.lineWidth = width;
      marks.beginPath();
      for (let k = 0; k < count; k++) marks.lineTo(place.x(places[2 * k]), place.y(places[2 * k + 1]));
      marks.stroke();
    }
    marks.font = `800 ${1.5 * theme.size}px ${theme.font}`;
    marks.textAlign = "center";
    marks.textBaseline = "middle";
    for (const { letter, k } of [{ letter: "A", k: 0 }, { letter: "B", k: count - 1 }]) {
      const [x, y] = [place.x(places[2 * k]), place.y(places[2 * k + 1])];
      drawDot(marks, x, y, 5, theme.text, theme.panel);
      haloText(marks, letter, x + 1.1 * theme.size, y - theme.size, theme.text, theme.panel, 5);
    }
    const low = Math.floor(walked);
    const rest = walked - low;
    const [x, y] = [0, 1].map((axis) => places[2 * low + axis] * (1 - rest) + (places[2 * low + 2 + axis] ?? 0) * rest);
    drawDot(marks, place.x(x), place.y(y), 8, theme.accent, theme.panel);
  };

  /** @type {(scene: Scene, drawing: Drawing, place: Place, theme: Theme) => void} */
  const drawDrawing = ({ codes, classes }, drawing, place, theme) => {
    const shown = glide.shown.subarray(codes.length + 2 * classes.length); // the mean, then the draws
    for (let at = 2; at < shown.length; at += 2) {
      drawDot(marks, place.x(shown[at]), place.y(shown[at + 1]), 3.2, theme.eps, theme.panel);
    }
    drawDeviations(marks, place, shown, drawing, theme);
    const [x, y] = [place.x(shown[0]), place.y(shown[1])];
    drawCross(marks, x, y, 9, theme.mu, theme.panel);
    drawRing(marks, x, y, 24, theme.panel, 7);
    drawRing(marks, x, y, 24, theme.mu, 3.5);
  };

  fit.addEventListener("click", () => {
    all = !all;
    press(fit, all);
    drawnFor = null;
    field.dispatchEvent(new Event("redraw"));
  });

  return {
    aim,
    /** Where the drawing's code is on its way to, on the page: for tests. */
    get mean() { return scene?.drawing?.mean ?? null; },
    /** True while anything moves. `walked` counts places of the walk. @type {(theme: Theme, walked: number) => boolean} */
    draw(theme, walked) {
      if (!scene) return false;
      const shown = scene;
      const moving = glide.advance(performance.now());
      const range = { x: 0, y: 0, half: all ? halfFor(furthest(shown.codes)) : HOME.half };
      const place = placeOf(field, range, theme.size);
      canvases.fit(place, theme, shown.classes);
      if (drawnFor !== theme) { // what stands still is not drawn again
        drawCodes(shown, place, theme);
        canvases.wipe(axes);
        drawAxes(axes, place, theme);
        canvases.inside(axes, place, () => drawGlyphs(shown, place));
        drawnFor = moving && codesMove ? null : theme;
      }
      canvases.wipe(marks);
      canvases.inside(marks, place, () => {
        if (shown.places) drawWalk(shown.places, place, theme, walked);
        if (shown.drawing) drawDrawing(shown, shown.drawing, place, theme);
      });
      return moving;
    },
  };
}
