"""BridgeProcess: the server's end of the process that speaks with a cluster."""

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

from vae_core.workers.cluster.messages import Asked
from vae_core.workers.errors import LaneError, LaneLost
from vae_core.workers.tickets import Tickets


class BridgeProcess:
    """The server's end of `vae_core.workers.cluster.bridge`: requests go out, futures come back, in any order.

    Args:
        ended: called when the process is gone without having been stopped.
    """

    def __init__(self, ended: Callable[[], None]) -> None:
        self._ended, self._stopped, self._gone = ended, False, False
        self._tickets = Tickets()
        self._lock = threading.Lock()
        here, there = socket.socketpair()
        root = str(Path(__file__).parents[3])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        command = [sys.executable, "-m", "vae_core.workers.cluster.bridge", str(there.fileno())]
        self.process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}, pass_fds=[there.fileno()])
        there.close()
        self._connection = Connection(here.detach())
        threading.Thread(target=self._read, daemon=True, name="cluster").start()

    def request(self, asked: Asked) -> Future[Any]:
        """Ask it; the result is its answer, or a `LaneError`."""
        with self._lock:
            if self._gone:
                future: Future[Any] = Future()
                future.set_exception(lost())
                return future
            ticket, future = self._tickets.issue()
            with suppress(OSError):  # it is gone: the reader will tell who waits
                self._connection.send((ticket, asked))
        return future

    def _read(self) -> None:
        with suppress(EOFError, OSError):
            while True:
                self._tickets.settle(*self._connection.recv())
        with self._lock:
            self._gone, waiting = True, self._tickets.take_all()
        self.process.wait()
        if not self._stopped:
            self._ended()
        for future in waiting:
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
    """What those are told who wait for an answer when the process ends."""
    return LaneLost("The connection to the cluster ended.")
