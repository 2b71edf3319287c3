"""LaneProcess: the server's end of one lane, which lives in a process of its own."""

import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

from vae_core.workers.errors import LaneLost
from vae_core.workers.messages import Answer, Request
from vae_core.workers.tickets import OnPreview, Tickets
from vae_core.workers.worker import ADDRESS, KEY, MEMORY, THREADS

# Logits of thousands of places come and go in exact measures: fresh pages for each cost a third of the time.
ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": str(256 << 20), "MALLOC_TRIM_THRESHOLD_": str(512 << 20)}
START_TIMEOUT = 60.0  # seconds for a lane to import torch on a slow disk


class LaneProcess:
    """The parent's end of one lane: requests go out, futures come back.

    The process is started by ``python -m vae_core.workers.worker``, not by multiprocessing's start
    methods, which would run the server's main script again in the worker.

    Args:
        threads: to train with. One core stays free for the server and the browser: threads that
            wait for each other in every product are up to forty times slower than one as soon as
            something else runs on one of their cores, and that something is the browser that draws
            what is trained. The number of threads does not change a bit of the result.
        memory: bytes that it may allocate.
        lost: called when it was killed; it comes back by itself, but has forgotten its runs.

    Attributes:
        pid: of the process that trains, 0 while there is none.
        closed: whether it is gone for good.
    """

    def __init__(self, threads: int, memory: int = 0, lost: Callable[[], None] = lambda: None) -> None:
        self.pid, self.closed = 0, False
        self._lost = lost
        self._tickets = Tickets()
        self._early: list[tuple[int, Request[Any]]] = []  # requests from before it was ready
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        key = secrets.token_bytes(32)
        self._listener = Listener(authkey=key)
        self._address = self._listener.address
        environment = {**os.environ, ADDRESS: str(self._address), KEY: key.hex(), THREADS: str(threads)}
        root = str(Path(__file__).parents[2])
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        environment = {**ALLOCATOR, MEMORY: str(memory), **environment}
        self._process = subprocess.Popen([sys.executable, "-m", "vae_core.workers.worker"], env=environment)
        threading.Thread(target=self._read, daemon=True, name="lane").start()
        threading.Thread(target=self._watch, daemon=True, name="lane-watch").start()

    @property
    def ready(self) -> bool:
        """Whether it answers now."""
        return self._connection is not None and not self.closed

    def request(self, request: Request[Answer], on_preview: OnPreview | None = None) -> Future[Answer]:
        """Ask the lane; the future's result is the answer, or a `LaneError`.

        Args:
            on_preview: takes what is seen of it before it is answered.
        """
        with self._lock:
            if self.closed:
                gone: Future[Answer] = Future()
                gone.set_exception(LaneLost())
                return gone
            ticket, future = self._tickets.issue(on_preview)
            if self._connection is None:
                self._early.append((ticket, request))
                return future
            with suppress(OSError):  # it is gone: the reader will tell who waits
                self._connection.send((ticket, request))
        return future

    def _read(self) -> None:
        while not self.closed:
            with suppress(EOFError, OSError, AuthenticationError):
                self._serve(self._listener.accept())
            with self._lock:
                was_ready, self._connection, self.pid = self._connection is not None, None, 0
                killed = was_ready and not self.closed
                lost = self._tickets.take_all() if was_ready or self.closed else []
            if killed:
                self._lost()
            for future in lost:
                future.set_exception(LaneLost())
        self._listener.close()

    def _serve(self, connection: Connection) -> None:
        pid = connection.recv()
        with self._lock:
            self._connection, self.pid = connection, pid
            early, self._early = self._early, []
            for message in early:
                connection.send(message)
        while True:
            self._tickets.settle(*connection.recv())

    def _watch(self) -> None:
        """End when the process that forks workers does, or if none has come in time."""
        try:
            self._process.wait(START_TIMEOUT)
        except subprocess.TimeoutExpired:
            if self._connection is None:
                self._process.kill()
        self._process.wait()
        self.closed = True
        with suppress(OSError, EOFError):
            Client(self._address).close()  # a knock; closing a listener does not end `accept`

    def leave(self) -> None:
        """Tell the process to end, at the latest after a slice; one that still starts has nothing to lose."""
        with self._lock:
            if self.closed:
                return
            self.closed = True
            if self._connection is None:
                self._process.kill()
                return
            with suppress(OSError):
                self._connection.send(None)  # closing it under the reader would be a race

    def stop(self) -> None:
        """End the process, and wait until it has left."""
        self.leave()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
