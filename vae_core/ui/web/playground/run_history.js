// The browser's history has each run that its tab has shown: Back brings the earlier one.

/** @typedef {{ socket: string, images?: string }} Shown Where a run is. */

/** @param {(run: Shown) => void} go shows a run that was shown before */
export function createRunHistory(go) {
  let fresh = true; // the entry at hand is of this page, whichever run it had

  /** @param {PopStateEvent} event */
  const popped = ({ state }) => {
    if (state?.noiseLabRun) go(state.noiseLabRun);
  };
  addEventListener("popstate", popped);

  return {
    /** The run on the screen, and the address that is it. @param {Shown} run @param {string} address */
    show({ socket, images }, address) {
      const before = history.state?.noiseLabRun?.socket;
      const state = { ...history.state, noiseLabRun: { socket, images } };
      if (!fresh && before && before !== socket) history.pushState(state, "", address);
      else if (before !== socket || address !== location.search) history.replaceState(state, "", address);
      fresh = false;
    },
    close() {
      removeEventListener("popstate", popped);
    },
  };
}
