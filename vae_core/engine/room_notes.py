"""What the disk knows of a room while it is open: its code, its presenter's token, its run and its poll.

The token is as good as a password, so a note is for the server's own user alone, and gone when its room is.
"""

import hmac
import re
import secrets
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from vae_core.storage.notes import Notes
from vae_core.storage.store import store_folder

WAIT = 1.0  # seconds: a room in which all vote at once is noted once in this time
MOST, OLDEST = 200, 86400.0  # notes, and seconds since a room was noted: what a crash has left goes then
CODE = re.compile("[2-9A-Z]{6}")
Short = Annotated[str, StringConstraints(max_length=200)]


class PollNote(BaseModel):
    """Of a question, see `vae_core.engine.rooms.Poll`."""

    model_config = ConfigDict(frozen=True)

    id: Short
    text: str
    html: bool
    options: tuple[Short, ...]
    open: bool
    shown: bool
    votes: dict[Short, int]


class RoomNote(BaseModel):
    """Of a room.

    Attributes:
        run: id of the one on show. take: see `vae_core.engine.rooms.Room`.
        at: when somebody was there last, as `time.time`.
    """

    model_config = ConfigDict(frozen=True)

    code: Annotated[str, StringConstraints(pattern=f"^{CODE.pattern}$")]
    token: Annotated[str, StringConstraints(min_length=24, max_length=64)]
    run: Short
    take: int = Field(ge=1)
    at: float = Field(allow_inf_nan=False)
    poll: PollNote | None


class RoomNotes:
    """The notes of all rooms that are open.

    Args:
        folder: where they lie; beside the trainings of the store if left out.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._notes = Notes(folder or store_folder() / "rooms", secrets.token_hex(4), CODE, private=True)
        self._notes.tidy(MOST, OLDEST)
        self._lock = threading.RLock()
        self._waiting: dict[str, threading.Timer] = {}

    def keep(self, code: str, note: Callable[[], RoomNote], wait: bool = False) -> None:
        """Note a room, now or, if it may wait, together with what else changes soon.

        Args:
            note: says what to keep, once it is kept.
        """
        with self._lock:
            if wait and code in self._waiting:
                return
            if wait:
                self._waiting[code] = timer = threading.Timer(WAIT, self._keep_late, (code, note))
                timer.daemon = True
                timer.start()
                return
            self._forget_timer(code)
            self._notes.write(code, note().model_dump(mode="json"))

    def _keep_late(self, code: str, note: Callable[[], RoomNote]) -> None:
        with self._lock:
            if self._waiting.get(code) is threading.current_thread():  # else it was kept meanwhile, or dropped
                self.keep(code, note)

    def _forget_timer(self, code: str) -> None:
        if timer := self._waiting.pop(code, None):
            timer.cancel()

    def read(self, code: str) -> RoomNote | None:
        """What was noted of a room; None if nothing was, or if it cannot be read."""
        about = self._notes.read(code)
        about.pop("server", None)
        try:
            note = RoomNote(**about)
        except (ValidationError, TypeError):
            return None
        return note if note.code == code else None

    def opens(self, code: str, token: bytes) -> bool:
        """Whether this is the token of a room that was noted."""
        note = self.read(code)
        return note is not None and hmac.compare_digest(note.token.encode(), token)

    def take_over(self, code: str) -> None:
        """A room that was noted is open here from now on."""
        self._notes.take_over(code)

    def drop(self, code: str) -> None:
        """The room is closed."""
        with self._lock:
            self._forget_timer(code)
            self._notes.drop(code)
