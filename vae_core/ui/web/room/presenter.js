// The presenter's side of a room: opening it, the code for the projector, how many watch, and polls.

import { copy } from "../playground/bar.js";

const KEY = "noise-lab-room"; // in the tab's storage: what makes it the presenter
const MOST = 6; // answers
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
      <div class="polling">
        <form class="question">
          <label>Question from a lesson <select name="lesson" data-testid="lesson-question"></select></label>
          <div class="own">
            <label>Or your own <textarea name="text" rows="2" maxlength="300" data-testid="question"></textarea></label>
            <div class="options"></div>
            <button type="button" data-testid="more-answers">One more answer</button>
          </div>
          <button data-testid="ask" class="main">Start the poll</button>
        </form>
        <div class="result" data-testid="result" hidden>
          <h3></h3><div class="bars"></div>
          <div class="group"><button type="button" class="main" data-testid="stop-and-show">Stop and show to all</button>
            <button type="button" data-testid="stop-poll">Stop</button>
            <button type="button" data-testid="new-question">New question</button></div>
        </div>
        <p class="refused" role="alert" hidden></p>
      </div>
    </div>
  </section>`;

export function createSharing(root, { send }) {
  root.insertAdjacentHTML("beforeend", PANEL);
  const panel = root.querySelector(".share");
  const find = (id) => root.querySelector(`[data-testid="${id}"]`);
  const opener = find("share");
  const refused = panel.querySelector(".refused");
  const asks = panel.querySelector(".asks");
  const form = panel.querySelector(".question");
  let room = null;
  let watching = 0;
  let poll = null;

  const drawOpener = () => {
    opener.lastElementChild.textContent = room ? `${spaced(room.code)} · ${watching} watching` : "Share with the class";
    opener.setAttribute("aria-pressed", Boolean(room));
  };
  const open = (shown) => {
    panel.hidden = !shown;
    if (!shown) opener.focus();
  };
  const addAnswer = () => {
    const options = panel.querySelector(".options");
    const place = options.childElementCount + 1;
    options.insertAdjacentHTML("beforeend", `<input type="text" maxlength="120" placeholder="Answer ${place}" aria-label="Answer ${place}" data-testid="option-${place}">`);
    find("more-answers").hidden = place >= MOST;
  };

  opener.onclick = () => {
    open(true);
    if (!room) send({ do: "share" });
  };
  find("back-to-stage").onclick = () => open(false);
  find("unshare").onclick = () => send({ do: "unshare" });
  find("room-link").onclick = () => copy(room.link);
  find("more-answers").onclick = addAnswer;
  find("stop-and-show").onclick = () => send({ do: "stop_poll", show: true });
  find("stop-poll").onclick = () => send({ do: "stop_poll", show: false });
  find("new-question").onclick = () => send({ do: "clear_poll" });
  panel.onkeydown = (event) => {
    if (event.key === "Escape") open(false);
  };
  asks.onsubmit = (event) => {
    event.preventDefault();
    send({ do: "share", admin: asks.admin.value });
  };
  form.lesson.onchange = () => (panel.querySelector(".own").hidden = Boolean(form.lesson.value));
  form.onsubmit = (event) => {
    event.preventDefault();
    refused.hidden = true;
    const options = [...panel.querySelectorAll(".options input")].map(({ value }) => value);
    send(form.lesson.value ? { do: "ask", lesson: form.lesson.value, options: [] } : { do: "ask", question: form.text.value, options });
  };
  for (let i = 0; i < 2; i++) addAnswer();

  const drawPoll = () => {
    form.hidden = Boolean(poll);
    find("result").hidden = !poll;
    if (!poll) return;
    refused.hidden = true;
    find("result").querySelector("h3")[poll.html ? "innerHTML" : "textContent"] = poll.text;
    const all = poll.counts.reduce((sum, count) => sum + count, 0);
    find("result").querySelector(".bars").replaceChildren(...poll.options.map((option, index) => {
      const bar = document.createElement("p");
      const share = poll.counts[index] / Math.max(1, all);
      bar.style.setProperty("--votes", share);
      bar.append(Object.assign(document.createElement("span"), { textContent: option }));
      bar.append(Object.assign(document.createElement("b"), { textContent: `${poll.counts[index]}` }));
      return bar;
    }));
    find("stop-and-show").hidden = poll.shown;
    find("stop-and-show").textContent = poll.open ? "Stop and show to all" : "Show to all";
    find("stop-poll").hidden = !poll.open;
  };

  drawOpener();
  return {
    /** A new connection: a tab that has a room goes on presenting, with the run that it shows now. */
    connected() {
      const token = sessionStorage.getItem(KEY);
      if (token) send({ do: "present", token, fresh });
      fresh = false;
    },
    room(message) {
      asks.hidden = !message.asks;
      if (message.asks) {
        asks.querySelector("p").textContent = message.asks;
      } else if (message.gone) {
        sessionStorage.removeItem(KEY);
        [room, poll, watching] = [null, null, 0];
        open(false);
        drawOpener();
      } else {
        room = message;
        sessionStorage.setItem(KEY, room.token);
        find("room-code").textContent = spaced(room.code);
        find("room-link").textContent = room.link.replace(/^https?:\/\//, "").replace(/\?.*/, "");
        find("room-link").title = `${room.link} (click to copy)`;
        panel.querySelector(".qr").innerHTML = room.qr;
        panel.querySelector(".note").textContent = room.note;
        form.lesson.replaceChildren(new Option("–", ""), ...room.questions.map(({ name, title }) => new Option(title, name)));
        drawOpener();
        drawPoll();
      }
      panel.classList.toggle("closed", !room);
    },
    class(message) {
      if (!room) return;
      ({ watching, poll } = message);
      find("watching").textContent = watching.toLocaleString("en");
      drawOpener();
      drawPoll();
    },
    refused(text) {
      refused.hidden = panel.hidden;
      refused.textContent = text;
      return !panel.hidden;
    },
  };
}

const spaced = (code) => `${code.slice(0, 3)} ${code.slice(3)}`;
