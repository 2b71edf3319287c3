// The three canvases of a plane, so that what stands still is not drawn again: points, axes, and markers on top.

import { contextOf } from "./elements.js";
import { createStamps } from "./dot_stamps.js";
import { CLASS_COLOURS, enlarged, rgb } from "./theme.js";
import { glyphSprites } from "./markers.js";

/** @import { Glyph } from "./markers.js" */
/** @import { Place } from "./plane_geometry.js" */
/** @import { Theme } from "./theme.js" */

/** @param {HTMLElement} field */
export function createPlaneCanvases(field) {
  const [points, ...others] = field.querySelectorAll("canvas");
  const [axes, marks] = others.map((canvas) => contextOf(canvas));
  const stamps = createStamps(points);
  /** @type {Glyph[]} */
  let glyphs = [];
  let ratio = 1;
  let cutFor = ""; // what the stamps and canvases were made for

  return {
    /** Contexts in CSS pixels, once they were wiped. */
    axes,
    marks,
    stamps,
    get glyphs() { return glyphs; },
    /** Pixels of the screen to one of CSS. */
    get ratio() { return ratio; },
    /**
     * Cut stamps and glyphs for the field's size, the theme and the names of the classes; true where that was new.
     *
     * @param {Place} place
     * @param {Theme} theme
     * @param {string[]} names
     * @param {"dots" | "digits"} [shape]
     */
    fit(place, theme, names, shape = "dots") {
      const { clientWidth, clientHeight } = field;
      const key = [clientWidth, clientHeight, devicePixelRatio, theme.size, theme.panel, shape, names].join();
      if (key === cutFor) return false;
      cutFor = key;
      ratio = devicePixelRatio;
      for (const { canvas } of [axes, marks]) {
        canvas.width = Math.round(clientWidth * ratio);
        canvas.height = Math.round(clientHeight * ratio);
      }
      const { left, top, width, height } = place;
      for (const [side, value] of Object.entries({ left, top, width, height })) points.style.setProperty(side, `${value}px`);
      stamps.resize(Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio)));
      const radius = 2.1 * enlarged(theme) * ratio;
      const type = 9.5 * enlarged(theme) * ratio;
      stamps.cut(CLASS_COLOURS.map(rgb), shape === "digits" ? type * 0.6 : radius, (context, k) => {
        context.font = `700 ${type}px ${theme.font}`;
        context.textAlign = "center";
        context.textBaseline = "middle";
        context.beginPath();
        context.arc(0.5, 0.5, radius, 0, 2 * Math.PI);
        if (shape === "digits") context.fillText(names[k] ?? "", 0.5, 0.5);
        else context.fill();
      });
      glyphs = glyphSprites(names, CLASS_COLOURS, theme, ratio);
      return true;
    },
    /** @param {CanvasRenderingContext2D} context */
    wipe(context) {
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, context.canvas.width, context.canvas.height);
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
    },
    /** Paint nothing outside the axes. @type {(context: CanvasRenderingContext2D, place: Place, paint: () => void) => void} */
    inside(context, { left, top, width, height }, paint) {
      context.save();
      context.beginPath();
      context.rect(left, top, width, height);
      context.clip();
      paint();
      context.restore();
    },
  };
}
