"""BridgeProcess: the server's end of the process that speaks with a cluster."""

import itertools
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from vae_core.workers.errors import LaneError, LaneLost


class BridgeProcess:
    """The server's end of `vae_core.workers.cluster.bridge`: requests go out, futures come back, in any order.

    Args:
        ended: called when the process is gone without having been stopped.
    """

    def __init__(self, ended: Callable[[], None]) -> None:
        self._ended, self._stopped = ended, False
        self._tickets = itertools.count()
        self._waiting: dict[int, Future] | None = {}  # None: it is gone
        self._lock = threading.Lock()
        here, there = socket.socketpair()
        root = str(Path(__file__).parents[3])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        command = [sys.executable, "-m", "vae_core.workers.cluster.bridge", str(there.fileno())]
        self.process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}, pass_fds=[there.fileno()])
        there.close()
        self._connection = Connection(here.detach())
        threading.Thread(target=self._read, daemon=True, name="cluster").start()

    def request(self, name: str, **args: Any) -> Future:
        """Ask for a method of `vae_core.workers.cluster.bridge.Bridge`; the result is its answer, or a `LaneError`."""
        future: Future = Future()
        with self._lock:
            if self._waiting is None:
                future.set_exception(lost())
                return future
            ticket = next(self._tickets)
            self._waiting[ticket] = future
            with suppress(OSError):  # it is gone: the reader will tell who waits
                self._connection.send((ticket, name, args))
        return future

    def _read(self) -> None:
        with suppress(EOFError, OSError):
            while True:
                ticket, answer = self._connection.recv()
                with self._lock:
                    future = self._waiting.pop(ticket)
                if isinstance(answer, LaneError):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)
        with self._lock:
            waiting, self._waiting = self._waiting, None
        self.process.wait()
        if not self._stopped:
            self._ended()
        for future in waiting.values():
            future.set_exception(lost())

    def stop(self) -> None:
        """Let what was asked go out, and end the process."""
        self._stopped = True
        with self._lock, suppress(OSError):
            self._connection.send(None)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()


def lost() -> LaneError:
    return LaneLost("The connection to the cluster ended.")
