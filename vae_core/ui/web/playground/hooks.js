// window.noiseLab: counters and facts for tests and for the curious; it only reads.

import { exactOf, isBehind, isLive, repeatsSpread } from "../shared/store.js";

export function createHooks(store, plane) {
  const counts = { frames: 0, updates: 0, hoverDecodes: 0, lastFrameAt: 0, longestStall: 0 };
  const watcher = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) counts.longestStall = Math.max(counts.longestStall, duration);
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
    events: () => store.state?.events ?? [],
    view: () => ({ ...store.view.range }),
    meanDrawDifference: () => store.frame && store.frame.strip_at_mean.reduce(
      (most, value, i) => Math.max(most, Math.abs(value - store.frame.strip_at_draw[i])), 0),
  };
  const noiseLab = {};
  for (const name of Object.keys(counts)) Object.defineProperty(noiseLab, name, { get: () => counts[name], enumerable: true });
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
