// The changes of all runs of a comparison on one timeline.

/** @import { Landmark } from "../shared/store.js" */

/**
 * Events of all runs for the timeline; what was switched for all at once is one mark.
 *
 * @param {{ events: Landmark[] }[]} columns
 * @returns {Landmark[]}
 */
export function eventsOf(columns) {
  /** @type {Map<string, Landmark & { runs: number[] }>} */
  const marks = new Map();
  columns.forEach(({ events }, index) => {
    for (const { step, label } of events) {
      const key = `${step} ${label}`;
      const mark = marks.get(key) ?? { step, label, runs: [] };
      marks.set(key, mark);
      mark.runs.push(index + 1);
    }
  });
  return [...marks.values()]
    .map(({ step, label, runs }) => ({ step, label: runs.length === columns.length ? label : `${runs.join(", ")}: ${label}` }))
    .sort((a, b) => a.step - b.step);
}
