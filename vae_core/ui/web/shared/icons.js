// Glyphs of the buttons, as SVG.

/** @type {(path: string) => string} */
const icon = (path) => `<svg class="icon" viewBox="0 0 20 20" aria-hidden="true">${path}</svg>`;

export const ICONS = {
  play: icon('<path d="M5 3l12 7-12 7z"/>'),
  pause: icon('<path d="M4 3h4v14H4zM12 3h4v14h-4z"/>'),
  step: icon('<path d="M4 3l9 7-9 7zM14 3h2.5v14H14z"/>'),
  epoch: icon('<path d="M2 3l7 7-7 7zM9 3l7 7-7 7zM16 3h2.5v14H16z"/>'),
  reset: icon('<path class="stroke" d="M4.5 6.5A7 7 0 1 1 3 10.5M4 2.5v4.5h4.5"/>'),
  link: icon('<path class="stroke" d="M8.5 11.5l3-3M9 6l2-2a3.5 3.5 0 0 1 5 5l-2 2M11 14l-2 2a3.5 3.5 0 0 1-5-5l2-2"/>'),
  projector: icon('<path class="stroke" d="M3 4h14v9H3zM10 13v3M6.5 17h7"/>'),
  home: icon('<path class="stroke" d="M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4"/><circle cx="10" cy="10" r="2"/>'),
  back: icon('<path d="M14 3v14L4 10z"/>'),
  forward: icon('<path d="M6 3v14l10-7z"/>'),
  fork: icon('<path class="stroke" d="M5 3v14M5 12c0-4 9-2 9-7M11.5 6.5L14 4l2.5 2.5"/>'),
  cloud: icon([[10, 10], [4, 8], [7, 4], [13, 4.5], [16.5, 9], [14, 14], [8.5, 16], [4, 13], [10, 6.5], [12.8, 10.5], [7, 10.5]]
    .map(([x, y]) => `<circle cx="${x}" cy="${y}" r="1.5"/>`).join("")),
  share: icon('<circle cx="7" cy="7" r="3"/><circle cx="14" cy="8" r="2.3"/><path d="M1.5 17c0-4 2-6 5.5-6s5.5 2 5.5 6zM13.5 16.5h5c0-3.5-1.5-5.3-4.5-5.3"/>'),
  lock: icon('<path class="stroke" d="M6.5 9V6.5a3.5 3.5 0 0 1 7 0V9"/><rect x="4.5" y="9" width="11" height="8" rx="1.5"/>'),
  dot: icon('<circle cx="10" cy="10" r="2.6"/>'),
};
