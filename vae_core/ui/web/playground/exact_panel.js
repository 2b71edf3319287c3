// The exact panel: log p(x), the gap to the ELBO, and the KL as what z tells about x plus how far all codes are from the prior.

import { exactOf, isBehind, ruleOf } from "../shared/store.js";
import { signed } from "../shared/markers.js";

const STANDARD = "N(0, I)";
const SCALE = 8; // nats that fill the bar, or twice that, and so on

const count = (number) => number.toLocaleString("en");
const nats = (value, error = 0) => signed(value, Math.abs(value) < 100 && error < 0.05 ? 2 : 1); // no digit that chance decides
const plusMinus = (error) => `± ${error < 0.01 ? "0.01" : signed(error, error < 0.1 ? 2 : error < 10 ? 1 : 0)}`;

const over = ({ images, of, error, fine }) => {
  const some = images < of ? `estimated from ${count(images)} of the ${count(of)} test images` : `mean of the ${count(of)} test images`;
  return `${some}, integrated on a ${fine ? "fine" : "coarse"} mesh to ${plusMinus(error)} nats`;
};

/** What each number is, for its title. */
const TITLES = {
  log_marginal: (exact) => `Exact log p(x) under ${exact.prior}, ${plusMinus(exact.log_marginal_error)} nats: ${over(exact)}`,
  gap: (exact) => `log p(x) − ELBO = KL(q(z|x) ‖ p(z|x)) of the q that is charged for, ${plusMinus(exact.gap_error)} nats: ${over(exact)}`,
  mutual_information: ({ together }) =>
    `What z tells about x, I(x; z), over ${count(together)} test images: at most log ${count(together)} = ${Math.log(together).toFixed(2)} nats`,
  aggregate_kl: ({ together }) => `How far all codes together are from N(0, I): the aggregate posterior of ${count(together)} test images`,
};

export function createExact(root, store) {
  const panel = root.querySelector("[data-testid=exact]");
  const part = (name) => panel.querySelector(`[data-exact=${name}]`);
  const lag = panel.querySelector(".lag");
  const error = part("error");
  const prior = part("prior");
  const bar = panel.querySelector(".bar-of-kl");
  const set = (element, key, value) => {
    if (element[key] !== value) element[key] = value; // a page that is not touched is not laid out again
  };

  return {
    draw() {
      const exact = exactOf(store);
      for (const [name, title] of Object.entries(TITLES)) {
        const element = part(name);
        const value = exact?.[name];
        const known = typeof value === "number";
        const why = exact?.failed ? "It could not be measured at this step" : exact ? ruleOf(store)?.undefined : "Not measured yet";
        set(element.querySelector("b"), "textContent", known ? nats(value, exact[`${name}_error`]) : "–");
        set(element, "title", known ? title(exact) : why || "Not defined for this rule");
      }
      const measured = typeof exact?.log_marginal === "number";
      set(error, "textContent", measured ? plusMinus(exact.log_marginal_error) : "");
      set(lag, "textContent", exact && isBehind(store, exact) ? `step ${count(exact.step)}` : "");
      const other = measured && exact.prior !== STANDARD ? exact.prior : "";
      set(prior, "textContent", other && `under ${other}`);
      const split = typeof exact?.kl === "number";
      set(bar, "hidden", Boolean(other) && !split);
      if (!split) return bar.style.setProperty("--scale", 1), bar.style.setProperty("--told", 0), bar.style.setProperty("--kl", 0);
      const scale = SCALE * 2 ** Math.max(0, Math.ceil(Math.log2(exact.kl / SCALE)));
      bar.style.setProperty("--told", exact.mutual_information / scale);
      bar.style.setProperty("--kl", exact.kl / scale);
      set(bar, "title", `KL ${nats(exact.kl)} = ${nats(exact.mutual_information)} + ${nats(exact.aggregate_kl)} nats; the bar ends at ${scale}`);
    },
  };
}
