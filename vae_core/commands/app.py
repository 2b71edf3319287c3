"""``noise-lab``: start the app, from any folder, and open it in the browser."""

import argparse
import errno
import os
import runpy
import socket
import sys
import threading
import time
import webbrowser
from pathlib import Path

from vae_core.commands.text import CommandError, folder, port
from vae_core.data import load_dataset

HELP = "start the app and open it in the browser"
PORTS = range(8501, 8601)  # of which the first free one is taken where none is given
EVERYWHERE = ("0.0.0.0", "::")  # hosts that stand for all addresses of this machine


def add_options(parser: argparse.ArgumentParser) -> None:
    """Where it listens, and where the data is."""
    parser.add_argument(
        "--port", type=port, help=f"where it listens; the first free one from {PORTS[0]:} on if left out"
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="0.0.0.0 lets other machines in (127.0.0.1, this one alone)"
    )
    parser.add_argument("--data", type=folder, metavar="FOLDER", help="with MNIST's files; sets NOISE_LAB_DATA")
    parser.add_argument("--no-browser", action="store_true", help="open none")


def execute(options: argparse.Namespace) -> int:
    """Serve until it is stopped.

    Raises:
        DataError: the folder has no sound files of MNIST.
        CommandError: nothing can listen there.
    """
    if options.data:
        os.environ["NOISE_LAB_DATA"] = str(options.data.resolve())
        load_dataset("mnist", download=False)  # what is wrong with it is told now; what is read is kept for the workers
    chosen = free_port(options.host, [options.port] if options.port else PORTS)
    if not options.no_browser and has_screen():
        threading.Thread(target=show, args=(reached_at(options.host), chosen), daemon=True).start()
    sys.argv = command(options.host, chosen)
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)
    return 0


def command(host: str, chosen: int) -> list[str]:
    """The command line for Streamlit, which finds its settings beside the launcher."""
    # Streamlit opens no browser for an app with routes of its own, and with a head it advertises itself on the page.
    options = {"address": host, "port": chosen, "headless": "true"}
    return ["streamlit", "run", str(launcher()), *(f"--server.{name}={value}" for name, value in options.items())]


def launcher() -> Path:
    """``app.py``: installed as a part of the package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "app" / "app.py"
    return installed if installed.exists() else package.parent / "app.py"


def free_port(host: str, ports: list[int] | range) -> int:
    """The first port on which something can listen.

    Raises:
        CommandError: there is none, or no such host.
    """
    for number in ports:
        try:
            family, *_, address = socket.getaddrinfo(host, number, type=socket.SOCK_STREAM)[0]
            with socket.socket(family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, os.name == "posix")  # as servers do
                probe.bind(address)
        except OSError as error:
            told = CommandError(f"Nothing can listen on port {number} of {host} ({error.strerror}). Give another.")
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise told from None
        else:
            return number
    raise told


def has_screen() -> bool:
    """Whether a browser has somewhere to open; else Python might start one of a terminal."""
    return sys.platform in ("win32", "darwin") or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def reached_at(host: str) -> str:
    """By which name this machine's browser finds a server on a host."""
    return "localhost" if host in EVERYWHERE else host


def show(host: str, number: int) -> None:
    """Open the app in a browser as soon as it answers."""
    while True:
        try:
            socket.create_connection((host, number), 1).close()
            break
        except OSError:
            time.sleep(0.05)
    webbrowser.open(f"http://{f'[{host}]' if ':' in host else host}:{number}")
