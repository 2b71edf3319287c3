"""What a page says at its next run: why something was refused, or that it was done."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import streamlit as st

from vae_core.workers.errors import LaneError

Kind = Literal["error", "success"]


@dataclass(frozen=True)
class Notice:
    """A callback runs before its page does, where nothing can be shown yet: its words wait in the session.

    Attributes:
        page: whose words these are.
        wording: of a refusal, for a page whose refusals are not to be read as Markdown.
    """

    page: str
    wording: Callable[[str], str] = str

    def attempt(self, do: Callable[..., object], *args: Any) -> bool:
        """Do something that may be refused; the page then says why. Returns whether it was done."""
        try:
            do(*args)
        except (LaneError, ValueError) as error:
            self.say("error", self.wording(str(error)))
            return False
        return True

    def say(self, kind: Kind, words: str) -> None:
        """Keep words for the next run; they take the place of others that wait."""
        st.session_state[f"{self.page}_said"] = kind, words

    def take(self) -> str | None:
        """The words that wait, once."""
        waiting: tuple[Kind, str] | None = st.session_state.pop(f"{self.page}_said", None)
        return waiting[1] if waiting else None

    def show(self) -> None:
        """Show what waits, once."""
        waiting: tuple[Kind, str] | None = st.session_state.pop(f"{self.page}_said", None)
        if waiting:
            {"error": st.error, "success": st.success}[waiting[0]](waiting[1])
