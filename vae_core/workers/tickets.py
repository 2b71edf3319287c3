"""Tickets: requests that went to another process, by number, until their answers come back."""

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from vae_core.workers.errors import LaneError
from vae_core.workers.messages import Preview

OnPreview = Callable[[bytes], None]


class Tickets:
    """All methods may be called from any thread; what a future's callbacks do never happens under the lock."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._waiting: dict[int, tuple[Future[Any], OnPreview | None]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._waiting)

    def issue(self, on_preview: OnPreview | None = None) -> tuple[int, Future[Any]]:
        """A number to send along, and the future of what comes back under it.

        Args:
            on_preview: takes what is seen of the request before it is answered.
        """
        future: Future[Any] = Future()
        with self._lock:
            number = next(self._numbers)
            self._waiting[number] = future, on_preview
        return number, future

    def settle(self, number: int, answer: object) -> None:
        """Hand on what came back: a preview, an error, or the answer."""
        if isinstance(answer, Preview):
            _, on_preview = self._waiting[number]
            if on_preview:
                on_preview(answer.data)
            return
        with self._lock:
            future, _ = self._waiting.pop(number)
        if isinstance(answer, LaneError):
            future.set_exception(answer)
        else:
            future.set_result(answer)

    def take_all(self) -> list[Future[Any]]:
        """The futures of all that wait; nothing will come back for them any more."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        return [future for future, _ in waiting.values()]
