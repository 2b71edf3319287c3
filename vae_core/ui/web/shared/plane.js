// The latent plane: points, axes and markers on three canvases, so that what stands still is not drawn again.

import { chosenOf, isBehind, posteriorOf } from "./store.js";
import { drawContours } from "./contours.js";
import { createMotion } from "./point_motion.js";
import { createStamps } from "./dot_stamps.js";
import { CLASS_COLOURS, rgb } from "./theme.js";
import { apart, drawAxes, drawCross, drawDot, drawEllipse, drawThumbnail, glyphSprites } from "./markers.js";

const COLOURS = CLASS_COLOURS.map(rgb);
const FULL = 225; // strength of a point, of 256
const GHOST = 22; // of one whose class is not singled out
const stillness = matchMedia("(prefers-reduced-motion: reduce)");

export function createPlane(field, store, { cursorImage, pinImage }) {
  const [pointCanvas, axesCanvas, markCanvas] = field.querySelectorAll("canvas");
  const axes = axesCanvas.getContext("2d");
  const marks = markCanvas.getContext("2d");
  const stamps = createStamps(pointCanvas);
  const motion = createMotion();
  const note = field.querySelector(".outside");
  const { view } = store;
  let glyphs = [];
  let cutFor = ""; // what the stamps and canvases were made for
  let axesFor = "";
  let ratio = 1;
  let outside = 0; // codes that the last drawing left out
  let drawn = 0; // all codes of it
  let posteriors = 0; // drawn so far
  let drawnAt = 0;
  let told = null; // how many of them the note speaks of

  /** From the range of the view to pixels: the same scale on both axes, whatever the shape of the field. */
  const placeOf = (theme) => {
    const left = 2.1 * theme.size;
    const width = Math.max(1, field.clientWidth - left - 1); // a lab that leaves the page has no size
    const height = Math.max(1, field.clientHeight - 1.7 * theme.size - 1);
    const { x, y, half } = view.range;
    const scale = Math.min(width, height) / (2 * half);
    const [middle, centre] = [left + width / 2, 1 + height / 2];
    return {
      left, top: 1, width, height, scale,
      low1: x - width / 2 / scale, high1: x + width / 2 / scale,
      low2: y - height / 2 / scale, high2: y + height / 2 / scale,
      x: (value) => middle + (value - x) * scale,
      y: (value) => centre - (value - y) * scale,
    };
  };

  const prepare = (place, theme) => {
    const names = store.hello?.classes ?? [];
    const { clientWidth, clientHeight } = field;
    const key = [clientWidth, clientHeight, devicePixelRatio, theme.size, theme.panel, view.marks, names].join();
    if (key === cutFor) return;
    cutFor = key;
    axesFor = "";
    ratio = devicePixelRatio;
    for (const canvas of [axesCanvas, markCanvas]) {
      canvas.width = Math.round(clientWidth * ratio);
      canvas.height = Math.round(clientHeight * ratio);
    }
    for (const side of ["left", "top", "width", "height"]) pointCanvas.style[side] = `${place[side]}px`;
    stamps.resize(Math.max(1, Math.round(place.width * ratio)), Math.max(1, Math.round(place.height * ratio)));
    const large = theme.size > 15 ? 1.5 : 1;
    const radius = 2.1 * large * ratio;
    const type = 9.5 * large * ratio;
    stamps.cut(COLOURS, view.marks === "digits" ? type * 0.6 : radius, (context, k) => {
      context.font = `700 ${type}px ${theme.font}`;
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.beginPath();
      context.arc(0.5, 0.5, radius, 0, 2 * Math.PI);
      if (view.marks === "digits") context.fillText(names[k] ?? "", 0.5, 0.5);
      else context.fill();
    });
    glyphs = glyphSprites(names, CLASS_COLOURS, theme, ratio);
  };

  const drawPoints = (place, theme) => {
    const single = view.isolated ?? view.highlighted;
    const labels = store.probe.labels;
    const { shown, rows } = motion;
    const scale = place.scale * ratio;
    const left = place.low1;
    const top = place.high2;
    stamps.clear(theme.panelRgb);
    outside = drawn = 0;
    for (let pass = single === null ? 1 : 0; pass < 2; pass++) { // what is singled out lies on top
      for (let i = 0; i < rows.points; i++) {
        const k = labels[i];
        if (k >= COLOURS.length || (single !== null && (k === single) !== (pass === 1))) continue;
        const visible = stamps.put((shown[2 * i] - left) * scale, (top - shown[2 * i + 1]) * scale, k, pass ? FULL : GHOST);
        drawn++;
        if (!visible) outside++;
      }
    }
    stamps.show();
  };

  const drawGlyphs = (place) => {
    const single = view.isolated ?? view.highlighted;
    const { shown, rows } = motion;
    const present = [...glyphs.keys()].filter((k) => Number.isFinite(shown[2 * (rows.medians + k)]));
    const medians = present.map((k) => 2 * (rows.medians + k)).map((row) => [place.x(shown[row]), place.y(shown[row + 1])]);
    apart(medians, 0.4 * (glyphs[0]?.size ?? 0)).forEach(([x, y], index) => {
      const k = present[index];
      const { canvas, size } = glyphs[k];
      marks.globalAlpha = single === null || single === k ? 1 : 0.15;
      marks.drawImage(canvas, x - size / 2, y - size / 2, size, size);
    });
    marks.globalAlpha = 1;
  };

  const drawStripEllipses = (place) => {
    const { frame, probe } = store;
    const { mean, scale, correlation } = frame;
    for (const index of frame.strip.slice(0, 10)) {
      const [first, second] = [2 * index, 2 * index + 1];
      const normal = [mean[first], mean[second], scale[first], scale[second], correlation?.[index] ?? 0];
      for (const deviations of [1, 2]) drawEllipse(marks, place, normal, deviations, CLASS_COLOURS[probe.labels[index]], 2);
    }
  };

  const drawChosen = (place, theme) => {
    const { frame } = store;
    const { shown, rows } = motion;
    const at = (row) => [shown[2 * row], shown[2 * row + 1]];
    const [mean1, mean2] = at(rows.mean);
    const [draw1, draw2] = at(rows.draw);
    const [scale1, scale2] = at(rows.scale);
    const large = theme.size > 15 ? 1.4 : 1;
    if (frame.scale) {
      const normal = [mean1, mean2, scale1, scale2, frame.correlation?.[frame.chosen] ?? 0];
      drawEllipse(marks, place, normal, 2, theme.sigma, 1.6 * large);
      drawEllipse(marks, place, normal, 1, theme.sigma, 2.6 * large);
    }
    if (view.repeats) {
      for (let row = rows.repeats; row < rows.end; row++) {
        drawDot(marks, place.x(shown[2 * row]), place.y(shown[2 * row + 1]), 3.4 * large, theme.eps, theme.panel);
      }
    }
    marks.strokeStyle = theme.text;
    marks.lineWidth = 1.4 * large;
    marks.beginPath();
    marks.arc(place.x(mean1), place.y(mean2), 17 * large, 0, 2 * Math.PI);
    marks.stroke();
    drawCross(marks, place.x(mean1), place.y(mean2), 8 * large, theme.mu, theme.panel);
    drawDot(marks, place.x(draw1), place.y(draw2), 5 * large, theme.zed, theme.panel);
  };

  const drawMarks = (place, theme) => {
    marks.setTransform(1, 0, 0, 1, 0, 0);
    marks.clearRect(0, 0, markCanvas.width, markCanvas.height);
    marks.setTransform(ratio, 0, 0, ratio, 0, 0);
    marks.save();
    marks.beginPath();
    marks.rect(place.left, place.top, place.width, place.height);
    marks.clip();
    drawGlyphs(place);
    if (view.ellipses && store.frame.scale) drawStripEllipses(place);
    const posterior = view.posterior && posteriorOf(store);
    if (posterior) {
      drawContours(marks, place, posterior, theme, isBehind(store, posterior) ? 0.5 : 1);
      posteriors++;
    }
    if (chosenOf(store) !== null) drawChosen(place, theme);
    if (view.ring) {
      marks.strokeStyle = theme.text;
      marks.lineWidth = 3;
      marks.beginPath();
      marks.arc(place.x(view.ring.x), place.y(view.ring.y), 11, 0, 2 * Math.PI);
      marks.stroke();
    }
    const pin = pinPlace();
    if (pin) {
      drawDot(marks, place.x(pin.x), place.y(pin.y), 5, theme.zed, theme.text);
      drawThumbnail(marks, place, pin.x, pin.y, pinImage, theme, "left");
    }
    if (view.cursor && store.decoder) drawThumbnail(marks, place, view.cursor.x, view.cursor.y, cursorImage, theme, "right");
    marks.restore();
  };

  const pinPlace = () => {
    if (!view.pin) return null;
    if (view.pin.index === undefined) return view.pin;
    const { shown } = motion;
    return { x: shown[2 * view.pin.index], y: shown[2 * view.pin.index + 1] };
  };

  /** Widen the range step by step until all codes are inside. */
  const follow = (now) => {
    let furthest = 0;
    const { target, rows } = motion;
    for (let i = 0; i < 2 * rows.points; i++) {
      if (Number.isFinite(target[i])) furthest = Math.max(furthest, Math.abs(target[i]));
    }
    const { range } = view;
    const goal = Math.max(4, 1.06 * furthest);
    const ease = stillness.matches ? 1 : 1 - 0.82 ** Math.min(6, (now - drawnAt) / 16.7); // of a picture at 60 a second: 0.18
    const moving = Math.abs(goal - range.half) > 0.005 * goal || Math.hypot(range.x, range.y) > 0.01;
    view.range = { x: range.x * (1 - ease), y: range.y * (1 - ease), half: range.half + ease * (goal - range.half) };
    return moving;
  };

  const tellOutside = () => {
    if (outside === told) return;
    told = outside;
    const [some, all] = [outside, drawn].map((count) => count.toLocaleString("en"));
    note.firstElementChild.textContent = `${some} of ${all} codes outside this view`;
    note.hidden = outside === 0;
  };

  return {
    get points() { return motion.points; },
    get posteriors() { return posteriors; },
    pinPlace,
    /** Aim at the shown frame; call after a new frame, of which a glimpse brings one of some parts, or another coordinate. */
    aim(arrived, parts = 1) {
      const { frame, probe, hello } = store;
      if (!frame || !probe || !hello) return;
      motion.aim({
        frame, arrived, parts, labels: probe.labels, classes: hello.classes.length, coordinate: view.coordinate,
        still: stillness.matches, now: performance.now(),
      });
    },
    /** Latent coordinates of a pointer event, the size of a pixel, and whether it lies within the axes. */
    locate({ clientX, clientY }, theme) {
      const place = placeOf(theme);
      const box = field.getBoundingClientRect();
      const [right, down] = [clientX - box.left - place.left, clientY - box.top - place.top];
      const inside = right >= 0 && right <= place.width && down >= 0 && down <= place.height;
      return { x: place.low1 + right / place.scale, y: place.high2 - down / place.scale, pixel: 1 / place.scale, inside };
    },
    /** True while anything still moves. */
    draw(now, theme) {
      const gliding = motion.advance(now);
      const widening = view.follow && follow(now);
      drawnAt = now;
      const place = placeOf(theme);
      prepare(place, theme);
      const key = Object.values(view.range).join();
      if (key !== axesFor) {
        axesFor = key;
        axes.setTransform(1, 0, 0, 1, 0, 0);
        axes.clearRect(0, 0, axesCanvas.width, axesCanvas.height);
        axes.setTransform(ratio, 0, 0, ratio, 0, 0);
        drawAxes(axes, place, theme);
      }
      if (!store.frame || !store.probe) return false;
      drawPoints(place, theme);
      drawMarks(place, theme);
      tellOutside();
      return gliding || widening;
    },
  };
}
