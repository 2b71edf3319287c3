"""Classroom: rooms in which many watch one presenter's run and answer its questions.

Nothing is kept of persons: a viewer is a random number of its browser's own choosing. A room is noted on the disk while
it is open (room_notes.py), so that a server that is started again has it again. All methods may be called from any
thread.
"""

import hmac
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from vae_core.engine.player import LiveRun
from vae_core.engine.room_codes import LENGTH, draw, first_letters, spelled
from vae_core.engine.room_notes import PollNote, RoomNote, RoomNotes
from vae_core.workers.errors import LaneError

ROOMS = 50  # open at a time
NOTE_EVERY = 600.0  # seconds after which it is noted again that somebody is there
VIEWERS = 1000  # that watch one room at a time
KNOWN = 5000  # viewers that a room remembers
IDLE = 4 * 3600.0  # seconds that a room stays open while nobody is there
WRONG_EACH, WRONG_ALL, WINDOW = 60, 600, 60.0  # wrong codes that one address, and all, may give in so many seconds
OPTIONS, QUESTION, OPTION = (2, 6), 300, 120  # answers to choose from; characters of a question, and of an answer


class RoomError(ValueError):
    """What was asked of a room cannot be: one sentence for the screen."""


@dataclass
class Poll:
    """A question to all who watch.

    Attributes:
        text: of the question; ``html``: whether it is HTML, which no user wrote.
        open: votes count. shown: all see the result.
        votes: viewer -> option; a later vote of the same viewer replaces the earlier one.
    """

    text: str
    options: tuple[str, ...]
    html: bool = False
    open: bool = True
    shown: bool = False
    id: str = field(default_factory=lambda: secrets.token_hex(4))
    votes: dict[str, int] = field(default_factory=dict)

    def counts(self) -> list[int]:
        """Votes for each option."""
        counts = [0] * len(self.options)
        for option in list(self.votes.values()):
            counts[option] += 1
        return counts

    def state(self, counted: bool) -> dict[str, Any]:
        """What a screen shows, with or without the counts; JSON-ready."""
        names = ("id", "text", "html", "options", "open", "shown")
        return {name: getattr(self, name) for name in names} | {"counts": self.counts() if counted else None}

    def note(self) -> PollNote:
        """For the disk."""
        names = ("id", "text", "html", "options", "open", "shown")
        return PollNote(**{name: getattr(self, name) for name in names}, votes=dict(self.votes))

    @classmethod
    def from_note(cls, note: PollNote) -> "Poll":
        """The poll that a note is of."""
        return cls(**{name: getattr(note, name) for name in PollNote.model_fields} | {"votes": dict(note.votes)})


class Room:
    """A room: one presenter shows a run, many watch it.

    Attributes:
        code: what viewers type. token: what makes a browser the presenter; begins with the code.
        run: on show. take: counts the runs that were on show, this one with them.
        watching, presenting: how many browsers are there.
        poll: the present question, or None.
        ended: nobody can come back.

    Args:
        noted: is called after what lasts has changed, with whether that may wait a little.
    """

    def __init__(
        self, code: str, run: LiveRun, noted: Callable[["Room", bool], None] = lambda room, wait: None
    ) -> None:
        self.code, self.token = code, code + secrets.token_urlsafe(18)
        self._noted = noted
        self.take, self.watching, self.presenting = 1, 0, 0
        self.poll: Poll | None = None
        self.ended = False
        self.left_at = time.monotonic()
        self._lock = threading.RLock()
        self._tell: list[Callable[[], None]] = []
        self._known: set[str] = set()
        self.run = run
        run.first = True

    # -- what brings it back after the server has stopped ------------------------------------

    def note(self) -> RoomNote:
        """For the disk."""
        with self._lock:
            away = time.monotonic() - self.left_at if self.deserted else 0.0
            poll = self.poll.note() if self.poll else None
            return RoomNote(
                code=self.code, token=self.token, run=self.run.id, take=self.take, poll=poll, at=time.time() - away
            )

    @classmethod
    def from_note(cls, note: RoomNote, run: LiveRun, noted: Callable[["Room", bool], None]) -> "Room":
        """The room that a note is of, where nobody is yet."""
        room = cls(note.code, run, noted)
        room.token, room.take = note.token, note.take
        room.poll = Poll.from_note(note.poll) if note.poll else None
        room.left_at = time.monotonic() - max(0.0, time.time() - note.at)
        return room

    # -- who is there ------------------------------------------------------------------------

    @property
    def deserted(self) -> bool:
        """Whether nobody is there."""
        return not (self.watching or self.presenting)

    def knows(self, viewer: str) -> bool:
        """Whether a viewer has been here before: whoever lost the connection comes back past all limits."""
        return viewer in self._known

    def present(self) -> Callable[[], None]:
        """The presenter's browser comes; returns the function that ends it."""
        return self._enter("presenting")

    def watch(self, viewer: str) -> Callable[[], None]:
        """A viewer comes, likewise.

        Raises:
            RoomError: the room is full.
        """
        with self._lock:
            if self.watching >= VIEWERS:
                raise RoomError(f"This room is full: {VIEWERS:,} watch already.")
            if len(self._known) < KNOWN:
                self._known.add(viewer)
            return self._enter("watching")

    def _enter(self, who: str) -> Callable[[], None]:
        with self._lock:
            setattr(self, who, getattr(self, who) + 1)
        self.changed()

        def leave() -> None:
            with self._lock:
                setattr(self, who, getattr(self, who) - 1)
                self.left_at = time.monotonic()
            self.changed()

        return leave

    def listen(self, tell: Callable[[], None]) -> Callable[[], None]:
        """Be told whenever something has changed; returns the function that ends it."""
        with self._lock:
            self._tell.append(tell)

        def stop() -> None:
            with self._lock:
                self._tell.remove(tell)

        return stop

    def changed(self) -> None:
        """Tell all who listen."""
        for tell in list(self._tell):
            tell()

    # -- what is on show ---------------------------------------------------------------------

    def show(self, run: LiveRun) -> None:
        """The presenter has another run: all see that one from here on."""
        with self._lock:
            if run is self.run or self.ended:
                return
            self.run.first, run.first = False, True
            self.run, self.take = run, self.take + 1
        self._noted(self, False)
        self.changed()

    def end(self) -> None:
        """Close it for good."""
        self.ended, self.run.first = True, False
        self.changed()

    # -- polls -------------------------------------------------------------------------------

    def ask(self, text: str, options: Sequence[str], html: bool = False) -> Poll:
        """Put a question, in place of an earlier one.

        Args:
            html: the question is HTML; never what a user typed.

        Raises:
            RoomError: no question, too few or too many answers, or too long ones.
        """
        text, options = text.strip(), tuple(option.strip() for option in options if option.strip())
        fewest, most = OPTIONS
        if not text:
            raise RoomError("Write a question first.")
        if not fewest <= len(set(options)) == len(options) <= most:
            raise RoomError(f"Give {fewest} to {most} different answers.")
        if not html and len(text) > QUESTION:
            raise RoomError(f"The question has {len(text):,} characters; give at most {QUESTION}.")
        if max(map(len, options)) > OPTION:
            raise RoomError(f"An answer may have {OPTION} characters at most.")
        self.poll = poll = Poll(text, options, html)
        self._noted(self, False)
        self.changed()
        return poll

    def stop_poll(self, show: bool) -> None:
        """No more votes count; and all see the result, if it is shown."""
        if self.poll:
            self.poll.open, self.poll.shown = False, self.poll.shown or show
        self._noted(self, False)
        self.changed()

    def clear_poll(self) -> None:
        """Take the question away."""
        self.poll = None
        self._noted(self, False)
        self.changed()

    def vote(self, viewer: str, poll: str, option: int) -> None:
        """One vote for each viewer, which it may change while the poll is open.

        Raises:
            RoomError: the poll is closed, or there is no such answer.
        """
        with self._lock:
            asked = self.poll
            if asked is None or asked.id != poll or not asked.open:
                raise RoomError("This poll is closed; your last answer counts.")
            if not 0 <= option < len(asked.options):
                raise RoomError(f"There is no answer {option}; they are 0 to {len(asked.options) - 1}.")
            if viewer not in asked.votes and len(asked.votes) >= KNOWN:
                raise RoomError("Too many have voted already.")
            asked.votes[viewer] = option
        self._noted(self, True)
        self.changed()


class Classroom:
    """All rooms of a server.

    Args:
        notes: of rooms that are open; nothing is noted if left out.
        recall: finds a run by its id, also one that was open when the server stopped, see `Engine.recall`.
    """

    def __init__(self, notes: RoomNotes | None = None, recall: Callable[[str], LiveRun | None] | None = None) -> None:
        self.rooms: dict[str, Room] = {}
        self._notes, self._recall_run = notes, recall
        self._noted_at: dict[str, float] = {}  # code -> when it was last noted
        self._recalling = threading.Lock()
        self._lock = threading.Lock()
        self._wrong: deque[tuple[float, str]] = deque()  # when, and from where

    def open(self, run: LiveRun) -> Room:
        """A room for a run; the one that shows it, if there is one.

        Raises:
            RoomError: there are as many rooms as there may be, and somebody is in each of them.
        """
        self.sweep()
        with self._lock:
            if (room := next((room for room in self.rooms.values() if room.run is run), None)) is not None:
                return room
            full = len(self.rooms) >= ROOMS
            deserted = min((r for r in self.rooms.values() if r.deserted), key=lambda r: r.left_at, default=None)
        if full and deserted is None:
            raise RoomError(f"This server has {ROOMS} rooms open, and all are in use. Close one that is done with.")
        if full and deserted is not None:
            self.close(deserted)
        with self._lock:
            code = draw()
            while code in self.rooms:
                code = draw()
            self.rooms[code] = room = Room(code, run, self._note)
        self._note(room)
        return room

    def _note(self, room: Room, wait: bool = False) -> None:
        if self._notes is not None and not room.ended:
            self._noted_at[room.code] = time.monotonic()
            self._notes.keep(room.code, room.note, wait)

    def _recall(self, code: str) -> Room | None:
        """A room that was open when the server stopped.

        Raises:
            RoomError: its run cannot be brought back yet.
        """
        if self._notes is None or self._recall_run is None or code[:1] not in first_letters():
            return None  # of several servers that share a store, each has rooms of its own
        with self._recalling:  # of all who come back at once, the first one brings it back
            if code in self.rooms:
                return self.rooms[code]
            note = self._notes.read(code)
            if note is None or len(self.rooms) >= ROOMS:
                return None
            try:
                run = self._recall_run(note.run) if time.time() - note.at < IDLE else None
            except LaneError as error:
                raise RoomError(f"The run of this room cannot be brought back yet. {error}") from None
            self._notes.take_over(code)
            if run is None:
                self._notes.drop(code)
                return None
            room = Room.from_note(note, run, self._note)
            with self._lock:
                self.rooms[code] = room
            return room

    def find(self, text: str, address: str = "", viewer: str = "", recall: bool = True) -> Room:
        """The room of a code as somebody typed it.

        Args:
            address: where the question comes from; too many wrong codes from there are not answered for a while.
            viewer: who asks.
            recall: bring back one that was open when the server stopped, which takes as long as opening its run does.

        Raises:
            RoomError: there is none, or too many wrong codes were tried.
        """
        self.sweep()
        room = self.rooms.get(code := spelled(text))
        if room is not None and room.knows(viewer):
            return room
        with self._lock:
            now = time.monotonic()
            while self._wrong and now - self._wrong[0][0] > WINDOW:
                self._wrong.popleft()
            here = sum(where == address for _, where in self._wrong)
            if here >= WRONG_EACH or len(self._wrong) >= WRONG_ALL:
                raise RoomError(f"Too many wrong codes were tried. Wait {WINDOW:.0f} seconds, then try again.")
        room = room or (self._recall(code) if recall else None)
        with self._lock:
            if room is None:
                self._wrong.append((now, address))
        if room is None:
            raise RoomError(
                f"There is no open room {code[:12]}. Codes have {LENGTH} letters and digits; "
                "0, 1, I, L and O do not occur."
                if code
                else f"Type the code of the room: {LENGTH} letters and digits."
            )
        return room

    def of_token(self, token: str) -> Room | None:
        """The room that a presenter's token opens, brought back if need be, as `find` does."""
        code, given = token[:LENGTH], token.encode(errors="replace")
        room = self.rooms.get(code)
        if room is None and self._notes is not None and self._notes.opens(code, given):
            room = self._recall(code)
        return room if room is not None and hmac.compare_digest(room.token.encode(), given) else None

    def close(self, room: Room) -> None:
        """End a room."""
        with self._lock:
            self.rooms.pop(room.code, None)
        room.end()
        if self._notes is not None:
            self._noted_at.pop(room.code, None)
            self._notes.drop(room.code)

    def sweep(self) -> None:
        """End the rooms in which nobody has been for hours; of the others it is noted now and then that they live."""
        now = time.monotonic()
        for room in list(self.rooms.values()):
            if room.deserted and now - room.left_at > IDLE:
                self.close(room)
            elif not room.deserted and now - self._noted_at.get(room.code, now) > NOTE_EVERY:
                self._note(room)

    def stop(self) -> None:
        """The server stops: what is not noted yet is."""
        for room in list(self.rooms.values()):
            self._note(room)
