// The presenter's side of a room: opening it, the code for the projector, how many watch, and polls.

import { buttonOf, named, one, part, press, write } from "../shared/elements.js";
import { copy } from "../shared/controls.js";
import { drop, keep, kept } from "../shared/storage.js";
import { createPolling, POLLING } from "./poll.js";
import { ROOT } from "../shared/root.js";

/** @import { Class, Poll, RoomAsks, RoomGone, RoomOpened, RunCommand } from "../shared/messages.js" */

const KEY = "noise-lab-room"; // in the tab's storage: what makes it the presenter
let fresh = true; // until the first stage of this page has said whose it is

const PANEL = `
  <section class="share" data-testid="share-panel" role="dialog" aria-label="Share with the class" hidden>
    <header><h2>Share with the class</h2><span class="spacer"></span>
      <button type="button" data-testid="unshare">Close the room</button>
      <button type="button" data-testid="back-to-stage">Back to the stage</button></header>
    <form class="asks" hidden><p></p><label>Admin token <input type="text" name="admin" autocomplete="off"></label><button>Open a room</button></form>
    <div class="sides">
      <div class="entry">
        <p class="link"><span data-testid="room-link"></span></p>
        <p class="code" data-testid="room-code"></p>
      </div>
      <div class="qr" role="img" aria-label="QR code of the link"></div>
      <div class="aside-qr"><p class="attendance"><b data-testid="watching">0</b> watching</p><p class="note"></p></div>
      ${POLLING}
    </div>
  </section>`;

/** @param {string} code */
const spaced = (code) => `${code.slice(0, 3)} ${code.slice(3)}`;

/**
 * @param {HTMLElement} root
 * @param {{ send: (message: RunCommand) => void }} to
 */
export function createPresenter(root, { send }) {
  root.insertAdjacentHTML("beforeend", PANEL);
  const panel = part(root, ".share");
  const opener = buttonOf(root, "share");
  const label = part(opener, "span");
  const asks = one(panel, ".asks", HTMLFormElement);
  const admin = one(asks, "input", HTMLInputElement);
  const polling = createPolling(panel, send);
  /** @type {RoomOpened | null} */
  let room = null;
  let watching = 0;
  /** @type {Poll | null} */
  let poll = null;

  const drawOpener = () => {
    write(label, room ? `${spaced(room.code)} · ${watching} watching` : "Share with the class");
    press(opener, Boolean(room));
  };
  /** @param {boolean} shown */
  const open = (shown) => {
    panel.hidden = !shown;
    if (!shown) opener.focus();
  };

  opener.onclick = () => {
    open(true);
    if (!room) send({ do: "share", root: ROOT.pathname });
  };
  buttonOf(panel, "back-to-stage").onclick = () => open(false);
  buttonOf(panel, "unshare").onclick = () => send({ do: "unshare" });
  named(panel, "room-link").onclick = () => copy(room?.link ?? "");
  panel.onkeydown = (event) => {
    if (event.key === "Escape") open(false);
  };
  asks.onsubmit = (event) => {
    event.preventDefault();
    send({ do: "share", admin: admin.value, root: ROOT.pathname });
  };

  drawOpener();
  return {
    /** A new connection: a tab that has a room goes on presenting, with the run that it shows now. */
    connected() {
      const token = kept(KEY);
      if (token) send({ do: "present", token, fresh, root: ROOT.pathname });
      fresh = false;
    },
    /** @param {RoomOpened | RoomAsks | RoomGone} message */
    room(message) {
      asks.hidden = !("asks" in message);
      if ("asks" in message) {
        part(asks, "p").textContent = message.asks;
      } else if ("gone" in message) {
        drop(KEY);
        [room, poll, watching] = [null, null, 0];
        open(false);
        drawOpener();
      } else {
        room = message;
        keep(KEY, room.token);
        named(panel, "room-code").textContent = spaced(room.code);
        const link = named(panel, "room-link");
        link.textContent = room.link.replace(/^https?:\/\//, "").replace(/\?.*/, "");
        link.title = `${room.link} (click to copy)`;
        part(panel, ".qr").innerHTML = room.qr;
        part(panel, ".note").textContent = room.note;
        polling.offer(room.questions);
        drawOpener();
        polling.draw(poll);
      }
      panel.classList.toggle("closed", !room);
    },
    /** @param {Class} message */
    class(message) {
      if (!room) return;
      ({ watching, poll } = message);
      named(panel, "watching").textContent = watching.toLocaleString("en");
      drawOpener();
      polling.draw(poll);
    },
    /** Whether it was for this panel. @param {string} text */
    refused(text) {
      polling.refuse(text);
      return !panel.hidden;
    },
  };
}
