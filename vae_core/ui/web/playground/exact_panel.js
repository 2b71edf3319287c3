// The exact panel: log p(x), the gap to the ELBO, and the KL as what z tells about x plus how far all codes are from the prior.

import { exactOf, isBehind, ruleOf } from "../shared/store.js";
import { named, part, write } from "../shared/elements.js";
import { known, signed } from "../shared/numbers.js";

/** @import { Exact } from "../shared/messages.js" */
/** @import { Store } from "../shared/store.js" */

const STANDARD = "N(0, I)";
const BOUNDED = new Set(["log_marginal", "gap"]); // where an image is not resolved, these are lower bounds
const SCALE = 8; // nats that fill the bar, or twice that, and so on

/** @param {number} [number] */
const count = (number = 0) => number.toLocaleString("en");
/** @type {(value: number, error?: number) => string} */
const nats = (value, error = 0) => signed(value, Math.abs(value) < 100 && error < 0.05 ? 2 : 1); // no digit that chance decides
/** @param {number | null} [error] */
const plusMinus = (error) => `± ${!error || error < 0.01 ? "0.01" : signed(error, error < 0.1 ? 2 : error < 10 ? 1 : 0)}`;

/** @param {Exact} exact */
const over = ({ images = 0, of = 0, error, fine, unresolved }) => {
  if (unresolved) return `not resolved for ${count(unresolved)} of ${count(images)} test images, whose best lower bound is counted`;
  const some = images < of ? `estimated from ${count(images)} of the ${count(of)} test images` : `mean of the ${count(of)} test images`;
  return `${some}, integrated on a ${fine ? "fine" : "coarse"} mesh to ${plusMinus(error)} nats`;
};

/**
 * What each number is, for its title; and how far it may be off.
 *
 * @type {Record<"log_marginal" | "gap" | "mutual_information" | "aggregate_kl", { title: (exact: Exact) => string, error: (exact: Exact) => number | null | undefined }>}
 */
const NUMBERS = {
  log_marginal: {
    title: (exact) => `Exact log p(x) under ${exact.prior}, ${plusMinus(exact.log_marginal_error)} nats: ${over(exact)}`,
    error: (exact) => exact.log_marginal_error,
  },
  gap: {
    title: (exact) => `log p(x) − ELBO = KL(q(z|x) ‖ p(z|x)) of the q that is charged for, ${plusMinus(exact.gap_error)} nats: ${over(exact)}`,
    error: (exact) => exact.gap_error,
  },
  mutual_information: {
    title: ({ together = 0 }) =>
      `What z tells about x, I(x; z), over ${count(together)} test images: at most log ${count(together)} = ${Math.log(together).toFixed(2)} nats`,
    error: (exact) => exact.together_error,
  },
  aggregate_kl: {
    title: ({ together }) => `How far all codes together are from N(0, I): the aggregate posterior of ${count(together)} test images`,
    error: (exact) => exact.together_error,
  },
};

/** @type {(root: HTMLElement, store: Store) => { draw: () => void }} */
export function createExact(root, store) {
  const panel = named(root, "exact");
  /** @param {string} name */
  const exactPart = (name) => part(panel, `[data-exact=${name}]`);
  const lag = part(panel, ".lag");
  const error = exactPart("error");
  const prior = exactPart("prior");
  const bar = part(panel, ".bar-of-kl");
  /** @type {(element: HTMLElement, title: string) => void} */
  const writeTitle = (element, title) => {
    if (element.title !== title) element.title = title;
  };
  /** @type {(told: number, kl: number) => void} */
  const fill = (told, kl) => {
    bar.style.setProperty("--told", String(told));
    bar.style.setProperty("--kl", String(kl));
  };

  return {
    draw() {
      const exact = exactOf(store);
      for (const name of /** @type {const} */ (["log_marginal", "gap", "mutual_information", "aggregate_kl"])) {
        const { title, error } = NUMBERS[name];
        const element = exactPart(name);
        const value = exact?.[name];
        const why = exact?.failed ? "It could not be measured at this step" : exact ? ruleOf(store)?.undefined : "Not measured yet";
        const least = exact?.unresolved && BOUNDED.has(name) ? "≥ " : "";
        write(part(element, "b"), exact && known(value) ? least + nats(value, error(exact) ?? 0) : "–");
        writeTitle(element, exact && known(value) ? title(exact) : why || "Not defined for this rule");
      }
      const measured = known(exact?.log_marginal);
      write(error, exact?.unresolved ? "not resolved" : measured ? plusMinus(exact?.log_marginal_error) : "");
      write(lag, exact && isBehind(store, exact) ? `step ${count(exact.step)}` : "");
      const other = measured && exact?.prior !== STANDARD ? (exact?.prior ?? "") : "";
      write(prior, other && `under ${other}`);
      const { kl, mutual_information: told, aggregate_kl: apart } = exact ?? {};
      const split = known(kl) && known(told) && known(apart);
      if (bar.hidden !== (Boolean(other) && !split)) bar.hidden = Boolean(other) && !split;
      if (!split) return fill(0, 0);
      const scale = SCALE * 2 ** Math.max(0, Math.ceil(Math.log2(kl / SCALE)));
      fill(told / scale, kl / scale);
      writeTitle(bar, `KL ${nats(kl)} = ${nats(told)} + ${nats(apart)} nats; the bar ends at ${scale}`);
    },
  };
}
