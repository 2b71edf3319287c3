// One who watches a room: what goes to the server, the decoder and images that are fetched when they are needed, the poll, and the end.

import { createDecoder } from "../shared/hover_decoder.js";
import { createPollCard } from "./poll.js";
import { decodeCompact } from "./compact_decoding.js";
import { at } from "../shared/root.js";
import { ICONS } from "../shared/icons.js";
import { isLive } from "../shared/store.js";
import { named, part } from "../shared/elements.js";
import { keep, kept, randomName } from "../shared/storage.js";
import { PIXELS } from "../shared/digit_images.js";

/** @import { Decoder, Ended, Images, PollShown, Probe, RoomCommand, RoomHello, Voted } from "../shared/messages.js" */
/** @import { Command } from "../shared/actions.js" */
/** @import { ShownFrame, Store } from "../shared/store.js" */

const PAUSE = 1000; // ms between two decoders
const RULE = ["[data-testid=rule]", "[data-testid=noise]", "[data-part=scale]", "[data-part=knobs]"];

/** A random number that says no more than that two visits of this tab are of the same viewer. */
function viewerOf() {
  let id = kept("noise-lab-viewer");
  if (!id) {
    id = randomName(12);
    keep("noise-lab-viewer", id);
  }
  return id;
}

/**
 * @param {HTMLElement} root
 * @param {Store} store
 * @param {Object} to
 * @param {(message: RoomCommand) => boolean} to.send
 * @param {(...parts: string[]) => void} to.touch
 * @param {(from: { step: number, take: number }) => void} to.fork
 */
export function createViewer(root, store, { send, touch, fork }) {
  const viewer = viewerOf();
  let base = ""; // of the room's addresses
  let take = 0; // of the room's runs
  /** @type {number | null} */
  let asked = null; // step of the decoder that is there or on its way
  let askedAt = -Infinity;
  let later = 0; // timer of the next one
  let pictured = 0; // the take whose images are all there or on their way

  for (const selector of RULE) part(root, selector).inert = true;
  part(root, ".station.rule header").insertAdjacentHTML("afterend", `<p class="locked">${ICONS.lock} steered by the presenter</p>`);
  part(root, "[data-testid=fork] span").textContent = "Fork: try it yourself";
  const poll = createPollCard(root, send);
  root.insertAdjacentHTML("beforeend",
    `<section class="card ended" data-testid="ended" role="alert" hidden><p></p><button type="button" data-testid="again">Try again</button></section>`);
  const people = named(root, "people");
  const end = part(root, ".ended");
  const again = named(root, "again");
  again.onclick = () => location.reload();

  /** @type {(path: string, use: (message: any) => void) => Promise<boolean>} */
  const fetched = async (path, use) => {
    const of = take;
    const response = await fetch(at(`${base}/${path}?viewer=${viewer}`)).catch(() => null);
    if (response?.ok && of === take) use(await decodeCompact(await response.arrayBuffer()));
    return Boolean(response?.ok);
  };

  /** @param {number} [step] */
  const needDecoder = async (step) => {
    const wanted = isLive(store) ? store.frame?.weights : step;
    clearTimeout(later);
    if (wanted === undefined || wanted === asked) return;
    const now = performance.now();
    if (now - askedAt < PAUSE) {
      later = setTimeout(() => needDecoder(store.frame?.step), PAUSE);
      return;
    }
    [asked, askedAt] = [wanted, now];
    /** @param {Decoder} message */
    const use = (message) => {
      store.decoder = { step: message.step, decode: createDecoder(message) };
      touch("cursor", "plane");
    };
    const arrived = await fetched(`decoder/${take}/${wanted}`, use);
    if (!arrived && asked === wanted) asked = null;
  };

  const needImages = async () => {
    if (pictured === take) return;
    pictured = take;
    /** @param {Images} message */
    const use = ({ images }) => {
      store.images?.set(images);
      touch("images");
    };
    const arrived = await fetched(`images/${take}`, use);
    if (!arrived) pictured = 0;
  };

  return {
    viewer,
    decode: decodeCompact,
    /** @param {string} path */
    at(path) {
      base = path;
    },
    /** A message that a run's own stage would send: what steers goes nowhere. @param {Command} message */
    route(message) {
      if (message.do === "decoder") needDecoder(message.step);
      else if (message.do === "look") needImages();
      else if (message.do === "fork") fork({ step: message.step, take });
      else if (message.do === "frame" || message.do === "follow") return send(message);
      else return false;
      return true;
    },
    /** Another run is on show, or the first one. Returns whether it is another. @param {Partial<RoomHello>} message */
    hello(message) {
      const other = message.take !== take;
      if (other) [take, asked, pictured] = [message.take ?? 0, null, 0];
      return other;
    },
    /** @param {Probe & { images?: Uint8Array }} message */
    probe(message) {
      store.images = message.images ?? null;
      pictured = 0;
    },
    /** The chosen image's pixels come with each frame. @param {ShownFrame} message */
    frame({ input, chosen, seconds }) {
      if (input) store.images?.set(input, PIXELS * chosen);
      if (store.state && seconds !== undefined) store.state.seconds = seconds;
    },
    /** @param {{ watching?: number }} message */
    state({ watching = 0 }) {
      people.hidden = false;
      people.textContent = `${watching.toLocaleString("en")} watching`;
    },
    /** @param {PollShown} message */
    poll: (message) => poll.show(message.poll),
    /** @param {Voted} message */
    voted: (message) => poll.voted(message),
    /** @param {Ended} message */
    ended(message) {
      end.hidden = false;
      again.hidden = !message.again;
      poll.hide();
      part(end, "p").textContent = message.text;
    },
  };
}
