// Keys for the lecturer: space plays, n switches the noise, the arrows walk the timeline; never while typing.

const TYPED = "textarea, select, [contenteditable=true], input:not([type=range]):not([type=checkbox])";

export function attachKeyboard(root, act) {
  const press = (event) => {
    const target = event.composedPath()[0];
    const is = (selector) => target instanceof Element && target.matches(selector);
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || is(TYPED)) return;
    const ours = {
      " ": is("button, input[type=checkbox], a") ? null : act.playPause, // a focused button keeps its own key
      n: act.toggleNoise,
      ArrowLeft: is("input[type=range]:not([data-testid=timeline])") ? null : () => act.stepBy(-1),
      ArrowRight: is("input[type=range]:not([data-testid=timeline])") ? null : () => act.stepBy(1),
    }[event.key];
    if (!ours) return;
    event.preventDefault();
    ours();
  };
  // After a click with the pointer the keys belong to the page again.
  const release = (event) => event.detail > 0 && event.target.closest("button")?.blur();
  window.addEventListener("keydown", press);
  root.addEventListener("click", release);
  return () => window.removeEventListener("keydown", press);
}
