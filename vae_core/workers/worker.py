"""``python -m vae_core.workers.worker``: the process of one lane, started by `vae_core.workers.process`.

It imports what is slow to import and forks; the child connects to the address that the engine
gives and answers requests in the order in which they come. A child that is killed is forked
again, which takes a hundredth of a start. Both end when the engine does: the connection then closes.
"""

import os
import signal
import sys
import time
from collections import deque
from functools import partial
from multiprocessing.connection import Client, Connection
from typing import Any

from vae_core.workers.errors import LaneError, OutOfMemory, Refused
from vae_core.workers.lane import Lane
from vae_core.workers.messages import CloseRun, Preview, Request, RunRequest

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

ADDRESS, KEY, THREADS = "NOISE_LAB_LANE_ADDRESS", "NOISE_LAB_LANE_KEY", "OMP_NUM_THREADS"
MEMORY = "NOISE_LAB_LANE_MEMORY"  # bytes that the process may allocate
PATIENCE = 0.02  # seconds: who waits already is answered before the lane warms up
MOST_DEATHS = 20  # within ten seconds
TOO_MUCH = "This run needs more memory than a worker has here. Use a smaller network or fewer images."


def keep_serving() -> None:
    """Serve in a child, and in another one when that is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the server, which then closes us
    bound_memory(int(os.environ.get(MEMORY, "0")))
    if not hasattr(os, "fork") or sys.platform == "darwin":  # there a fork after importing torch may hang
        serve()
        return
    import vae_core.run.catalogue  # noqa: F401
    import vae_core.trainer.trainer  # noqa: F401

    # Not vae_core.analysis.views: half of SciPy, 0.2 s, comes with it, and the first picture needs none of that.

    killed_at: deque[float] = deque([float("-inf")] * MOST_DEATHS, maxlen=MOST_DEATHS)
    while True:
        child = os.fork()
        if not child:
            serve()
            os._exit(0)
        killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
        if not killed or time.monotonic() - killed_at[0] < 10:  # it ended by itself, or cannot even start
            return
        killed_at.append(time.monotonic())


def serve() -> None:
    """Answer requests until the engine goes."""
    try:
        connection = Client(os.environ[ADDRESS], authkey=bytes.fromhex(os.environ[KEY]))
    except OSError:
        return  # it is gone already
    with connection:
        connection.send(os.getpid())
        lane = Lane()
        lane.waits = connection.poll
        if not connection.poll(PATIENCE):
            lane.warm_up()
        while True:
            try:
                received = connection.recv()
                if received is None:
                    return
                ticket, request = received
                lane.show = partial(show, connection, ticket)
                try:
                    connection.send((ticket, answer(lane, request)))
                except MemoryError:
                    connection.send((ticket, too_much(lane, request)))
            except (EOFError, ConnectionError):
                return


def show(connection: Connection, ticket: int, data: bytes) -> None:
    """Send what is seen of a request."""
    connection.send((ticket, Preview(data)))


def bound_memory(most: int) -> None:
    """Let an allocation beyond so many bytes fail (0: none does): that ends one run, not the machine's peace."""
    if most and resource is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (most, resource.getrlimit(resource.RLIMIT_DATA)[1]))


def answer(lane: Lane, request: Request[Any]) -> object:
    """What the lane answers; its errors as sentences, not as tracebacks."""
    try:
        return lane.answer(request)
    except LaneError as error:
        return error
    except Exception as error:
        if out_of_memory(error):
            return too_much(lane, request)
        if isinstance(error, ValueError):  # recipe, rule, knob, data: the message is made for the screen
            return Refused(str(error))
        return LaneError(f"The worker failed ({type(error).__name__}: {error}). Press reset.")


def out_of_memory(error: BaseException | None) -> bool:
    """Whether an error is, or came while one was cleaned up after, of memory; torch has words of its own for it, on
    the CPU and on CUDA."""
    while error is not None:
        if isinstance(error, MemoryError) or "allocate memory" in str(error) or "out of memory" in str(error):
            return True
        error = error.__context__
    return False


def too_much(lane: Lane, request: Request[Any]) -> LaneError:
    """Forget the run that needs more memory than there is, so that the others can go on."""
    if isinstance(request, RunRequest):
        lane.close(CloseRun(request.run))
    return OutOfMemory(TOO_MUCH)


if __name__ == "__main__":
    keep_serving()
