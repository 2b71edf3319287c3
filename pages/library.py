"""Library: runs that are kept on this machine, and files of the present one."""

from pathlib import Path

import streamlit as st

from vae_core.storage import archive
from vae_core.storage.library import DAYS, LONGEST_NAME, LONGEST_NOTE
from vae_core.ui.widgets.framed import can_upload
from vae_core.ui.widgets.library.cards import card, notice, opened, restore, undo
from vae_core.ui.widgets.library.files import downloads, has_onnx
from vae_core.ui.widgets.library.runs import keep, name_of, take
from vae_core.ui.widgets.library.shelves import Shelf, meet_the_browser, refused, shelves
from vae_core.ui.widgets.plain import plain
from vae_core.ui.widgets.rules import title_of, titles
from vae_core.ui.widgets.session import current_run

PLAYGROUND = Path(__file__).parent / "playground.py"
NAME, NOTE, SEARCH = "library_name", "library_note", "library_search"  # in the session state
UPLOADS, SHOWN = "library_uploads", "library_shown"
PAGE, LARGEST = 24, archive.LIMIT >> 20  # cards at once, MB of an upload


def save() -> None:
    if notice.attempt(keep, run, st.session_state[NAME], st.session_state[NOTE]):
        st.session_state[NAME] = st.session_state[NOTE] = ""
        notice.say("success", "The run is saved.")


def take_all() -> None:
    """Import what was dropped; what is refused is said of each file."""
    files = st.session_state[f"library_files_{st.session_state.get(UPLOADS, 0)}"]
    refused = []
    for file in files:
        if not notice.attempt(take, run, file.getvalue(), file.name):
            refused.append(notice.take() or "")
    taken = f"Imported: {len(files) - len(refused)}."
    if refused:
        notice.say("error", "\n\n".join(refused + ([taken] if len(refused) < len(files) else [])))
    else:
        notice.say("success", taken)
    st.session_state[UPLOADS] = st.session_state.get(UPLOADS, 0) + 1  # an empty uploader


def bar() -> str:
    """What can be done with the present run and with files; the words that are searched for."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        with st.popover("Save the present run", icon=":material/save:", type="primary"):
            st.text_input("Name", key=NAME, placeholder=name_of(run), max_chars=LONGEST_NAME)
            st.text_area("Note", key=NOTE, max_chars=LONGEST_NOTE, height=90)
            st.button("Save", type="primary", on_click=save, key="library_save")
        with st.popover("Export", icon=":material/download:"):
            st.caption(f"Of the present run, as it is when you click: {title_of(run.header['rule'])}.")
            for label, file, make in downloads(run):
                st.download_button(label, make, file, key=f"library_{label}", on_click="ignore", width="stretch")
            st.caption("The camera of a chart in the HTML file saves it as SVG.")
            if not has_onnx():
                st.caption("For the decoder as ONNX, install the package onnx: `pip install 'noise-lab[export]'`.")
        with st.popover("Import", icon=":material/upload:"):
            if can_upload():
                st.file_uploader(
                    "Zips of runs", "zip", True, f"library_files_{st.session_state.get(UPLOADS, 0)}",
                    on_change=take_all, max_upload_size=LARGEST,
                    help="Exported here, or the zipped folder of `python -m vae_core train --out`.",
                )  # fmt: skip
        if trashed := [
            (shelf, entry) for shelf in all_shelves if shelf.changeable for entry in shelf.library.trashed()
        ]:
            with st.popover(f"Trash ({len(trashed)})", icon=":material/delete:"):
                st.caption(f"Deleted runs are kept for {DAYS} days.")
                for shelf, entry in trashed[:PAGE]:
                    with st.container(horizontal=True, vertical_alignment="center"):
                        st.markdown(plain(entry.name), width="stretch")
                        st.button("Restore", key=f"restore_{entry.id}", on_click=restore, args=(shelf, entry))
        return st.text_input(
            "Search", key=SEARCH, placeholder="Search name, note, data set, rule", icon=":material/search:",
            label_visibility="collapsed",
        )  # fmt: skip


def cards(shelf: Shelf) -> int:
    """The runs of a shelf that have the words; returns how many there are."""
    entries = shelf.library.entries(query, titles())
    more = f"{SHOWN}_{shelf.shared}"
    most = st.session_state.get(more, PAGE)
    if entries and len(all_shelves) > 1:
        st.subheader("Shared shelf" if shelf.shared else "Your shelf")
    with st.container(horizontal=True):
        for entry in entries[:most]:
            card(shelf, entry, shelf.changeable)
    if len(entries) > most:
        st.button(
            f"Show {len(entries) - most} more", on_click=lambda: st.session_state.update({more: most + PAGE}),
            key=f"more_{shelf.shared}",
        )  # fmt: skip
    return len(entries)


run, _ = current_run()
meet_the_browser()
all_shelves = shelves()
if opened():
    st.switch_page(PLAYGROUND)
query = bar()
notice.show()
undo()
if refused():
    st.warning(
        "This browser keeps no cookies for this app, so your shelf lasts as long as this tab. Download what you want "
        "to keep.",
        icon=":material/cookie:",
    )
if not sum([cards(shelf) for shelf in all_shelves]):
    st.info(
        "No saved run has these words." if query else "Nothing is saved yet. Save the present run, or import a zip.",
        icon=":material/folder_open:",
    )
