// The plane with the codes of test images, the drawing's own code, and the walk. Everything glides.

import { createStamps } from "../shared/dot_stamps.js";
import { drawAxes, drawCross, drawDot, drawEllipse, glyphSprites, haloText } from "../shared/markers.js";
import { CLASS_COLOURS, rgb } from "../shared/theme.js";

const GLIDE = 160; // ms
const HALF = 4; // of the axes, unless all codes are asked for

export function createDrawPlane(field, fit) {
  const [pointCanvas, baseCanvas, topCanvas] = field.querySelectorAll("canvas");
  const [base, marks] = [baseCanvas, topCanvas].map((canvas) => canvas.getContext("2d"));
  const stamps = createStamps(pointCanvas);
  const note = field.querySelector(".outside");
  let scene = null;
  let half = HALF;
  let all = false; // widen the axes until all codes are inside
  let from = new Float32Array(0);
  let target = from; // codes, then medians, then the drawing's mean and draws
  let shown = from;
  let started = 0;
  let medians = [];
  let codesMove = false;
  let glyphs = [];
  let cutFor = "";
  let drawnFor = null; // the theme that codes and axes were drawn in, once they stand still

  const placeOf = (theme) => {
    const left = 2.1 * theme.size;
    const [width, height] = [field.clientWidth - left - 1, field.clientHeight - 1.7 * theme.size - 1];
    const scale = Math.min(width, height) / (2 * half);
    const [middle, centre] = [left + width / 2, 1 + height / 2];
    return {
      left, top: 1, width, height, scale,
      low1: -width / 2 / scale, high1: width / 2 / scale, low2: -height / 2 / scale, high2: height / 2 / scale,
      x: (value) => middle + value * scale, y: (value) => centre - value * scale,
    };
  };

  const mediansOf = ({ codes, labels, classes }) => classes.flatMap((_, k) => [0, 1].map((axis) => {
    const values = [];
    for (let i = 0; i < labels.length; i++) if (labels[i] === k) values.push(codes[2 * i + axis]);
    return values.sort((a, b) => a - b)[values.length >> 1] ?? NaN;
  }));

  const aim = (next) => {
    const same = scene && next.codes.length === scene.codes.length && next.codes.every((value, i) => value === scene.codes[i]);
    if (!same) {
      medians = mediansOf(next);
      drawnFor = null;
    }
    codesMove = !same || (codesMove && performance.now() - started < GLIDE);
    const arrays = [next.codes, medians, next.drawing?.mean ?? [], next.drawing ? next.draws : []];
    const goal = new Float32Array(arrays.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const array of arrays) {
      goal.set(array, at);
      at += array.length;
    }
    // Dots keep their identity, so that they can glide; with another set of them they cannot.
    from = goal.length === shown.length ? shown.slice() : goal;
    target = goal;
    shown = from.slice();
    started = performance.now();
    scene = next;
    widen();
  };

  const widen = () => {
    const furthest = scene.codes.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    half = all ? Math.max(HALF, 1.06 * furthest) : HALF;
  };

  const prepare = (place, theme) => {
    const ratio = devicePixelRatio;
    const key = [field.clientWidth, field.clientHeight, ratio, theme.size, theme.panel, scene.classes].join();
    if (key === cutFor) return;
    cutFor = key;
    for (const canvas of [baseCanvas, topCanvas]) {
      canvas.width = Math.round(field.clientWidth * ratio);
      canvas.height = Math.round(field.clientHeight * ratio);
    }
    for (const side of ["left", "top", "width", "height"]) pointCanvas.style[side] = `${place[side]}px`;
    stamps.resize(Math.max(1, Math.round(place.width * ratio)), Math.max(1, Math.round(place.height * ratio)));
    const radius = 2.1 * ratio * (theme.size > 15 ? 1.5 : 1);
    stamps.cut(CLASS_COLOURS.map(rgb), radius, (context) => {
      context.beginPath();
      context.arc(0.5, 0.5, radius, 0, 2 * Math.PI);
      context.fill();
    });
    glyphs = glyphSprites(scene.classes, CLASS_COLOURS, theme, ratio);
  };

  const wipe = (context) => {
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, context.canvas.width, context.canvas.height);
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  };

  const drawCodes = (place, theme) => {
    const scale = place.scale * devicePixelRatio;
    const { labels } = scene;
    let outside = 0;
    stamps.clear(theme.panelRgb);
    for (let i = 0; i < labels.length; i++) {
      const inside = stamps.put((shown[2 * i] - place.low1) * scale, (place.high2 - shown[2 * i + 1]) * scale, labels[i], 150);
      if (!inside) outside++;
    }
    stamps.show();
    note.hidden = outside === 0;
    note.textContent = `${outside.toLocaleString("en")} of ${labels.length.toLocaleString("en")} codes outside`;
  };

  const drawGlyphs = (place) => {
    glyphs.forEach(({ canvas, size }, k) => {
      const at = scene.codes.length + 2 * k;
      if (Number.isFinite(shown[at])) base.drawImage(canvas, place.x(shown[at]) - size / 2, place.y(shown[at + 1]) - size / 2, size, size);
    });
  };

  const drawWalk = (place, theme, walked) => {
    const { places } = scene;
    const count = places.length / 2;
    for (const [colour, width] of [[theme.panel, 6], [theme.text, 2.5]]) {
      marks.strokeStyle = colour;
      marks.lineWidth = width;
      marks.beginPath();
      for (let k = 0; k < count; k++) marks.lineTo(place.x(places[2 * k]), place.y(places[2 * k + 1]));
      marks.stroke();
    }
    marks.font = `800 ${1.5 * theme.size}px ${theme.font}`;
    marks.textAlign = "center";
    marks.textBaseline = "middle";
    for (const [letter, k] of [["A", 0], ["B", count - 1]]) {
      const [x, y] = [place.x(places[2 * k]), place.y(places[2 * k + 1])];
      drawDot(marks, x, y, 5, theme.text, theme.panel);
      haloText(marks, letter, x + 1.1 * theme.size, y - theme.size, theme.text, theme.panel, 5);
    }
    const low = Math.floor(walked);
    const rest = walked - low;
    const [x, y] = [0, 1].map((axis) => places[2 * low + axis] * (1 - rest) + (places[2 * low + 2 + axis] ?? 0) * rest);
    drawDot(marks, place.x(x), place.y(y), 8, theme.accent, theme.panel);
  };

  const drawDrawing = (place, theme) => {
    const { scale, correlation } = scene.drawing;
    let at = scene.codes.length + 2 * scene.classes.length;
    const [mean1, mean2] = shown.subarray(at, at + 2);
    for (at += 2; at < shown.length; at += 2) {
      drawDot(marks, place.x(shown[at]), place.y(shown[at + 1]), 3.2, theme.eps, theme.panel);
    }
    if (scale) for (const [deviations, width] of [[2, 1.6], [1, 2.6]]) {
      drawEllipse(marks, place, [mean1, mean2, ...scale, correlation ?? 0], deviations, theme.sigma, width);
    }
    const [x, y] = [place.x(mean1), place.y(mean2)];
    drawCross(marks, x, y, 9, theme.mu, theme.panel);
    for (const [colour, width] of [[theme.panel, 7], [theme.mu, 3.5]]) {
      marks.strokeStyle = colour;
      marks.lineWidth = width;
      marks.beginPath();
      marks.arc(x, y, 24, 0, 2 * Math.PI);
      marks.stroke();
    }
  };

  fit.addEventListener("click", () => {
    all = !all;
    fit.setAttribute("aria-pressed", all);
    drawnFor = null;
    if (scene) widen();
    field.dispatchEvent(new Event("redraw"));
  });

  return {
    aim,
    /** Where the drawing's code is on its way to, on the page: for tests. */
    get mean() { return scene?.drawing?.mean ?? null; },
    /** True while anything moves. `walked` counts places of the walk. */
    draw(theme, walked) {
      if (!scene) return false;
      const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
      const share = still ? 1 : Math.min(1, (performance.now() - started) / GLIDE);
      for (let i = 0; i < shown.length; i++) shown[i] = from[i] + (target[i] - from[i]) * share;
      const place = placeOf(theme);
      prepare(place, theme);
      const inside = (context, paint) => {
        context.save();
        context.beginPath();
        context.rect(place.left, place.top, place.width, place.height);
        context.clip();
        paint();
        context.restore();
      };
      if (drawnFor !== theme) { // what stands still is not drawn again
        drawCodes(place, theme);
        wipe(base);
        drawAxes(base, place, theme);
        inside(base, () => drawGlyphs(place));
        drawnFor = share < 1 && codesMove ? null : theme;
      }
      wipe(marks);
      inside(marks, () => {
        if (scene.places) drawWalk(place, theme, walked);
        if (scene.drawing) drawDrawing(place, theme);
      });
      return share < 1;
    },
  };
}
