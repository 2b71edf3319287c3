// What the Draw page sends: all that it shows, see `vae_core.figures.drawing.scene`. Types alone, nothing that is run.

export {};

/**
 * @typedef {Object} Drawing What the model makes of what is drawn.
 * @property {[number, number]} mean
 * @property {[number, number] | null} scale
 * @property {number | null} correlation
 * @property {{ mean: number, draw: number }} logLikelihood
 * @property {[string, number][]} near classes of the nearest codes, and how often each
 */

/**
 * @typedef {Object} Scene
 * @property {number} seq of the message that it answers
 * @property {number[][]} strokes
 * @property {boolean} example
 * @property {string} rule
 * @property {string | null} say
 * @property {number} step
 * @property {string[]} classes
 * @property {Float32Array} codes of the test images
 * @property {Uint8Array} labels
 * @property {Drawing} [drawing]
 * @property {Float32Array} [draws]
 * @property {Uint8Array} [painted] what was drawn, at the mean, at a draw
 * @property {string[]} [nearest]
 * @property {Uint8Array} [nearestImages]
 * @property {number} [gap]
 * @property {Float32Array} [places] of the walk
 * @property {Uint8Array} [walk] its images
 * @property {Uint8Array} [ends]
 */
