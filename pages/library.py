"""Library: runs that are kept on this machine, and files of the present one."""

from pathlib import Path

import streamlit as st

from vae_core.storage import archive
from vae_core.storage.library import DAYS, LONGEST_NAME, LONGEST_NOTE, Library
from vae_core.ui.widgets import library as tab
from vae_core.ui.widgets.session import current_run
from vae_core.workers.errors import LaneError

PLAYGROUND = Path(__file__).parent / "playground.py"
SAID, DELETED, WANTED = "library_said", "library_deleted", "library_wanted"  # in the session state
UPLOADS, SHOWN = "library_uploads", "library_shown"
PAGE, LARGEST = 24, archive.LIMIT >> 20  # cards at once, MB of an upload
shelf = Library()


def attempt(action, *args) -> bool:
    """Do something that may be refused, and say so where it is."""
    try:
        action(*args)
    except (ValueError, LaneError) as error:
        st.session_state[SAID] = "error", tab.plain(str(error))
        return False
    return True


def save() -> None:
    name, note = st.session_state["library_name"], st.session_state["library_note"]
    if attempt(tab.keep, run, name, note):
        st.session_state["library_name"] = st.session_state["library_note"] = ""
        st.session_state[SAID] = "success", "The run is saved."


def take() -> None:
    """Import what was dropped; what is refused is said of each file."""
    files = st.session_state[f"library_files_{st.session_state.get(UPLOADS, 0)}"]
    refused = []
    for file in files:
        if not attempt(tab.take, run, file.getvalue(), file.name):
            refused.append(st.session_state[SAID][1])
    taken = len(files) - len(refused)
    if refused:
        st.session_state[SAID] = "error", "\n\n".join(refused + ([f"Imported: {taken}."] if taken else []))
    else:
        st.session_state[SAID] = "success", f"Imported: {taken}."
    st.session_state[UPLOADS] = st.session_state.get(UPLOADS, 0) + 1  # an empty uploader


def delete(entry) -> None:
    if attempt(shelf.delete, entry.id):
        st.session_state[DELETED] = entry


def restore(entry) -> None:
    attempt(shelf.restore, entry.id)
    st.session_state.pop(DELETED, None)


def edit(id: str) -> None:
    attempt(shelf.edit, id, st.session_state[f"library_name_{id}"], st.session_state[f"library_note_{id}"])


def want(id: str, forked: bool = False) -> None:
    st.session_state[WANTED] = id, st.session_state[f"library_step_{id}"] if forked else None


def bring_back() -> None:
    """Open what was asked for, on the Playground."""
    with st.spinner("Opening the run"):
        done = attempt(tab.bring_back, *st.session_state.pop(WANTED))
    if done:
        st.switch_page(PLAYGROUND)


def bar() -> str:
    """What can be done with the present run and with files; the words that are searched for."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        with st.popover("Save the present run", icon=":material/save:", type="primary"):
            st.text_input("Name", key="library_name", placeholder=tab.name_of(run), max_chars=LONGEST_NAME)
            st.text_area("Note", key="library_note", max_chars=LONGEST_NOTE, height=90)
            st.button("Save", type="primary", on_click=save, key="library_save")
        with st.popover("Export", icon=":material/download:"):
            st.caption(f"Of the present run, as it is when you click: {tab.title_of(run.header['rule'])}.")
            for label, file, make in tab.downloads(run):
                st.download_button(label, make, file, key=f"library_{label}", on_click="ignore", width="stretch")
            st.caption("The camera of a chart in the HTML file saves it as SVG.")
            if not tab.has_onnx():
                st.caption("For the decoder as ONNX, install the package onnx: `pip install 'noise-lab[export]'`.")
        with st.popover("Import", icon=":material/upload:"):
            st.file_uploader(
                "Zips of runs", "zip", True, f"library_files_{st.session_state.get(UPLOADS, 0)}", on_change=take,
                max_upload_size=LARGEST, help="Exported here, or the zipped folder of `python -m vae_core train --out`.",
            )  # fmt: skip
        if trashed := shelf.trashed():
            with st.popover(f"Trash ({len(trashed)})", icon=":material/delete:"):
                st.caption(f"Deleted runs are kept for {DAYS} days.")
                for entry in trashed[:PAGE]:
                    with st.container(horizontal=True, vertical_alignment="center"):
                        st.markdown(tab.plain(entry.name), width="stretch")
                        st.button("Restore", key=f"restore_{entry.id}", on_click=restore, args=(entry,))
        return st.text_input(
            "Search", key="library_search", placeholder="Search name, note, data set, rule", icon=":material/search:",
            label_visibility="collapsed",
        )  # fmt: skip


def card(entry) -> None:
    """Thumbnail, words and buttons of a saved run."""
    about = entry.about
    with st.container(border=True, width=320, height="stretch", gap="xsmall"):
        with st.container(horizontal=True, gap="small"):
            if entry.picture:
                st.image(entry.picture, width=110, alt=f"Codes of {entry.name}, coloured by class")
            with st.container(gap="xxsmall", width="stretch"):
                st.markdown(f"**{tab.plain(entry.name)}**")
                if about is None:
                    st.caption("The file with its name is damaged. It can only be deleted.")
                else:
                    st.caption("  \n".join(tab.facts(about)))
        if about and about.note:
            st.markdown(tab.plain(about.note).replace("\n", "  \n"))
        st.space("stretch")
        with st.container(horizontal=True, gap="xsmall"):
            if about:
                st.button(
                    "Open", key=f"open_{entry.id}", icon=":material/play_circle:", on_click=want, args=(entry.id,)
                )
                if st.button("", key=f"fork_{entry.id}", icon=":material/fork_right:", help="Fork at a step"):
                    fork_dialog(entry)
                if st.button("", key=f"edit_{entry.id}", icon=":material/edit:", help="Rename, or change the note"):
                    edit_dialog(entry)
                file, make = tab.zipped(entry)
                st.download_button(
                    "", make, file, key=f"zip_{entry.id}", icon=":material/download:", help="Zip of the whole run",
                    on_click="ignore",
                )  # fmt: skip
            st.button(
                "", key=f"delete_{entry.id}", icon=":material/delete:", help="Delete", on_click=delete, args=(entry,)
            )


@st.dialog("Fork")
def fork_dialog(entry) -> None:
    st.markdown(f"A run of its own that shares the past of **{tab.plain(entry.name)}** up to a step.")
    st.number_input("Step", 0, entry.about.step, entry.about.step // 2, key=f"library_step_{entry.id}")
    st.caption("It starts at the last frame recorded up to there, to which it is trained again from its recipe.")
    if st.button("Fork", type="primary", key="library_fork", on_click=want, args=(entry.id, True)):
        st.rerun()


@st.dialog("Name and note")
def edit_dialog(entry) -> None:
    st.text_input("Name", entry.about.name, max_chars=LONGEST_NAME, key=f"library_name_{entry.id}")
    st.text_area("Note", entry.about.note, max_chars=LONGEST_NOTE, key=f"library_note_{entry.id}")
    if st.button("Change", type="primary", key="library_change", on_click=edit, args=(entry.id,)):
        st.rerun()


run, _ = current_run()
if WANTED in st.session_state:
    bring_back()
query = bar()
if said := st.session_state.pop(SAID, None):
    {"error": st.error, "success": st.success}[said[0]](said[1])
if entry := st.session_state.get(DELETED):
    with st.container(horizontal=True, vertical_alignment="center"):
        st.info(f"Deleted {tab.plain(entry.name)}.", icon=":material/delete:", width="stretch")
        st.button("Undo", icon=":material/undo:", on_click=restore, args=(entry,), key="library_undo")
entries = shelf.entries(query, tab.titles())
most = st.session_state.get(SHOWN, PAGE)
with st.container(horizontal=True):
    for entry in entries[:most]:
        card(entry)
if len(entries) > most:
    st.button(f"Show {len(entries) - most} more", on_click=lambda: st.session_state.update({SHOWN: most + PAGE}))
if not entries:
    st.info(
        "No saved run has these words." if query else "Nothing is saved yet. Save the present run, or import a zip.",
        icon=":material/folder_open:",
    )  # fmt: skip
