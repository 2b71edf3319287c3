// The address of a page: the run's link, and what others have appended to it.

/** Settings of a link, as in run/link.py; knobs begin with "knob.". */
export const OURS = ["points", "dataset", "rule", "noise", "seed", "hidden", "activation", "batch_size", "train_size", "learning_rate", "likelihood", "deviation", "pixels", "wider", "encoders", "event"];

/** And those of a comparison, as in run/contrasts.py. */
const OF_COMPARISON = ["contrast", "run"];

/**
 * A link with the parameters of an address that are none of its settings: a tracker's, a course's.
 *
 * @type {(link: string, search: string, comparison?: boolean) => string}
 */
export function withOthers(link, search, comparison = false) {
  /** @type {(name: string) => boolean} */
  const isOurs = (name) => OURS.includes(name) || name.startsWith("knob.") || (comparison && OF_COMPARISON.includes(name));
  const others = search.slice(1).split("&").filter((pair) => pair && ![...new URLSearchParams(pair).keys()].some(isOurs));
  return [link, ...others].join("&");
}
