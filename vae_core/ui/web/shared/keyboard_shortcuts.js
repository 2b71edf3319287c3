// Keys for the lecturer: space plays, n switches the noise, the arrows walk the timeline; never while typing.

/** @import { Actions } from "./actions.js" */

/** Key -> what a button's title calls it. */
export const KEYS = { play: [" ", "space"], noise: ["n", "n"], back: ["ArrowLeft", "left arrow"], forward: ["ArrowRight", "right arrow"] };

const TYPED = "textarea, select, [contenteditable=true], input:not([type=range]):not([type=checkbox])";

/**
 * Returns what takes the keys away again.
 *
 * @param {HTMLElement} root
 * @param {Partial<Pick<Actions, "playPause" | "toggleNoise">> & Pick<Actions, "stepBy">} act
 */
export function attachKeyboard(root, act) {
  /** @param {KeyboardEvent} event */
  const press = (event) => {
    const target = event.composedPath()[0];
    /** @param {string} selector */
    const is = (selector) => target instanceof Element && target.matches(selector);
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || is(TYPED)) return;
    const onSlider = is("input[type=range]:not([data-testid=timeline])");
    const ours = new Map([
      [KEYS.play[0], is("button, input[type=checkbox], a") ? undefined : act.playPause], // a focused button keeps its own key
      [KEYS.noise[0], act.toggleNoise],
      [KEYS.back[0], onSlider ? undefined : () => act.stepBy(-1)],
      [KEYS.forward[0], onSlider ? undefined : () => act.stepBy(1)],
    ]).get(event.key);
    if (!ours) return;
    event.preventDefault();
    ours();
  };
  /** After a click with the pointer the keys belong to the page again. @param {MouseEvent} event */
  const release = ({ detail, target }) => {
    if (detail > 0 && target instanceof Element) target.closest("button")?.blur();
  };
  window.addEventListener("keydown", press);
  root.addEventListener("click", release);
  return () => window.removeEventListener("keydown", press);
}
