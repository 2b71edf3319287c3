// A magnifying glass: a square piece of the plane around a code, on a canvas of its own.

import { contextOf } from "./elements.js";

/**
 * Returns magnify(centre, half): a fresh context in CSS pixels, and where the plane's coordinates lie in it.
 *
 * @param {HTMLCanvasElement} canvas
 */
export function createMagnifier(canvas) {
  /** @type {(centre: ArrayLike<number>, half: number) => { context: CanvasRenderingContext2D, place: { x: (value: number) => number, y: (value: number) => number, middle: number } }} */
  return (centre, half) => {
    const side = canvas.clientWidth;
    canvas.width = canvas.height = Math.round(side * devicePixelRatio);
    const context = contextOf(canvas);
    context.scale(devicePixelRatio, devicePixelRatio);
    const middle = side / 2;
    return {
      context,
      place: {
        middle,
        x: (value) => middle + ((value - centre[0]) * middle) / half,
        y: (value) => middle - ((value - centre[1]) * middle) / half,
      },
    };
  };
}
