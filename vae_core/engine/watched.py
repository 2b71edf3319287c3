"""Watched: what many may watch and whoever knows its id may play; base of `LiveRun` and `Lockstep`."""

import secrets
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable

GRACE = 1.0  # seconds that it trains on while nobody watches; it goes on when somebody comes back

Tell = Callable[[str], None]


class Watched(ABC):
    """Watchers, speed and messages, and that it rests while nobody watches.

    Attributes:
        id: cannot be guessed; whoever knows it can steer.
        playing: trains until it is paused.
        speed: steps a second; 0 is as fast as possible.
        message: {"level": "info", "warning" or "error", "text"} for the screen, or None.
        autoplay: nobody has watched it yet; it starts to play when somebody does.
        left_at: when the last one left.
    """

    def __init__(self, id: str = "") -> None:
        self.id = id or secrets.token_urlsafe(18)
        self.playing, self.autoplay = False, True
        self.speed = 0.0
        self.message: dict[str, str] | None = None
        self.left_at = time.monotonic()
        self._lock = threading.RLock()
        self._watchers: list[Tell] = []
        self._plays_on = False  # paused because nobody watched
        self._ended = False

    @abstractmethod
    def play(self) -> None:
        """Train until paused."""

    @property
    def viewers(self) -> int:
        """How many watch now."""
        return len(self._watchers)

    @property
    def watched(self) -> bool:
        """Whether somebody watches, or did a moment ago."""
        return bool(self._watchers) or time.monotonic() - self.left_at < GRACE

    def tell(self, what: str) -> None:
        """Tell all who watch that something has changed."""
        for tell in list(self._watchers):
            tell(what)

    def _join(self, tell: Tell, hold: Callable[[], None] = lambda: None) -> bool:
        """One more watches; returns whether it plays on with that.

        Args:
            hold: what is to be done at the same time.
        """
        with self._lock:
            self._watchers.append(tell)
            hold()
            plays_on, self._plays_on = self._plays_on, False
        if plays_on:
            self.play()
        return plays_on

    def _part(self, tell: Tell) -> None:
        with self._lock:
            self._watchers.remove(tell)
            self.left_at = time.monotonic()

    def _rest_unwatched(self) -> bool:
        """Whether it does not go on, as nobody watches; under the lock."""
        if not self.playing or self.watched:
            return False
        self.playing, self._plays_on = False, True
        return True

    def set_speed(self, steps_per_second: float) -> None:
        """0 is as fast as possible."""
        with self._lock:
            self.speed = max(0.0, min(float(steps_per_second), 1e4))
        self.tell("state")

    def complain(self, text: str) -> None:
        """Show a sentence about something that was asked and cannot be; the run goes on."""
        self.say("error", text)

    def say(self, level: str, text: str) -> None:
        """Show a sentence: level "info", "warning" or "error"."""
        with self._lock:
            self.message = {"level": level, "text": text}
        self.tell("state")
