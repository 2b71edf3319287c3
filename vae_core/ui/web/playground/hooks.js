// window.noiseLab: counters and facts for tests and for the curious; it only reads.

import { exactOf, isBehind, isLive, repeatsSpread } from "../shared/store.js";

/** @import { Plane } from "../shared/plane.js" */
/** @import { Store } from "../shared/store.js" */

const COUNTED = /** @type {const} */ (["frames", "updates", "hoverDecodes", "lastFrameAt", "longestStall"]);

/** @typedef {Record<Exclude<(typeof COUNTED)[number], "longestStall">, number> & { longestStall: number | null }} Counts */

/** @type {(store: Store, plane: Plane) => { counts: Counts, close: () => void }} */
export function createHooks(store, plane) {
  /** @type {Counts} */
  const counts = { frames: 0, updates: 0, hoverDecodes: 0, lastFrameAt: 0, longestStall: 0 };
  const watcher = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) counts.longestStall = Math.max(counts.longestStall ?? 0, duration);
  });
  try {
    watcher.observe({ type: "longtask" });
  } catch {
    counts.longestStall = null; // this browser does not tell
  }
  const facts = {
    step: () => store.frame?.step ?? null,
    playing: () => Boolean(store.state?.playing),
    rule: () => store.frame?.rule ?? null,
    noise: () => store.frame?.noise ?? null,
    live: () => isLive(store),
    connected: () => store.connected,
    decoderStep: () => store.decoder?.step ?? null,
    exact: () => {
      const exact = exactOf(store);
      return exact && {
        step: exact.step, behind: isBehind(store, exact), fine: exact.fine, images: exact.images, of: exact.of, failed: Boolean(exact.failed),
        prior: exact.prior, logMarginal: exact.log_marginal, elbo: exact.elbo, gap: exact.gap, kl: exact.kl,
        mutualInformation: exact.mutual_information, aggregateKl: exact.aggregate_kl,
      };
    },
    marginals: () => ({ steps: [...store.marginals.steps], values: [...store.marginals.values] }),
    posteriors: () => plane.posteriors,
    pinned: () => store.view.pin?.index ?? null,
    repeatsSpread: () => repeatsSpread(store),
    points: () => plane.points,
    atRest: () => plane.isAtRest,
    events: () => store.state?.events ?? [],
    view: () => ({ ...store.view.range }),
    meanDrawDifference: () => {
      const { frame } = store;
      return frame && frame.strip_at_mean.reduce((most, value, i) => Math.max(most, Math.abs(value - frame.strip_at_draw[i])), 0);
    },
  };
  const noiseLab = {};
  for (const name of COUNTED) Object.defineProperty(noiseLab, name, { get: () => counts[name], enumerable: true });
  for (const [name, get] of Object.entries(facts)) Object.defineProperty(noiseLab, name, { get, enumerable: true });
  window.noiseLab = noiseLab;
  return {
    counts,
    close() {
      watcher.disconnect();
      if (window.noiseLab === noiseLab) delete window.noiseLab;
    },
  };
}
