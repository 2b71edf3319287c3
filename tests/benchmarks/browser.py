"""How fast the page is, in Chromium, while a run trains: ``python -m tests.benchmarks.browser``.

Medians of several rounds on this machine, now. Nothing here is a test: a busy machine gives other figures.
"""

import argparse
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Browser, Page
from websockets.sync.client import connect

from tests.browser.server import ROOT, app_server, chromium
from vae_core.run.packing import unpack

# A mouse that circles over the plane once in every animation frame.
HOVER = """() => {
  const plane = LAB.querySelector("[data-testid=plane]");
  const { left, top, width, height } = plane.getBoundingClientRect();
  let k = 0;
  const move = () => {
    k += 1;
    const clientX = left + width * (0.5 + 0.3 * Math.cos(k / 20));
    const clientY = top + height * (0.5 + 0.3 * Math.sin(k / 17));
    plane.dispatchEvent(new PointerEvent("pointermove", { clientX, clientY, bubbles: true }));
    requestAnimationFrame(move);
  };
  move();
}"""
# Milliseconds from a click to the first drawn frame for which something is true.
CLICK = """([id, true_]) => new Promise((done) => {
  const before = { updates: noiseLab.updates, noise: noiseLab.noise };
  const start = performance.now();
  LAB.querySelector(`[data-testid=${id}]`).click();
  const holds = new Function("before", `return ${true_}`);
  const look = () => (holds(before) ? done(performance.now() - start) : requestAnimationFrame(look));
  look();
})"""
# Steps a second of the same training in a process of its own, which shows nothing to anybody.
ALONE = """
import json, sys, time
from vae_core import Recipe, Trainer
trainer = Trainer(Recipe(seed=int(sys.argv[1]), **json.loads(sys.argv[3])))
trainer.train(100)
before, end = time.perf_counter(), time.perf_counter() + float(sys.argv[2])
while time.perf_counter() < end:
    trainer.train(16)
print((trainer.step_count - 100) / (time.perf_counter() - before))
"""
SMALL = {"dataset": "digits", "hidden": [32], "batch_size": 64}  # the recipe of the quick form
LAB = "[...document.querySelectorAll('*')].find((e) => e.shadowRoot?.querySelector('.lab')).shadowRoot"
# What was counted when the next frame came, and when that was.
AT_FRAME = """() => new Promise((done) => {
  const { frames } = noiseLab;
  const look = () => {
    if (noiseLab.frames === frames) return setTimeout(look, 1);
    done([noiseLab.updates, noiseLab.step, noiseLab.hoverDecodes, noiseLab.lastFrameAt]);
  };
  look();
})"""
WATCH = """() => {
  window.stalls = [];
  new PerformanceObserver((list) => list.getEntries().forEach((e) => window.stalls.push(e.duration)))
    .observe({ type: "longtask" });
}"""


def run(page: Page, script: str, *arguments: object) -> object:
    return page.evaluate(script.replace("LAB", LAB), *arguments)


def open_page(browser: Browser, address: str, query: str) -> tuple[Page, float]:
    """A fresh page, and the seconds from the request to its first drawn frame."""
    page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
    start = time.perf_counter()
    page.goto(f"{address}/?{query}", wait_until="commit")
    page.wait_for_function("window.noiseLab?.updates > 0", polling=10, timeout=60_000)
    return page, time.perf_counter() - start


def blank_page(browser: Browser, address: str) -> float:
    """The seconds until a page of Streamlit that holds one word shows it."""
    page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
    start = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.wait_for_function("document.querySelector('[data-testid=stMarkdown]')", polling=10, timeout=60_000)
    page.context.close()
    return time.perf_counter() - start


@contextmanager
def blank_server() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "blank.py"
        script.write_text('import streamlit as st\n\nst.markdown("word")\n')
        with app_server(script) as address:
            yield address


def steps_alone(seed: int, options: argparse.Namespace) -> float:
    """Steps a second of the same run where nobody looks at it, with as many threads as a worker has."""
    threads = str(max(1, min(4, len(os.sched_getaffinity(0)) - 1)))
    command = [sys.executable, "-c", ALONE, str(seed), str(options.seconds), json.dumps(options.recipe)]
    environment = {**os.environ, "OMP_NUM_THREADS": threads}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)
    return float(done.stdout)


def steps_received(address: str, query: str, options: argparse.Namespace) -> float:
    """Steps a second of a run whose viewer takes all that is sent and draws nothing: another machine's browser."""
    token = secrets.token_hex(16)
    stream = f"{address.replace('http', 'ws', 1)}/noise-lab/early/{token}?{query}"
    with connect(stream, additional_headers={"Origin": address}, compression=None, max_size=None) as socket:
        socket.send('{"do": "play"}')
        frames = []
        while not frames or frames[-1][0] - frames[0][0] < options.seconds:
            message = socket.recv(timeout=60)
            if isinstance(message, bytes):
                socket.send('{"do": "ack"}')
                step = unpack(message)[0].get("step", 0)
                if step >= options.settled:
                    frames.append((time.perf_counter(), step))
    return (frames[-1][1] - frames[0][1]) / (frames[-1][0] - frames[0][0])


def rates(page: Page, seconds: float) -> dict[str, float]:
    """What happened from one frame to another: drawn updates, steps and hover decodes a second, and the longest stall.
    Frames are far apart, and steps are counted when one comes."""
    run(page, WATCH)
    before = page.evaluate(AT_FRAME)
    page.wait_for_timeout(1000 * seconds)
    after = page.evaluate(AT_FRAME)
    elapsed = (after[3] - before[3]) / 1000
    names = ("updates a second", "steps a second", "hover decodes a second")
    found = {name: (b - a) / elapsed for name, a, b in zip(names, before, after, strict=False)}
    return {**found, "longest main-thread stall, ms (0: none over 50)": max([0.0, *page.evaluate("stalls")])}


def one_round(browser: Browser, address: str, query: str, seed: int, options: argparse.Namespace) -> dict[str, float]:
    page, first = open_page(browser, address, query)
    page.context.close()
    figures = {"page load to first live frame, s": first}
    alone = [steps_alone(seed, options)]  # and twice more below: what others do on this machine changes all the time
    page, figures["page load to first live frame, of a run that is new, s"] = open_page(
        browser, address, f"{query}&seed={seed}"
    )
    page.wait_for_function(f"window.noiseLab.step >= {options.settled}", timeout=120_000)
    figures |= {
        f"{name}, no hover": value for name, value in rates(page, options.seconds).items() if "hover" not in name
    }
    switch = [run(page, CLICK, ["noise", "noiseLab.noise !== before.noise"]) for _ in range(options.clicks)]
    figures["noise switch to first frame that shows it, ms"] = statistics.median(switch)
    run(page, HOVER)
    page.wait_for_timeout(500)
    figures |= {f"{name}, hovering": value for name, value in rates(page, options.seconds).items()}
    page.get_by_test_id("play").click()
    page.wait_for_timeout(1000)
    figures["play to first live frame, ms"] = run(page, CLICK, ["play", "noiseLab.updates > before.updates"])
    page.context.close()
    alone.append(steps_alone(seed, options))
    received = steps_received(address, f"{query}&seed={seed + 10_000}", options)
    alone.append(steps_alone(seed, options))
    seen = figures["steps a second, no hover"]
    figures["training is slower than where nobody looks, %"] = 100 * (1 - seen / statistics.mean(alone[:2]))
    figures["… where the browser draws on another machine, %"] = 100 * (1 - received / statistics.mean(alone[1:]))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each measurement of rates")
    parser.add_argument("--points", type=int, default=5000)
    parser.add_argument("--quick", action="store_true", help="one round of a small run: only to see that it works")
    options = parser.parse_args()
    # From the settled step on frames and exact measures are as far apart as they will be; the first come one by one.
    options.settled, options.clicks, options.starts, options.recipe = 1600, 6, 3, {}
    if options.quick:
        options.rounds, options.seconds, options.points, options.recipe = 1, 0.5, 200, SMALL
        options.settled, options.clicks, options.starts = 100, 1, 1
    query = urlencode({"rule": "vae", "points": options.points, **options.recipe}, doseq=True)
    cold, rounds, blank = [], [], []
    with chromium() as browser:
        with blank_server() as address:
            blank = [blank_page(browser, address) for _ in range(options.rounds + 1)][1:]
        for left in reversed(range(options.starts)):
            start = time.perf_counter()
            with app_server() as address:
                page, _ = open_page(browser, address, query)
                cold.append(time.perf_counter() - start)
                page.context.close()
                if not left:  # the server is warm from here on
                    seeds = range(1, options.rounds + 1)
                    rounds = [one_round(browser, address, query, seed, options) for seed in seeds]
    print(f"\n| {options.points:,} points, medians of {options.rounds} rounds | median | lowest | highest |")
    print("|---|---|---|---|")
    rows = {"cold `streamlit run` to first live frame, s": cold}
    rows |= {"a blank page of Streamlit, s": blank}
    rows |= {name: [figures[name] for figures in rounds] for name in rounds[0]}
    for name, values in rows.items():
        print(f"| {name} | {statistics.median(values):.3g} | {min(values):.3g} | {max(values):.3g} |")


if __name__ == "__main__":
    main()
