"""Turns: whose request a lane works on next, so that each user gets a fair share."""

import itertools
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from vae_core.workers.messages import Answer, Request
from vae_core.workers.tickets import OnPreview

REMEMBERED = 2000  # users whose last turn is known


@dataclass(frozen=True)
class Turn:
    """Who asks.

    Attributes:
        user: whose share it counts to.
        first: a lecturer's run gets every other turn.
    """

    user: str = ""
    first: bool = False


NOBODY = Turn()  # a request that concerns no user
_Asked = tuple[Future[Any], Request[Any], OnPreview | None]


class _Line:
    """Requests that wait: the user who was served longest ago is next, with his oldest request."""

    def __init__(self) -> None:
        self.busy = False  # one of them is with the lane
        self._users: dict[str, deque[_Asked]] = {}
        self._first: deque[_Asked] = deque()
        self._was_first = False
        self._served: dict[str, int] = {}  # in the order of serving; who is not in it is new
        self._count = itertools.count()

    def __len__(self) -> int:
        return len(self._first) + sum(map(len, self._users.values()))

    def put(self, turn: Turn, asked: _Asked) -> None:
        line = self._first if turn.first else self._users.setdefault(turn.user, deque())
        line.append(asked)

    def take(self) -> _Asked:
        self._was_first = bool(self._first) and not (self._was_first and self._users)
        if self._was_first:
            return self._first.popleft()
        user = min(self._users, key=lambda name: self._served.get(name, -1))
        asked = self._users[user].popleft()
        if not self._users[user]:
            del self._users[user]
        self._served.pop(user, None)
        self._served[user] = next(self._count)
        if len(self._served) > REMEMBERED:
            del self._served[next(iter(self._served))]
        return asked


class Turns:
    """The line before one lane.

    One slice of training is with the lane at a time, and one request that a user waits for (a
    switch, a look) may be with it as well: it is worked on right after the slice, as every other
    turn at most, so that nobody's dragging of a slider stops the training of the others.

    Args:
        send: hands a request to the lane; its future may be done at once, with an error.
    """

    def __init__(self, send: Callable[[Request[Any], OnPreview | None], Future[Any]]) -> None:
        self._send = send
        self._lock = threading.Lock()
        self._slices, self._urgent = _Line(), _Line()

    @property
    def waiting(self) -> int:
        """Requests that are not answered yet."""
        with self._lock:
            return sum(len(line) + line.busy for line in (self._slices, self._urgent))

    def ask(
        self, turn: Turn, request: Request[Answer], urgent: bool = True, on_preview: OnPreview | None = None
    ) -> Future[Answer]:
        """Line up a request.

        Args:
            urgent: a user waits for it; False for a slice of training and for what comes with one.
            on_preview: takes what is seen of it before it is answered.
        """
        answer: Future[Answer] = Future()
        line = self._urgent if urgent else self._slices
        with self._lock:
            line.put(turn, (answer, request, on_preview))
        self._go_on(line)
        return answer

    def _go_on(self, line: _Line) -> None:
        with self._lock:
            if line.busy or not len(line):
                return
            line.busy = True
            answer, request, on_preview = line.take()
        self._send(request, on_preview).add_done_callback(lambda done: self._answered(done, answer, line))

    def _answered(self, done: Future[Any], answer: Future[Any], line: _Line) -> None:
        with self._lock:
            line.busy = False
        self._go_on(line)  # the lane works on while the answer is looked at
        if error := done.exception():
            answer.set_exception(error)
        else:
            answer.set_result(done.result())
