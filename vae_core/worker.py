"""``python -m vae_core.worker``: the process of one lane, started by `vae_core.engine`.

It connects to the address that its parent gives it and answers requests in the order in which
they come; as every run has at most one slice waiting, the order of arrival is a round robin.
It ends when its parent does: the connection then closes.
"""

import os
import signal
from multiprocessing.connection import Client

from vae_core.lane import Lane, LaneError

ADDRESS, KEY, THREADS = "NOISE_LAB_LANE_ADDRESS", "NOISE_LAB_LANE_KEY", "OMP_NUM_THREADS"


def serve() -> None:
    """Answer requests until the parent goes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the server, which then closes us
    with Client(os.environ.pop(ADDRESS), authkey=bytes.fromhex(os.environ.pop(KEY))) as connection:
        lane = Lane()
        lane.warm_up()
        while True:
            try:
                request = connection.recv()
                if request is None:
                    return
                ticket, name, args = request
                connection.send((ticket, answer(lane, name, args)))
            except (EOFError, ConnectionError):
                return


def answer(lane: Lane, name: str, args: dict) -> object:
    """What the lane answers; its errors as sentences, not as tracebacks."""
    try:
        return getattr(lane, name)(**args)
    except LaneError as error:
        return error
    except MemoryError:
        return LaneError("This run needs more memory than there is. Use a smaller network.", "memory")
    except ValueError as error:  # recipe, rule, knob, data: the message is made for the screen
        return LaneError(str(error), "input")
    except Exception as error:
        return LaneError(f"The worker failed ({type(error).__name__}: {error}). Press reset.")


if __name__ == "__main__":
    serve()
