"""The runs that are kept on this machine, each a card: open it, fork it, rename it, download it, delete it."""

from datetime import datetime

import streamlit as st

from vae_core.storage.library import LONGEST_NAME, LONGEST_NOTE, About, Entry
from vae_core.ui.widgets.library.files import zipped
from vae_core.ui.widgets.library.runs import bring_back
from vae_core.ui.widgets.library.shelves import Shelf
from vae_core.ui.widgets.notice import Notice
from vae_core.ui.widgets.plain import plain
from vae_core.ui.widgets.rules import title_of

DELETED, WANTED = "library_deleted", "library_wanted"  # in the session state: shelf and entry; and a fork's step
notice = Notice("library", plain)


def facts(about: About) -> list[str]:
    """What a card says below the name, in lines."""
    return [
        f"{plain(about.dataset)} · {title_of(about.rule)}",
        f"step {about.step:,} · {about.size / 2**20:,.1f} MB",
        when(about.saved),
    ]


def when(moment: datetime) -> str:
    """A moment in the server's time zone: "20 Nov 2026, 14:03"."""
    return f"{moment.astimezone():%d %b %Y, %H:%M}"


def delete(shelf: Shelf, entry: Entry) -> None:
    """Move a run to the trash."""
    if notice.attempt(lambda: shelf.for_changes().delete(entry.id)):
        st.session_state[DELETED] = shelf, entry


def restore(shelf: Shelf, entry: Entry) -> None:
    """Take a run out of the trash."""
    notice.attempt(lambda: shelf.for_changes().restore(entry.id))
    st.session_state.pop(DELETED, None)


def edit(shelf: Shelf, id: str) -> None:
    """Take what was typed as a run's name and note."""
    name, note = st.session_state[f"library_name_{id}"], st.session_state[f"library_note_{id}"]
    notice.attempt(lambda: shelf.for_changes().edit(id, name, note))


def want(shelf: Shelf, id: str, forked: bool = False) -> None:
    """Ask for a run, or for a fork at the step that was typed; the page's next run opens it."""
    st.session_state[WANTED] = shelf, id, st.session_state[f"library_step_{id}"] if forked else None


def opened() -> bool:
    """Give the tab what was asked for, if anything was; whether it was done."""
    if WANTED not in st.session_state:
        return False
    with st.spinner("Opening the run"):
        return notice.attempt(bring_back, *st.session_state.pop(WANTED))


def undo() -> None:
    """What was deleted last, and a way back."""
    if deleted := st.session_state.get(DELETED):
        shelf, entry = deleted
        with st.container(horizontal=True, vertical_alignment="center"):
            st.info(f"Deleted {plain(entry.name)}.", icon=":material/delete:", width="stretch")
            st.button("Undo", icon=":material/undo:", on_click=restore, args=(shelf, entry), key="library_undo")


def card(shelf: Shelf, entry: Entry, changeable: bool) -> None:
    """Thumbnail, words and buttons of a saved run."""
    about = entry.about
    with st.container(border=True, width=320, height="stretch", gap="xsmall"):
        with st.container(horizontal=True, gap="small"):
            if entry.picture:
                st.image(entry.picture, width=110, alt=f"Codes of {entry.name}, coloured by class")
            with st.container(gap="xxsmall", width="stretch"):
                st.markdown(f"**{plain(entry.name)}**")
                if about is None:
                    st.caption("The file with its name is damaged. It can only be deleted.")
                else:
                    st.caption("  \n".join(facts(about)))
        if about and about.note:
            st.markdown(plain(about.note).replace("\n", "  \n"))
        st.space("stretch")
        with st.container(horizontal=True, gap="xsmall"):
            if about:
                st.button(
                    "Open", key=f"open_{entry.id}", icon=":material/play_circle:", on_click=want, args=(shelf, entry.id)
                )
                if st.button("", key=f"fork_{entry.id}", icon=":material/fork_right:", help="Fork at a step"):
                    fork_dialog(shelf, entry, about)
                if changeable and st.button(
                    "", key=f"edit_{entry.id}", icon=":material/edit:", help="Rename, or change the note"
                ):
                    edit_dialog(shelf, entry, about)
                file, make = zipped(shelf.library, entry)
                st.download_button(
                    "", make, file, key=f"zip_{entry.id}", icon=":material/download:", help="Zip of the whole run",
                    on_click="ignore",
                )  # fmt: skip
            if changeable:
                st.button(
                    "", key=f"delete_{entry.id}", icon=":material/delete:", help="Delete", on_click=delete,
                    args=(shelf, entry),
                )  # fmt: skip


@st.dialog("Fork")
def fork_dialog(shelf: Shelf, entry: Entry, about: About) -> None:
    """Ask for the step."""
    st.markdown(f"A run of its own that shares the past of **{plain(entry.name)}** up to a step.")
    st.number_input("Step", 0, about.step, about.step // 2, key=f"library_step_{entry.id}")
    st.caption("It starts at the last frame recorded up to there, to which it is trained again from its recipe.")
    if st.button("Fork", type="primary", key="library_fork", on_click=want, args=(shelf, entry.id, True)):
        st.rerun()


@st.dialog("Name and note")
def edit_dialog(shelf: Shelf, entry: Entry, about: About) -> None:
    """Ask for a name and a note."""
    st.text_input("Name", about.name, max_chars=LONGEST_NAME, key=f"library_name_{entry.id}")
    st.text_area("Note", about.note, max_chars=LONGEST_NOTE, key=f"library_note_{entry.id}")
    if st.button("Change", type="primary", key="library_change", on_click=edit, args=(shelf, entry.id)):
        st.rerun()
