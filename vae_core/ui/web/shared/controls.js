// What the bars of the pages are made of: buttons as HTML, and what they do and show.

import { buttonOf, named, part, press, worded, write } from "./elements.js";
import { CLASS_COLOURS } from "./theme.js";
import { ICONS } from "./icons.js";

/** @import { Note } from "./messages.js" */

const COPIED = 1500; // ms for which a button says that it has copied

/** A button as HTML. @type {(id: string, label: string, glyph?: string, title?: string) => string} */
export const button = (id, label, glyph = "", title = label) =>
  `<button type="button" data-testid="${id}" title="${title}">${glyph}<span>${label}</span></button>`;

/**
 * Buttons of which one is pressed, as HTML; of each option its value, text and title.
 *
 * @type {(name: string, label: string, options: [string | number, string, string?][]) => string}
 */
export const segmented = (name, label, options) =>
  `<div class="segmented" role="group" aria-label="${label}" data-name="${name}">${options
    .map(([value, text, title = text]) =>
      `<button type="button" data-value="${value}" data-testid="${name}-${value}" title="${title}">${text}</button>`)
    .join("")}</div>`;

/**
 * Let the buttons of a `segmented` choose. Returns show(value).
 *
 * @param {ParentNode} root
 * @param {string} name
 * @param {(value: string) => void} choose
 */
export function attachSegmented(root, name, choose) {
  const buttons = [...part(root, `[data-name=${name}]`).querySelectorAll("button")];
  for (const each of buttons) each.onclick = () => choose(each.dataset.value ?? "");
  /** @param {string | number} value */
  return (value) => buttons.forEach((each) => press(each, each.dataset.value === String(value)));
}

/** Turn the play button into one to pause, and back. @type {(root: ParentNode, playing: boolean) => void} */
export function showPlaying(root, playing) {
  const play = named(root, "play");
  if (play.dataset.playing === String(playing)) return;
  play.dataset.playing = String(playing);
  play.innerHTML = playing ? `${ICONS.pause}<span>Pause</span>` : `${ICONS.play}<span>Play</span>`;
}

/** Show what the server has to say, if anything. @type {(root: ParentNode, note: Note | null | undefined) => void} */
export function showMessage(root, note) {
  const message = named(root, "message");
  message.hidden = !note;
  if (!note) return;
  message.dataset.level = note.level;
  write(message, note.text);
}

/** Let the button for the link copy `link()`, and say so. @type {(root: ParentNode, link: () => string) => void} */
export function attachCopyLink(root, link) {
  const copier = buttonOf(root, "copy-link");
  copier.onclick = async () => {
    await copy(link());
    const label = part(copier, "span");
    label.textContent = "Copied";
    setTimeout(() => (label.textContent = "Copy link"), COPIED);
  };
}

/** @param {string} text */
export async function copy(text) {
  if (navigator.clipboard && isSecureContext) return navigator.clipboard.writeText(text);
  const field = Object.assign(document.createElement("textarea"), { value: text }); // plain http: the old way
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

/**
 * The chips of the classes. `single` shows one class alone, or all again; `over` is told which one the pointer is on.
 * Returns show(names, isolated).
 *
 * @param {HTMLElement} legend
 * @param {(label: number) => void} single
 * @param {(label: number | null) => void} [over]
 */
export function createLegend(legend, single, over) {
  /** @type {(name: string, k: number) => HTMLElement} */
  const chipOf = (name, k) => {
    const chip = Object.assign(worded("button", name), { type: "button", className: "chip", title: `Show class ${name} alone` });
    chip.dataset.testid = `class-${k}`;
    chip.style.setProperty("--c", CLASS_COLOURS[k] ?? null);
    chip.onclick = () => single(k);
    if (over) {
      chip.onpointerenter = () => over(k);
      chip.onpointerleave = () => over(null);
    }
    return chip;
  };
  /** @type {(names: string[], isolated: number | null) => void} */
  return (names, isolated) => {
    if (legend.dataset.names !== String(names)) {
      legend.dataset.names = String(names);
      legend.replaceChildren(...names.map(chipOf));
    }
    [...legend.children].forEach((chip, k) => press(chip, isolated === k));
  };
}
