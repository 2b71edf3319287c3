// The latent plane of a run: its points, the names of the classes, the chosen image, and what is pointed at.

import { chosenOf, isBehind, posteriorOf } from "./store.js";
import { createMotion } from "./point_motion.js";
import { createPlaneCanvases } from "./plane_canvases.js";
import { drawAxes, drawCross, drawDot, drawEllipse, drawRing, drawThumbnail } from "./markers.js";
import { drawContours } from "./contours.js";
import { apart, furthest, placeOf, widened } from "./plane_geometry.js";
import { CLASS_COLOURS, enlarged, stillness } from "./theme.js";
import { part, write } from "./elements.js";

/** @import { Normal } from "./markers.js" */
/** @import { Place } from "./plane_geometry.js" */
/** @import { ShownFrame, Spot, Store } from "./store.js" */
/** @import { Theme } from "./theme.js" */

/** @typedef {ReturnType<typeof createPlane>} Plane */
/** @typedef {Spot & { pixel: number, inside: boolean }} Pointed A place that is pointed at, the size of a pixel there, and whether it lies within the axes. */

const FULL = 225; // strength of a point, of 256
const GHOST = 22; // of one whose class is not singled out

/**
 * @param {HTMLElement} field
 * @param {Store} store
 * @param {{ cursorImage: CanvasImageSource, pinImage: CanvasImageSource }} images what is drawn beside cursor and pin
 */
export function createPlane(field, store, { cursorImage, pinImage }) {
  const canvases = createPlaneCanvases(field);
  const { axes, marks, stamps } = canvases;
  const motion = createMotion();
  const note = part(field, ".outside");
  const words = part(note, "span");
  const { view } = store;
  let axesFor = "";
  let outside = 0; // codes that the last drawing left out
  let drawn = 0; // all codes of it
  let posteriors = 0; // drawn so far
  let drawnAt = 0;
  let told = -1; // how many of them the note speaks of

  const single = () => view.isolated ?? view.highlighted;
  /** @type {(row: number) => [number, number]} */
  const at = (row) => [motion.shown[2 * row], motion.shown[2 * row + 1]];

  /** @type {(labels: Uint8Array, place: Place, theme: Theme) => void} */
  const drawPoints = (labels, place, theme) => {
    const { shown, rows } = motion;
    const scale = place.scale * canvases.ratio;
    const left = place.low1;
    const top = place.high2;
    const chosen = single();
    stamps.clear(theme.panelRgb);
    outside = drawn = 0;
    for (let pass = chosen === null ? 1 : 0; pass < 2; pass++) { // what is singled out lies on top
      for (let i = 0; i < rows.points; i++) {
        const k = labels[i];
        if (k >= CLASS_COLOURS.length || (chosen !== null && (k === chosen) !== (pass === 1))) continue;
        const visible = stamps.put((shown[2 * i] - left) * scale, (top - shown[2 * i + 1]) * scale, k, pass ? FULL : GHOST);
        drawn++;
        if (!visible) outside++;
      }
    }
    stamps.show();
  };

  /** @param {Place} place */
  const drawGlyphs = (place) => {
    const { glyphs } = canvases;
    const { rows } = motion;
    const present = [...glyphs.keys()].filter((k) => Number.isFinite(at(rows.medians + k)[0]));
    /** @type {[number, number][]} */
    const medians = present.map((k) => at(rows.medians + k)).map(([x, y]) => [place.x(x), place.y(y)]);
    apart(medians, 0.4 * (glyphs[0]?.size ?? 0)).forEach(([x, y], index) => {
      const k = present[index];
      const { canvas, size } = glyphs[k];
      marks.globalAlpha = single() === null || single() === k ? 1 : 0.15;
      marks.drawImage(canvas, x - size / 2, y - size / 2, size, size);
    });
    marks.globalAlpha = 1;
  };

  /** @type {(frame: ShownFrame, scale: Float32Array, labels: Uint8Array, place: Place) => void} */
  const drawStripEllipses = ({ mean, correlation, strip }, scale, labels, place) => {
    for (const index of strip.slice(0, 10)) {
      const [first, second] = [2 * index, 2 * index + 1];
      /** @type {Normal} */
      const normal = [mean[first], mean[second], scale[first], scale[second], correlation?.[index] ?? 0];
      for (const deviations of [1, 2]) drawEllipse(marks, place, normal, deviations, CLASS_COLOURS[labels[index]], 2);
    }
  };

  /** @type {(frame: ShownFrame, place: Place, theme: Theme) => void} */
  const drawChosen = (frame, place, theme) => {
    const { rows } = motion;
    const [mean1, mean2] = at(rows.mean);
    const [draw1, draw2] = at(rows.draw);
    const [scale1, scale2] = at(rows.scale);
    const large = enlarged(theme, 1.4);
    if (frame.scale) {
      /** @type {Normal} */
      const normal = [mean1, mean2, scale1, scale2, frame.correlation?.[frame.chosen] ?? 0];
      drawEllipse(marks, place, normal, 2, theme.sigma, 1.6 * large);
      drawEllipse(marks, place, normal, 1, theme.sigma, 2.6 * large);
    }
    if (view.repeats) {
      for (let row = rows.repeats; row < rows.end; row++) {
        const [x, y] = at(row);
        drawDot(marks, place.x(x), place.y(y), 3.4 * large, theme.eps, theme.panel);
      }
    }
    drawRing(marks, place.x(mean1), place.y(mean2), 17 * large, theme.text, 1.4 * large);
    drawCross(marks, place.x(mean1), place.y(mean2), 8 * large, theme.mu, theme.panel);
    drawDot(marks, place.x(draw1), place.y(draw2), 5 * large, theme.zed, theme.panel);
  };

  /** @type {(frame: ShownFrame, labels: Uint8Array, place: Place, theme: Theme) => void} */
  const drawMarks = (frame, labels, place, theme) => {
    drawGlyphs(place);
    if (view.ellipses && frame.scale) drawStripEllipses(frame, frame.scale, labels, place);
    const posterior = view.posterior && posteriorOf(store);
    if (posterior) {
      drawContours(marks, place, posterior, theme, isBehind(store, posterior) ? 0.5 : 1);
      posteriors++;
    }
    if (chosenOf(store) !== null) drawChosen(frame, place, theme);
    if (view.ring) drawRing(marks, place.x(view.ring.x), place.y(view.ring.y), 11, theme.text, 3);
    const pin = pinPlace();
    if (pin) {
      drawDot(marks, place.x(pin.x), place.y(pin.y), 5, theme.zed, theme.text);
      drawThumbnail(marks, place, pin.x, pin.y, pinImage, theme, "left");
    }
    if (view.cursor && store.decoder) drawThumbnail(marks, place, view.cursor.x, view.cursor.y, cursorImage, theme, "right");
  };

  /** @returns {Spot | null} */
  const pinPlace = () => {
    const { pin } = view;
    if (!pin || pin.index === undefined) return pin;
    const [x, y] = at(pin.index);
    return { x, y };
  };

  /** Widen the range step by step until all codes are inside. @param {number} now */
  const follow = (now) => {
    const { range, moving } = widened(view.range, furthest(motion.goal), stillness() ? Infinity : now - drawnAt);
    view.range = range;
    return moving;
  };

  const tellOutside = () => {
    if (outside === told) return;
    told = outside;
    const [some, all] = [outside, drawn].map((count) => count.toLocaleString("en"));
    write(words, `${some} of ${all} codes outside this view`);
    note.hidden = outside === 0;
  };

  return {
    get points() { return motion.points; },
    /** Whether the points are where their frame has them. */
    get isAtRest() { return motion.points.every((value, i) => value === motion.goal[i]); },
    get posteriors() { return posteriors; },
    pinPlace,
    /**
     * Aim at the shown frame; call after a new frame, of which a preview brings one of some parts, or another coordinate.
     *
     * @param {boolean} arrived
     * @param {number} [parts]
     */
    aim(arrived, parts = 1) {
      const { frame, probe, hello } = store;
      if (!frame || !probe || !hello) return;
      motion.aim({
        frame, arrived, parts, labels: probe.labels, classes: hello.classes.length, coordinate: view.coordinate,
        still: stillness(), now: performance.now(),
      });
    },
    /** What a pointer event points at. @type {(event: MouseEvent, theme: Theme) => Pointed} */
    locate({ clientX, clientY }, theme) {
      const place = placeOf(field, view.range, theme.size);
      const box = field.getBoundingClientRect();
      const [right, down] = [clientX - box.left - place.left, clientY - box.top - place.top];
      const inside = right >= 0 && right <= place.width && down >= 0 && down <= place.height;
      return { x: place.low1 + right / place.scale, y: place.high2 - down / place.scale, pixel: 1 / place.scale, inside };
    },
    /** True while anything still moves. @type {(now: number, theme: Theme) => boolean} */
    draw(now, theme) {
      const gliding = motion.advance(now);
      const widening = view.follow && follow(now);
      drawnAt = now;
      const place = placeOf(field, view.range, theme.size);
      if (canvases.fit(place, theme, store.hello?.classes ?? [], view.marks)) axesFor = "";
      const key = Object.values(view.range).join();
      if (key !== axesFor) {
        axesFor = key;
        canvases.wipe(axes);
        drawAxes(axes, place, theme);
      }
      const { frame, probe } = store;
      if (!frame || !probe) return false;
      drawPoints(probe.labels, place, theme);
      canvases.wipe(marks);
      canvases.inside(marks, place, () => drawMarks(frame, probe.labels, place, theme));
      tellOutside();
      return gliding || widening;
    },
  };
}
