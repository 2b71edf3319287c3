// A poll as it is drawn: bars of votes, for the class with buttons to answer, for the presenter on the projector.

import { buttonOf, named, one, part, press, worded } from "../shared/elements.js";

/** @import { Poll, RunCommand, Voted, VoteCommand } from "../shared/messages.js" */

const MOST = 6; // answers of a question

/** How many have answered. @param {Poll} poll */
export const votesOf = ({ counts }) => (counts ?? []).reduce((sum, count) => sum + count, 0);

/**
 * An answer's share of all votes, 0 to 1; null where the counts are not to be seen.
 *
 * @param {Poll} poll
 * @param {number} option
 */
export const shareOf = (poll, option) => (poll.counts ? poll.counts[option] / Math.max(1, votesOf(poll)) : null);

/** The question; one of a lesson is HTML, which no user wrote. @type {(element: HTMLElement, poll: Poll) => void} */
function writeQuestion(element, { html, text }) {
  if (html) element.innerHTML = text;
  else element.textContent = text;
}

/**
 * One element per answer: its words, and behind them a bar as long as its share of the votes.
 *
 * @template {HTMLElement} T
 * @param {Poll} poll
 * @param {() => T} create
 * @param {(count: number, share: number) => string} tell the votes in words
 */
function answersOf(poll, create, tell) {
  return poll.options.map((option, index) => {
    const answer = create();
    const share = shareOf(poll, index);
    answer.append(worded("span", option));
    if (share !== null && poll.counts) {
      answer.style.setProperty("--votes", String(share));
      answer.append(worded("b", tell(poll.counts[index], share)));
    }
    return answer;
  });
}

/**
 * The card on which those who watch answer.
 *
 * @param {HTMLElement} root
 * @param {(message: VoteCommand) => void} send
 */
export function createPollCard(root, send) {
  root.insertAdjacentHTML("beforeend", `<section class="card poll" data-testid="poll" role="dialog" aria-label="Poll" hidden></section>`);
  const card = part(root, ".poll");
  const chip = buttonOf(root, "show-poll");
  /** @type {Poll | null} */
  let poll = null;
  /** @type {Object<string, number>} */
  let mine = {}; // poll -> the answer that counts
  let folded = ""; // what of the poll was put aside: the question, or its result
  chip.onclick = () => {
    folded = "";
    draw();
  };

  /** @param {Poll} of */
  const face = (of) => `${of.id} ${of.shown}`;

  const draw = () => {
    const shown = poll;
    const folding = Boolean(shown && folded === face(shown));
    card.hidden = !shown || folding;
    chip.hidden = !folding;
    if (!shown || folding) return;
    const chosen = mine[shown.id];
    card.innerHTML = `<header><h2></h2><button type="button" data-testid="fold-poll" title="Put aside" aria-label="Put the poll aside">×</button></header>
      <div class="answers"></div><p class="word" role="status"></p>`;
    writeQuestion(part(card, "h2"), shown);
    buttonOf(card, "fold-poll").onclick = () => {
      folded = face(shown);
      draw();
    };
    const buttons = answersOf(
      shown,
      () => Object.assign(document.createElement("button"), { type: "button", disabled: !shown.open }),
      (count, share) => `${count} (${Math.round(100 * share)} %)`,
    );
    buttons.forEach((button, option) => {
      button.dataset.testid = `answer-${option}`;
      press(button, option === chosen);
      button.onclick = () => send({ do: "vote", poll: shown.id, option });
    });
    part(card, ".answers").replaceChildren(...buttons);
    part(card, ".word").textContent = shown.counts
      ? `${votesOf(shown)} answered.`
      : !shown.open ? "Closed. The presenter will show the result." : chosen === undefined ? "" : "Your answer counts; you may change it.";
  };

  return {
    /** @param {Poll | null} next */
    show(next) {
      poll = next;
      draw();
    },
    /** @param {Voted} vote */
    voted({ poll: id, option }) {
      mine = { [id]: option };
      draw();
    },
    hide() {
      card.hidden = true;
    },
  };
}

export const POLLING = `
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
  </div>`;

/**
 * The presenter's side of a poll, in a panel that holds `POLLING`: the question, then its result.
 *
 * @param {HTMLElement} panel
 * @param {(message: RunCommand) => void} send
 */
export function createPolling(panel, send) {
  const form = one(panel, ".question", HTMLFormElement);
  const lesson = one(form, "select", HTMLSelectElement);
  const own = part(form, ".own");
  const question = one(form, "textarea", HTMLTextAreaElement);
  const options = part(form, ".options");
  const more = buttonOf(form, "more-answers");
  const result = named(panel, "result");
  const [stopAndShow, stop] = ["stop-and-show", "stop-poll"].map((id) => buttonOf(result, id));
  const refused = part(panel, ".refused");

  const addAnswer = () => {
    const place = options.childElementCount + 1;
    options.insertAdjacentHTML("beforeend", `<input type="text" maxlength="120" placeholder="Answer ${place}" aria-label="Answer ${place}" data-testid="option-${place}">`);
    more.hidden = place >= MOST;
  };
  more.onclick = addAnswer;
  for (let i = 0; i < 2; i++) addAnswer();
  lesson.onchange = () => (own.hidden = Boolean(lesson.value));
  form.onsubmit = (event) => {
    event.preventDefault();
    refused.hidden = true;
    const answers = [...options.querySelectorAll("input")].map(({ value }) => value);
    send(lesson.value ? { do: "ask", lesson: lesson.value, options: [] } : { do: "ask", question: question.value, options: answers });
  };
  stopAndShow.onclick = () => send({ do: "stop_poll", show: true });
  stop.onclick = () => send({ do: "stop_poll", show: false });
  buttonOf(result, "new-question").onclick = () => send({ do: "clear_poll" });

  return {
    /** The lessons' questions that may be put. @param {{ name: string, title: string }[]} questions */
    offer(questions) {
      lesson.replaceChildren(new Option("–", ""), ...questions.map(({ name, title }) => new Option(title, name)));
    },
    /** @param {Poll | null} poll */
    draw(poll) {
      form.hidden = Boolean(poll);
      result.hidden = !poll;
      if (!poll) return;
      refused.hidden = true;
      writeQuestion(part(result, "h3"), poll);
      part(result, ".bars").replaceChildren(...answersOf(poll, () => document.createElement("p"), String));
      stopAndShow.hidden = poll.shown;
      stopAndShow.textContent = poll.open ? "Stop and show to all" : "Show to all";
      stop.hidden = !poll.open;
    },
    /** @param {string} text */
    refuse(text) {
      refused.hidden = panel.hidden;
      refused.textContent = text;
    },
  };
}
