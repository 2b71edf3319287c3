"""``python -m vae_core.workers.cluster.bridge``: the process between a server and the lanes of a Ray cluster.

Ray ends a process that is attached to a cluster whose head dies, and waits for minutes where a cable is
pulled. Neither may happen to the server, which holds what everybody trained: Ray is used in here alone.
"""

import asyncio
import os
import signal
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from vae_core.workers.cluster.messages import Asked, AskLane, Attach, GetNews, LaneStatus
from vae_core.workers.cluster.node import NodeLane, has_mnist, version
from vae_core.workers.errors import LaneError, LaneLost, Refused

NAMESPACE = "noise-lab"
PULSE, DEADLINE = 0.5, 2.0  # seconds between two pulses of a lane, and for its answer
SLOWER, USUAL = 4, 20  # times the slowest of so many answers before: busy machines get more time
ATTACH = 15.0  # seconds; it takes 1 to 3, but Ray's process for a client now and then fails to start, and hangs
START = 60.0  # seconds for a lane to be ready
CONNECT = 3.0  # seconds for its first port to answer
LOOK = 5.0  # seconds between two looks at how many machines there are
THREADS = 64  # that wait for Ray
HANGS = 20.0  # seconds without a turn of the event loop


@dataclass
class Station:
    """A lane as it is seen from here.

    Attributes:
        state, why, about: see `LaneStatus`.
        asked: requests without an answer.
    """

    actor: Any = None
    state: str = "starting"
    why: str = ""
    about: dict[str, Any] = field(default_factory=dict)
    asked: set[asyncio.Task[Any]] = field(default_factory=set)


class Bridge:
    """The lanes of a cluster: named actors, which all servers share and which outlive them.

    Args:
        ray: attached, see `attach`.
        lanes: how many; as many as there are processors (or parts of a GPU) if 0.
        gpu: part of a GPU for each lane, or 0.
    """

    def __init__(self, ray: Any, lanes: int, gpu: float) -> None:
        self._ray, self._lanes, self._gpu = ray, lanes, gpu
        NodeLane.pulse = ray.method(concurrency_group="pulse")(NodeLane.pulse)  # type: ignore[method-assign]  # Ray's mark
        remote = ray.remote(num_cpus=1, num_gpus=gpu, max_restarts=-1, concurrency_groups={"pulse": 1})
        self._lane = remote(NodeLane)
        self._version, self._mnist = version(), has_mnist()
        self._stations: list[Station] = []
        self._change = asyncio.Condition()

    async def attend(self) -> None:
        """Have a station for each lane that the cluster has room for; machines may come and go."""
        async with asyncio.TaskGroup() as group:
            while True:
                room = self._lanes or await asyncio.to_thread(self._room)
                for index in range(len(self._stations), room):
                    self._stations.append(Station())
                    group.create_task(self._attend(index))
                await self._tell()
                await asyncio.sleep(LOOK if self._stations else PULSE)

    def _room(self) -> int:
        name, each = ("GPU", self._gpu) if self._gpu else ("CPU", 1.0)
        return int(sum(node["Resources"].get(name, 0.0) // each for node in self._ray.nodes() if node["Alive"]))

    async def _attend(self, index: int) -> None:
        """Find the lane, or start it, and feel its pulse for ever. A lane that does not answer is not ended: it may
        answer other servers. Where its machine is gone, Ray starts it on another one that has room."""
        station = self._stations[index]
        options = {"name": f"lane-{index}", "namespace": NAMESPACE, "lifetime": "detached", "get_if_exists": True}
        while True:
            try:
                station.actor = await asyncio.to_thread(self._lane.options(**options).remote)
                station.about = await answer_of(station.actor.about)
                station.why = self._unfit(station.about)
                await self._tell(station, "unfit" if station.why else "ready")
                took: deque[float] = deque(maxlen=USUAL)
                while station.state != "lost":  # a request may have found that out
                    await asyncio.sleep(PULSE)
                    began = time.monotonic()
                    await asyncio.wait_for(answer_of(station.actor.pulse), DEADLINE + SLOWER * max(took, default=0.0))
                    took.append(time.monotonic() - began)
            except (TimeoutError, self._ray.exceptions.RayError) as error:
                station.why = str(error).strip().split("\n")[-1]
                await self._tell(station, "lost")
            for task in station.asked:
                task.cancel()
            await asyncio.sleep(PULSE)

    def _unfit(self, about: dict[str, Any]) -> str:
        if about["version"] != self._version:
            return (
                f"{about['host']} runs another version of Noise Lab; install this one there and start its node again."
            )
        if self._mnist and not about["mnist"]:
            return f"{about['host']} has no MNIST, which the server has; set NOISE_LAB_DATA and start its node again."
        return ""

    async def _tell(self, station: Station | None = None, state: str = "") -> None:
        async with self._change:
            if station:
                station.state = state
            self._change.notify_all()

    # -- what the server asks ----------------------------------------------------------------

    async def answer(self, asked: Asked) -> Any:
        """What is asked, after the first of all requests."""
        match asked:
            case GetNews():
                return await self.news(asked.known)
            case AskLane():
                return await self.ask(asked)
        raise Refused(f"A cluster cannot be asked for {type(asked).__name__}.")

    async def news(self, known: Sequence[LaneStatus]) -> list[LaneStatus]:
        """How the lanes are, once that differs from what is known."""
        async with self._change:
            await self._change.wait_for(lambda: self._states() != known)
            return self._states()

    def _states(self) -> list[LaneStatus]:
        return [LaneStatus(station.state, station.why, station.about) for station in self._stations]

    async def ask(self, asked: AskLane) -> bytes:
        """What a lane answers, see `NodeLane.ask`. It waits while the lane starts, and while none is ready.

        Raises:
            LaneLost: the lane does not answer, two to three seconds after it stopped to.
        """
        try:
            async with asyncio.timeout(START), self._change:
                await self._change.wait_for(lambda: self._settled(asked.lane))
        except TimeoutError:
            pass
        station = self._station(asked.lane)
        if station.state != "ready":
            raise LaneLost(station.why or "No machine of the cluster has room for this worker.")
        task = asyncio.create_task(answer_of(station.actor.ask, asked.request, asked.state))
        station.asked.add(task)
        try:
            await asyncio.wait([task])
            answer: bytes = task.result()
            return answer
        except (Exception, asyncio.CancelledError):  # whatever Ray says
            await self._tell(station, "lost")
            raise LaneLost("A worker on another machine does not answer.") from None
        finally:
            station.asked.discard(task)

    def _station(self, lane: int) -> Station:
        return self._stations[lane] if lane < len(self._stations) else Station()

    def _settled(self, lane: int) -> bool:
        return self._station(lane).state != "starting" and any(other.state == "ready" for other in self._stations)


async def answer_of(method: Any, *args: Any) -> Any:
    """What an actor answers. Ray may wait for the cluster before it hands out a reference, hence the thread; and it
    is not told if nobody waits for the answer any more."""
    loop = asyncio.get_running_loop()
    future = await asyncio.to_thread(lambda: method.remote(*args).future())
    answer = loop.create_future()

    def settle() -> None:
        if answer.cancelled():
            return
        if error := future.exception():
            answer.set_exception(error)
        else:
            answer.set_result(future.result())

    future.add_done_callback(lambda done: loop.call_soon_threadsafe(settle))
    return await answer


def attach(address: str) -> Any:
    """Ray, attached to a cluster.

    Raises:
        LaneError: it is not installed, or the cluster does not answer.
    """
    os.environ.setdefault("RAY_CLIENT_RECONNECT_GRACE_PERIOD", "5")  # seconds
    try:
        import ray
    except ImportError:
        raise Refused("A cluster needs Ray: pip install 'noise-lab[cluster]'.") from None
    try:
        if ":" in address:
            host, port = address.removeprefix("ray://").rsplit(":", 1)
            socket.create_connection((host.strip("[]"), int(port)), CONNECT).close()  # Ray would try for a minute
        ray.init(address, namespace=NAMESPACE, log_to_driver=False, configure_logging=False)
    except Exception as error:  # what the network, Ray and its authentication make of it
        reason = " ".join(str(error).split())[-300:] or type(error).__name__
        raise LaneError(f"The cluster at {address} does not answer ({reason}). Look at its head node.") from None
    return ray


async def serve(connection: Connection, bridge: Bridge) -> None:
    """Answer requests until the parent goes."""
    loop, gone = asyncio.get_running_loop(), asyncio.Event()
    turned = time.monotonic()

    def read() -> None:
        try:
            while (request := connection.recv()) is not None:
                loop.call_soon_threadsafe(take, *request)
        except (EOFError, OSError):
            pass
        loop.call_soon_threadsafe(gone.set)

    def take(ticket: int, asked: Asked) -> None:
        task = asyncio.create_task(reply(ticket, bridge.answer(asked)))
        working.add(task)
        task.add_done_callback(working.discard)

    async def reply(ticket: int, work: Coroutine[Any, Any, Any]) -> None:
        try:
            answer = await work
        except LaneError as error:
            answer = error
        with suppress(OSError):  # the server is gone
            connection.send((ticket, answer))

    async def turn() -> None:
        nonlocal turned
        while True:
            turned = time.monotonic()
            await asyncio.sleep(1)

    def watch() -> None:
        while time.monotonic() - turned < HANGS:
            time.sleep(1)
        os._exit(1)

    working: set[asyncio.Task[None]] = set()
    loop.set_default_executor(ThreadPoolExecutor(THREADS))
    for target in (read, watch):
        threading.Thread(target=target, daemon=True).start()
    jobs = [asyncio.create_task(job) for job in (gone.wait(), bridge.attend(), turn())]
    done, _ = await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
    leave_within(3.0)  # whatever still waits for Ray
    if working:
        await asyncio.wait(working, timeout=0.5)
    for job in done:
        job.result()


def leave_within(seconds: float) -> threading.Timer:
    """End this process then, unless it has ended or the timer was cancelled."""
    timer = threading.Timer(seconds, os._exit, [1])
    timer.daemon = True
    timer.start()
    return timer


def main() -> None:
    """Attach to the cluster that the first request names, and serve."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the server, which then closes us
    with Connection(int(sys.argv[1])) as connection:
        ticket, asked = connection.recv()
        assert isinstance(asked, Attach)
        timer = leave_within(ATTACH)
        try:
            ray = attach(asked.address)
        except LaneError as error:
            connection.send((ticket, error))
            return
        timer.cancel()
        connection.send((ticket, None))
        try:
            asyncio.run(serve(connection, Bridge(ray, asked.lanes, asked.gpu)))
        except ExceptionGroup as errors:
            sys.exit(f"The connection to the cluster at {asked.address} ended: {errors.exceptions[0]!r:.300}")
        ray.shutdown()


if __name__ == "__main__":
    main()
