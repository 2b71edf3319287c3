// Single marks on the plane: axes, prior circles, class glyphs, ellipses, the chosen point, thumbnails.
// All take a 2-D context in CSS pixels, and those that know the axes a place in them.

import { enlarged } from "./theme.js";
import { hiddenContextOf } from "./elements.js";
import { signed, ticks } from "./numbers.js";

/** @import { Place } from "./plane_geometry.js" */
/** @import { Theme } from "./theme.js" */

/** @typedef {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} Context */
/** @typedef {{ canvas: OffscreenCanvas, size: number }} Glyph A letter on its own canvas, `size` CSS pixels wide and high. */
/** @typedef {[mean1: number, mean2: number, scale1: number, scale2: number, correlation: number]} Normal */

const TURN = 2 * Math.PI;

/** Text that stays legible on dots. @type {(context: Context, text: string, x: number, y: number, colour: string, paper: string, width?: number) => void} */
export function haloText(context, text, x, y, colour, paper, width = 4) {
  context.lineJoin = "round";
  context.lineWidth = width;
  context.strokeStyle = paper;
  context.strokeText(text, x, y);
  context.fillStyle = colour;
  context.fillText(text, x, y);
}

/** @type {(context: Context, place: Place, theme: Theme) => void} */
export function drawAxes(context, place, theme) {
  const { left, top, width, height, scale } = place;
  const right = left + width;
  const bottom = top + height;
  context.font = `${theme.size}px ${theme.font}`;
  context.lineWidth = 1;
  /** @type {(x1: number, y1: number, x2: number, y2: number) => void} */
  const line = (x1, y1, x2, y2) => {
    context.beginPath();
    context.moveTo(Math.round(x1) + 0.5, Math.round(y1) + 0.5);
    context.lineTo(Math.round(x2) + 0.5, Math.round(y2) + 0.5);
    context.stroke();
  };
  context.strokeStyle = theme.line;
  context.fillStyle = theme.faint;
  context.textBaseline = "middle";
  const count = Math.max(4, width / (6 * theme.size));
  for (const [value, text] of ticks(place.low1, place.high1, count)) {
    context.globalAlpha = value === 0 ? 1 : 0.45;
    line(place.x(value), top, place.x(value), bottom);
    context.globalAlpha = 1;
    context.textAlign = place.x(value) > right - 8 ? "right" : "center";
    context.fillText(text, place.x(value), bottom + theme.size * 0.85);
  }
  const alike = (count * (place.high2 - place.low2)) / (place.high1 - place.low1); // the same step on both axes
  for (const [value, text] of ticks(place.low2, place.high2, alike)) {
    context.globalAlpha = value === 0 ? 1 : 0.45;
    line(left, place.y(value), right, place.y(value));
    context.globalAlpha = 1;
    context.textAlign = "right";
    context.fillText(text, left - 5, Math.max(place.y(value), top + theme.size * 0.55));
  }
  context.font = `italic 600 ${theme.size + 2}px ${theme.font}`;
  context.fillStyle = theme.zed;
  context.textAlign = "right";
  context.fillText("z₁", right - 6, Math.min(Math.max(place.y(0) + theme.size, top + 20), bottom - theme.size));
  context.textAlign = "left";
  context.fillText("z₂", Math.min(Math.max(place.x(0) + 7, left + 6), right - 30), top + theme.size);

  context.save();
  context.beginPath();
  context.rect(left, top, width, height);
  context.clip();
  context.textAlign = "center";
  context.font = `600 ${theme.size}px ${theme.font}`;
  for (const radius of [1, 2]) {
    context.strokeStyle = theme.text;
    context.globalAlpha = 0.75;
    context.lineWidth = enlarged(theme) > 1 ? 2 : 1.4;
    context.setLineDash(radius === 1 ? [] : [6, 4]);
    context.beginPath();
    context.arc(place.x(0), place.y(0), radius * scale, 0, TURN);
    context.stroke();
    context.globalAlpha = 1;
    const diagonal = radius * Math.SQRT1_2;
    haloText(context, `${radius}σ`, place.x(diagonal) + 6, place.y(diagonal) - 6, theme.text, theme.panel);
  }
  context.restore();
}

/** One bold glyph per class on its own small canvas, so that a frame only copies them. @type {(names: string[], colours: string[], theme: Theme, ratio: number) => Glyph[]} */
export function glyphSprites(names, colours, theme, ratio) {
  const size = theme.size * 2.1;
  return names.map((name, k) => {
    const canvas = new OffscreenCanvas(Math.ceil(2 * size * ratio), Math.ceil(2 * size * ratio));
    const context = hiddenContextOf(canvas);
    context.scale(ratio, ratio);
    context.font = `800 ${size}px ${theme.font}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    const colour = `color-mix(in srgb, ${colours[k]} 80%, ${theme.dark ? "white" : "black"})`;
    haloText(context, name, size, size, colour, theme.panel, size / 4);
    return { canvas, size: 2 * size };
  });
}

/** The curve at `deviations` standard deviations of a normal distribution, in the units of the axes. @type {(context: Context, place: Pick<Place, "x" | "y">, normal: Normal, deviations: number, colour: string, width: number) => void} */
export function drawEllipse(context, place, [mean1, mean2, scale1, scale2, correlation], deviations, colour, width) {
  const rest = Math.sqrt(1 - correlation * correlation);
  context.beginPath();
  for (let k = 0; k <= 48; k++) {
    const cosine = deviations * Math.cos((TURN * k) / 48);
    const sine = deviations * Math.sin((TURN * k) / 48);
    context.lineTo(place.x(mean1 + scale1 * cosine), place.y(mean2 + scale2 * (correlation * cosine + rest * sine)));
  }
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke();
}

/** @type {(context: Context, x: number, y: number, reach: number, colour: string, paper: string) => void} */
export function drawCross(context, x, y, reach, colour, paper) {
  for (const { style, width } of [{ style: paper, width: 6 }, { style: colour, width: 2.6 }]) {
    context.strokeStyle = style;
    context.lineWidth = width;
    context.beginPath();
    context.moveTo(x - reach, y);
    context.lineTo(x + reach, y);
    context.moveTo(x, y - reach);
    context.lineTo(x, y + reach);
    context.stroke();
  }
}

/** @type {(context: Context, x: number, y: number, radius: number, fill: string, edge: string) => void} */
export function drawDot(context, x, y, radius, fill, edge) {
  context.beginPath();
  context.arc(x, y, radius, 0, TURN);
  context.fillStyle = fill;
  context.fill();
  context.lineWidth = 1.8;
  context.strokeStyle = edge;
  context.stroke();
}

/** An image with its coordinates beside a place, on its `side` unless the edge is near. @type {(context: Context, place: Place, z1: number, z2: number, image: CanvasImageSource, theme: Theme, side: "left" | "right") => void} */
export function drawThumbnail(context, place, z1, z2, image, theme, side) {
  const edge = 4 * theme.size;
  const text = `(${signed(z1, 2)}, ${signed(z2, 2)})`;
  context.font = `600 ${theme.size}px ${theme.font}`;
  const width = Math.max(edge, context.measureText(text).width + 8);
  const height = edge + theme.size + 10;
  const [x, y] = [place.x(z1), place.y(z2)];
  const [toLeft, toRight] = [x - 30 - width, x + 30];
  const onLeft = side === "left" ? toLeft > place.left : toRight + width > place.left + place.width;
  const left = onLeft ? toLeft : toRight;
  const top = Math.min(Math.max(y - height / 2, place.top + 4), place.top + place.height - height - 4);
  context.fillStyle = theme.panel;
  context.strokeStyle = theme.text;
  context.lineWidth = 1.5;
  context.beginPath();
  context.roundRect(left, top, width, height, 5);
  context.fill();
  context.stroke();
  context.drawImage(image, left + (width - edge) / 2, top + 4, edge, edge);
  context.fillStyle = theme.text;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(text, left + width / 2, top + edge + 5 + theme.size / 2);
}

/** A ring around a place. @type {(context: Context, x: number, y: number, radius: number, colour: string, width: number) => void} */
export function drawRing(context, x, y, radius, colour, width) {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.beginPath();
  context.arc(x, y, radius, 0, TURN);
  context.stroke();
}
