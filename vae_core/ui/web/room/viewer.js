// One who watches a room: what goes to the server, the decoder and images that are fetched when they are needed, the poll, and the end.

import { createDecoder } from "../shared/hover_decoder.js";
import { decodeLean } from "./compact_decoding.js";
import { ICONS } from "../playground/page.js";
import { isLive } from "../shared/store.js";

const PIXELS = 784;
const PAUSE = 1000; // ms between two decoders
const RULE = ["[data-testid=rule]", "[data-testid=noise]", "[data-part=scale]", "[data-part=knobs]"];

/** A random number that says no more than that two visits of this tab are of the same viewer. */
export function viewerOf() {
  let id = sessionStorage.getItem("noise-lab-viewer");
  if (!id) {
    id = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
    sessionStorage.setItem("noise-lab-viewer", id);
  }
  return id;
}

export function createWatching(root, store, { send, touch, fork }) {
  const viewer = viewerOf();
  let base = ""; // of the room's addresses
  let take = 0; // of the room's runs
  let poll = null;
  let mine = {}; // poll -> the answer that counts
  let folded = ""; // what of the poll was put aside: the question, or its result
  let asked = null; // step of the decoder that is there or on its way
  let askedAt = -Infinity;
  let later = 0; // timer of the next one
  let pictured = 0; // the take whose images are all there or on their way

  for (const part of RULE) root.querySelector(part).inert = true;
  root.querySelector(".station.rule header").insertAdjacentHTML("afterend", `<p class="locked">${ICONS.lock} steered by the presenter</p>`);
  root.querySelector("[data-testid=fork] span").textContent = "Fork: try it yourself";
  root.insertAdjacentHTML("beforeend", `<section class="card poll" data-testid="poll" role="dialog" aria-label="Poll" hidden></section>
    <section class="card ended" data-testid="ended" role="alert" hidden><p></p><button type="button" data-testid="again">Try again</button></section>`);
  const card = root.querySelector(".poll");
  const people = root.querySelector("[data-testid=people]");
  const chip = root.querySelector("[data-testid=show-poll]");
  chip.onclick = () => {
    folded = "";
    show();
  };
  root.querySelector("[data-testid=again]").onclick = () => location.reload();

  const fetched = async (path, use) => {
    const of = take;
    const response = await fetch(`${base}/${path}?viewer=${viewer}`).catch(() => null);
    if (response?.ok && of === take) use(await decodeLean(await response.arrayBuffer()));
    return Boolean(response?.ok);
  };

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
    const arrived = await fetched(`decoder/${take}/${wanted}`, (message) => {
      store.decoder = { step: message.step, decode: createDecoder(message) };
      touch("cursor", "plane");
    });
    if (!arrived && asked === wanted) asked = null;
  };

  const needImages = async () => {
    if (pictured === take) return;
    pictured = take;
    const arrived = await fetched(`images/${take}`, ({ images }) => {
      store.images.set(images);
      touch("images");
    });
    if (!arrived) pictured = 0;
  };

  const face = () => `${poll.id} ${poll.shown}`;

  const show = () => {
    const folding = poll && folded === face();
    card.hidden = !poll || folding;
    chip.hidden = !folding;
    if (card.hidden) return;
    const chosen = mine[poll.id];
    const all = poll.counts?.reduce((sum, count) => sum + count, 0);
    card.innerHTML = `<header><h2></h2><button type="button" data-testid="fold-poll" title="Put aside" aria-label="Put the poll aside">×</button></header>
      <div class="answers"></div><p class="word" role="status"></p>`;
    card.querySelector("h2")[poll.html ? "innerHTML" : "textContent"] = poll.text;
    card.querySelector("[data-testid=fold-poll]").onclick = () => {
      folded = face();
      show();
    };
    card.querySelector(".answers").replaceChildren(...poll.options.map((option, index) => {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", disabled: !poll.open });
      button.dataset.testid = `answer-${index}`;
      button.setAttribute("aria-pressed", index === chosen);
      button.append(Object.assign(document.createElement("span"), { textContent: option }));
      if (poll.counts) {
        const share = poll.counts[index] / Math.max(1, all);
        button.style.setProperty("--votes", share);
        button.append(Object.assign(document.createElement("b"), { textContent: `${poll.counts[index]} (${Math.round(100 * share)} %)` }));
      }
      button.onclick = () => send({ do: "vote", poll: poll.id, option: index });
      return button;
    }));
    card.querySelector(".word").textContent = poll.counts
      ? `${all} answered.`
      : !poll.open ? "Closed. The presenter will show the result." : chosen === undefined ? "" : "Your answer counts; you may change it.";
  };

  return {
    viewer,
    decode: decodeLean,
    at(path) {
      base = path;
    },
    /** A message that a run's own stage would send: what steers goes nowhere. */
    route(message) {
      if (message.do === "decoder") needDecoder(message.step);
      else if (message.do === "look") needImages();
      else if (message.do === "fork") fork({ step: message.step, take });
      else if (["frame", "follow"].includes(message.do)) return send(message);
      else return false;
      return true;
    },
    /** Another run is on show, or the first one. Returns whether it is another. */
    hello(message) {
      const other = message.take !== take;
      if (other) [take, asked, pictured] = [message.take, null, 0];
      return other;
    },
    probe(message) {
      store.images = message.images;
      pictured = 0;
    },
    /** The chosen image's pixels come with each frame. */
    frame(message) {
      store.images.set(message.input, PIXELS * message.chosen);
      if (store.state && message.seconds !== undefined) store.state.seconds = message.seconds;
    },
    state({ watching }) {
      people.hidden = false;
      people.textContent = `${watching.toLocaleString("en")} watching`;
    },
    poll(message) {
      poll = message.poll;
      show();
    },
    voted({ poll: id, option }) {
      mine = { [id]: option };
      show();
    },
    ended({ text, again }) {
      const end = root.querySelector(".ended");
      end.hidden = false;
      end.querySelector("button").hidden = !again;
      card.hidden = true;
      end.querySelector("p").textContent = text;
    },
  };
}
