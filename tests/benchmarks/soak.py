"""Does memory stay where it is: ``python -m tests.benchmarks.soak [--runs 200] [--through engine]``.

Runs on the small digits, no two of them equal, are opened, watched for some frames and left, one after the other.
Through the server each has a Streamlit session of its own, as a tab has, and its live stream; through the engine there
is no server. Open runs are limited to 4, so that each new one closes an old one. Resident memory of server and worker
is reported every 20 runs, and at the end against what it was after the first 20. Linux alone (/proc).
"""

import argparse
import asyncio
import gc
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.asyncio.client import connect

from tests.browser.server import app_server
from vae_core.engine.engine import Engine
from vae_core.engine.limits import Limits
from vae_core.ui.server.health import exposition

RECIPE = {"dataset": "digits", "hidden": "32", "batch_size": "64"}
FRAMES, POINTS, KEPT = 10, 200, 4
MEMORY = {"server": "process_resident_memory_bytes", "worker": "noise_lab_worker_resident_memory_bytes"}
SOCKET = re.compile(rb"noise-lab/live/[\w-]{16,}")


class Soak:
    """Figures of a server, read now and then.

    Args:
        metrics: its figures in Prometheus's format.
        every: runs between two readings.
    """

    def __init__(self, metrics: Callable[[], str], every: int) -> None:
        self.metrics, self.every, self.read = metrics, every, []
        self.began = time.monotonic()

    def count(self, runs: int) -> None:
        if runs % self.every:
            return
        families = text_string_to_metric_families(self.metrics())
        found = {sample.name: sample.value for family in families for sample in family.samples}
        self.read.append({who: found[name] / 2**20 for who, name in MEMORY.items()})
        shown = ", ".join(f"{who} {size:,.1f} MiB" for who, size in self.read[-1].items())
        shown += f", {found['noise_lab_runs']:.0f} runs, {found['noise_lab_feeds']:.0f} trainings"
        shown += f", {found['noise_lab_frame_bytes'] / 2**20:,.1f} MiB of frames"
        print(f"{runs:4} runs, {time.monotonic() - self.began:5.0f} s: {shown}", flush=True)

    def report(self) -> None:
        first, last = self.read[0], self.read[-1]
        for who in MEMORY:
            grown = (last[who] - first[who]) / (self.every * (len(self.read) - 1)) * 1024
            print(
                f"{who}: {last[who] / first[who]:.3f} times the memory after {self.every} runs, {grown:+.0f} KiB a run"
            )


def through_engine(runs: int, every: int) -> None:
    with tempfile.TemporaryDirectory() as folder, Engine(limits=Limits(runs=KEPT), folder=Path(folder)) as engine:
        engine.rules()
        soak = Soak(lambda: exposition(engine).decode(), every)
        for seed in range(1, runs + 1):
            run = engine.open({**RECIPE, "hidden": [32], "seed": seed}, points=POINTS)
            arrived = threading.Semaphore(0)
            leave = run.watch(lambda what, arrived=arrived: arrived.release() if what == "frame" else None)
            run.play()
            for _ in range(FRAMES):
                if not arrived.acquire(timeout=30):
                    raise RuntimeError(f"Run {seed} gives no frames: {run.status}, {run.message}.")
            leave()
            run.left_at = 0.0  # left long ago
            gc.collect()
            soak.count(seed)
        soak.report()


async def visit(address: str, seed: int) -> None:
    """A tab is opened, its run watched for some frames, and the tab closed."""
    ask = BackMsg()
    fields = {**RECIPE, "seed": str(seed), "points": str(POINTS)}
    ask.rerun_script.query_string = "&".join(f"{name}={value}" for name, value in fields.items())
    async with connect(
        f"{address}/_stcore/stream", subprotocols=["streamlit"], max_size=None, max_queue=None
    ) as session:
        await session.send(ask.SerializeToString())
        while not (found := SOCKET.search(await asyncio.wait_for(session.recv(), 30))):
            pass
        async with connect(f"{address}/{found[0].decode()}", max_size=None) as stream:
            for _ in range(FRAMES):
                while not isinstance(await asyncio.wait_for(stream.recv(), 30), bytes):
                    pass
                await stream.send('{"do": "ack"}')


async def visits(address: str, runs: int, count: Callable[[int], None]) -> None:
    for seed in range(1, runs + 1):
        await visit(address, seed)
        count(seed)


def through_server(runs: int, every: int) -> None:
    os.environ["STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL"] = "1"  # else sessions of two minutes are counted too
    with (
        tempfile.TemporaryDirectory() as folder,
        app_server(NOISE_LAB_RUNS=str(KEPT), NOISE_LAB_STORE=folder) as address,
    ):
        soak = Soak(lambda: urlopen(f"{address}/noise-lab/metrics").read().decode(), every)
        asyncio.run(visits(address.replace("http", "ws", 1), runs, soak.count))
        soak.report()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--every", type=int, default=20, help="runs between two readings of the memory")
    parser.add_argument("--through", choices=["server", "engine"], default="server")
    parser.add_argument("--quick", action="store_true", help="four runs: only to see that it works")
    options = parser.parse_args()
    if options.quick:
        options.runs, options.every = 4, 2
    {"server": through_server, "engine": through_engine}[options.through](options.runs, options.every)


if __name__ == "__main__":
    main()
