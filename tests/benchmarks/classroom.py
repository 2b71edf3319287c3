"""How many can watch one live run: ``python -m tests.benchmarks.classroom``.

A real server trains the default recipe with 2,000 points; a light client opens a room, as a lecturer's browser does,
and keeps the presenter's stream. In one other process light clients watch, each acknowledging what it gets.
A frame's age is the clock at its arrival less the time at which the server had it from training; both processes read
one clock. Nothing here is a test: a busy machine gives other figures. Linux alone (/proc).
"""

import argparse
import asyncio
import json
import os
import secrets
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from websockets.asyncio.client import connect

from tests.browser.server import app_server
from vae_core.ui.server.address import LAB

QUICK = "dataset=digits&hidden=32&batch_size=64&points=200"
TICKS = os.sysconf("SC_CLK_TCK")


def header_of(message: bytes) -> dict:
    """What a binary message says of itself, outside of what is compressed."""
    return json.loads(message[4 : 4 + int.from_bytes(message[:4], "little")])


async def watch(url: str, until: float, since: float, seen: list[tuple[float, float, int]], totals: list[int]) -> None:
    """One viewer: (arrival, age, bytes) of each frame after a moment; bytes of all that came."""
    total = 0
    async with connect(url, compression=None, max_size=None) as socket:
        while (left := until - time.time()) > 0:
            try:
                message = await asyncio.wait_for(socket.recv(), left)
            except TimeoutError:
                break
            now = time.time()
            if now > since:
                total += len(message)
            if isinstance(message, bytes):
                header = header_of(message)
                if "at" in header and now > since:
                    seen.append((now, now - header["at"], len(message), header["step"]))
                await socket.send('{"do": "ack"}')
    totals.append(total)


async def viewers(url: str, count: int, seconds: float, settle: float) -> dict:
    """Many viewers, who come within a few seconds; what they have seen after that."""
    began = time.time()
    since, until = began + settle, began + settle + seconds
    seen: list[list] = [[] for _ in range(count)]
    totals: list[int] = []

    async def one(place: int) -> None:
        await asyncio.sleep(place / count * settle * 0.6)
        await watch(f"{url}?viewer=benchmark{place:05}", until, since, seen[place], totals)

    await asyncio.gather(*map(one, range(count)))
    ages = sorted(age for each in seen for _, age, _, _ in each)
    sizes = [size for each in seen for _, _, size, _ in each]
    rates = sorted(len(each) / seconds for each in seen)
    return {
        "updates a second, viewer with the fewest": rates[0],
        "updates a second, median viewer": statistics.median(rates),
        "age of a frame, median, ms": 1000 * statistics.median(ages),
        "age of a frame, 95th percentile, ms": 1000 * ages[int(0.95 * (len(ages) - 1))],
        "age of a frame, oldest, ms": 1000 * ages[-1],
        "bytes of a frame, mean": statistics.mean(sizes),
        "bytes of a frame, largest": max(sizes),
        "bytes a second and viewer, all messages": statistics.mean(totals) / seconds,
        "different frames": len({step for each in seen for *_, step in each}),
    }


@asynccontextmanager
async def presenting(server: str, query: str) -> AsyncIterator[str]:
    """A presenter's stream of a run that plays, at full rate; the code of the room that it opens."""
    url = f"{server}/{LAB}/early/{secrets.token_hex(16)}?{query}"
    async with connect(url, compression=None, max_size=None) as socket:
        room: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def listen() -> None:
            async for message in socket:
                if isinstance(message, bytes):
                    await socket.send('{"do": "ack"}')
                elif (code := json.loads(message).get("code")) and not room.done():
                    room.set_result(code)

        listening = asyncio.create_task(listen())
        await socket.send('{"do": "play"}')
        await socket.send('{"do": "share"}')
        yield await asyncio.wait_for(room, 60)
        listening.cancel()


def seconds_of(pid: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Cpu:
    """Cores that a process has used since."""

    def __init__(self, pid: int) -> None:
        self.pid, self.at, self.used = pid, time.monotonic(), seconds_of(pid)

    def cores(self) -> float:
        return (seconds_of(self.pid) - self.used) / (time.monotonic() - self.at)


def child() -> int:
    """The server's process id."""
    pids = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="utf-8").split()
    return next(int(pid) for pid in pids if b"streamlit" in Path(f"/proc/{pid}/cmdline").read_bytes())


async def measure(address: str, options: argparse.Namespace) -> dict:
    pid, server = child(), address.replace("http", "ws", 1)
    async with presenting(server, options.query) as code:
        await asyncio.sleep(options.settle * 0.4)
        alone = Cpu(pid)
        await asyncio.sleep(options.seconds / 2)
        before = alone.cores()
        command = [sys.executable, "-m", "tests.benchmarks.classroom", "--watch", f"{server}/{LAB}/room/{code}"]
        for name in ("viewers", "seconds", "settle"):
            command += [f"--{name}", str(getattr(options, name))]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        await asyncio.sleep(options.settle + 1)
        busy, clients = Cpu(pid), Cpu(process.pid)
        await asyncio.sleep(0.9 * options.seconds - 1)
        during, beside = busy.cores(), clients.cores()
        found = json.loads((await process.communicate())[0])
    return {
        **found,
        "cores of the server, presenter alone": before,
        "cores of the server, with viewers": during,
        "cores of the server, viewers alone": during - before,
        "cores of all viewers together": beside,
        "load of the machine (1 minute)": os.getloadavg()[0],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--viewers", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--settle", type=float, default=8.0, help="seconds for all to come")
    parser.add_argument("--query", default="", help="of the run's link; the default recipe if left out")
    parser.add_argument("--watch", help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="a few viewers of a small run: only to see that it works")
    options = parser.parse_args()
    if options.quick:
        options.viewers, options.seconds, options.settle, options.query = 3, 2.0, 1.0, QUICK
    if options.watch:
        found = asyncio.run(viewers(options.watch, options.viewers, options.seconds, options.settle))
        print(json.dumps(found))
        return
    with app_server() as address:
        found = asyncio.run(measure(address, options))
    print(f"\n| {options.viewers} viewers, {options.seconds:g} s, {os.cpu_count()} cores | |\n|---|---|")
    for name, value in found.items():
        print(f"| {name} | {value:,.3g} |" if value < 1000 else f"| {name} | {value:,.0f} |")


if __name__ == "__main__":
    main()
