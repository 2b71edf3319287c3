"""The app as users start it, and a browser beside it."""

import atexit
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from playwright.sync_api import Browser, Playwright, sync_playwright

ROOT = Path(__file__).parents[2]
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--force-color-profile=srgb",
)  # fmt: skip


def find_chromium() -> str | None:
    """The system's Chromium, or the one that CHROMIUM names."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next((path for name in names if (path := shutil.which(name))), None)


@contextlib.contextmanager
def app_server(script: Path = ROOT / "app.py", port: int = 0, **environment: str) -> Iterator[str]:
    """``streamlit run app.py`` on a free port, or another script; the address, once it answers. Its store is empty,
    unless NOISE_LAB_STORE is set: what was trained before would come from the disk. It lives below a path where
    STREAMLIT_SERVER_BASE_URL_PATH says so, here or around: all browser tests can be run there."""
    port = port or free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.headless", "true"]
    command += ["--server.address", "127.0.0.1", "--server.port", str(port)]
    with tempfile.TemporaryDirectory() as store:
        environment = {"NOISE_LAB_STORE": store, **os.environ, **environment}
        base = environment.get("STREAMLIT_SERVER_BASE_URL_PATH", "").strip("/")
        process = subprocess.Popen(command, cwd=ROOT, env=environment)
        address = f"http://127.0.0.1:{port}/{base}".rstrip("/")
        try:
            wait_for_health(address, process)
            yield address
        finally:
            process.terminate()
            process.wait(15)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_health(address: str, process: subprocess.Popen) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError("the server stopped before it answered")
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/_stcore/health", timeout=1) as answer:
            if answer.read() == b"ok":
                return
        time.sleep(0.02)
    raise RuntimeError("the server did not answer within 60 s")


@cache
def playwright() -> Playwright:
    """Playwright, of which a process can have one."""
    started = sync_playwright().start()
    atexit.register(started.stop)
    return started


@contextlib.contextmanager
def chromium(*flags: str) -> Iterator[Browser]:
    """A headless browser."""
    browser = playwright().chromium.launch(executable_path=find_chromium(), args=[*FLAGS, *flags])
    try:
        yield browser
    finally:
        browser.close()
