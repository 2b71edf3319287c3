"""What pages are laid out from: Streamlit widgets, and what a browser tab remembers.

`session` knows which run a tab looks at, `stage` shows it live. What several pages do alike is here once: `rules`
(by name), `rule_offer`, `clock` (pictures again while a run trains; the play button), `notice` (what is said at the
next run of a page), `charts`, `theme`, `strip` (a test image for each class). Folders hold the parts of one page each:
`draw`, `lesson`, `library`, `microscope`, `offset_lab`. Widgets import `ui.server` and all below it; nothing but pages
imports widgets. Nothing is handed on here, so that a page loads only what it shows. Open `session` first.
"""
