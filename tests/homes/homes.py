"""Homes of the app: each starts it with the real program before it, and gives the address at which a browser has it."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

from tests.browser.server import ROOT, app_server, free_port

Home = Callable[[], contextlib.AbstractContextManager[str]]
PATIENCE = 60  # seconds for a program to answer


@contextlib.contextmanager
def running(command: list[str], address: str, **options) -> Iterator[None]:
    """A program, once something answers at an address."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, **options)
        try:
            end = time.monotonic() + PATIENCE
            while not answers(address):
                if process.poll() is not None or time.monotonic() > end:
                    log.seek(0)
                    raise RuntimeError(f"{command[0]} does not answer: {log.read().decode(errors='replace')[-2000:]}")
                time.sleep(0.1)
            yield
        finally:
            process.terminate()
            process.wait(15)


def answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


UPGRADE = 'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";'
KEEP_HOST = "proxy_set_header Host $http_host;"


@contextlib.contextmanager
def nginx(base: str = "", place: str = "/", target: str = "", lines: str = UPGRADE + KEEP_HOST) -> Iterator[str]:
    """Behind nginx.

    Args:
        base: the app's ``server.baseUrlPath``.
        place: where it is at nginx.
        target: what follows the app's address in ``proxy_pass``: "/" strips the place.
        lines: of nginx's configuration, for the place.
    """
    with app_server(STREAMLIT_SERVER_BASE_URL_PATH=base) as app, tempfile.TemporaryDirectory() as folder:
        port = free_port()
        upstream = app.removesuffix(f"/{base}")
        Path(folder, "nginx.conf").write_text(
            dedent(f"""
                {"user root;" if os.geteuid() == 0 else ""}
                daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
                events {{}}
                http {{
                  access_log off; client_max_body_size 200m;
                  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
                  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
                  server {{ listen 127.0.0.1:{port}; location {place} {{ proxy_pass {upstream}{target}; {lines} }} }}
                }}
            """),
            encoding="utf-8",
        )
        address = f"http://127.0.0.1:{port}{place}"
        with running([found("nginx"), "-c", f"{folder}/nginx.conf", "-e", f"{folder}/error.log"], address):
            yield address


@contextlib.contextmanager
def caddy(base: str = "", place: str = "/", strips: bool = False) -> Iterator[str]:
    """Behind Caddy, with the few lines that people write for it."""
    with app_server(STREAMLIT_SERVER_BASE_URL_PATH=base) as app, tempfile.TemporaryDirectory() as folder:
        port = free_port()
        upstream = app.removesuffix(f"/{base}").removeprefix("http://")
        how = "handle_path" if strips else "handle"
        Path(folder, "Caddyfile").write_text(
            f"{{\nadmin off\n}}\nhttp://127.0.0.1:{port} {{\n{how} {place}* {{\nreverse_proxy {upstream}\n}}\n}}\n",
            encoding="utf-8",
        )
        address = f"http://127.0.0.1:{port}{place}"
        home = {**os.environ, "XDG_DATA_HOME": folder, "XDG_CONFIG_HOME": folder}
        with running([found("caddy"), "run", "--config", f"{folder}/Caddyfile"], address, env=home):
            yield address


SETTINGS = """
c.ServerApp.token = ""; c.ServerApp.password = ""; c.IdentityProvider.token = ""
c.ServerApp.open_browser = False; c.ServerApp.allow_root = True; c.ServerApp.base_url = "/user/anna/"
c.ServerProxy.servers = {"noise-lab": {"command": %s, "timeout": 60, "absolute_url": False}}
"""


@contextlib.contextmanager
def notebook_server(place: str, base: str = "") -> Iterator[str]:
    """Behind a notebook server's proxy (jupyter-server-proxy), as below a hub.

    Args:
        place: below the user's address; ``{port}`` is the app's, and without it the server starts the app by itself.
        base: the app's ``server.baseUrlPath``, with ``{port}`` too.
    """
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        port = free_port()
        if "{port}" in place:
            stack.enter_context(app_server(port=port, STREAMLIT_SERVER_BASE_URL_PATH=base.format(port=port)))
        command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), "--server.headless=true"]
        command += ["--server.address=127.0.0.1", "--server.port={port}"]
        Path(folder, "config.py").write_text(SETTINGS % command, encoding="utf-8")
        own = free_port()
        address = f"http://127.0.0.1:{own}/user/anna/{place.format(port=port)}/"
        program = [sys.executable, "-m", "jupyter_server", f"--config={folder}/config.py", f"--port={own}"]
        environment = {**os.environ, "JUPYTER_CONFIG_DIR": folder, "JUPYTER_DATA_DIR": folder, "HOME": folder}
        environment |= {"NOISE_LAB_STORE": f"{folder}/store", "PYTHONPATH": str(ROOT)}
        stack.enter_context(running(program, f"http://127.0.0.1:{own}/user/anna/api", env=environment, cwd=folder))
        end = time.monotonic() + PATIENCE
        while not answers(address) and time.monotonic() < end:
            time.sleep(0.2)
        yield address


def found(name: str) -> str:
    """A program's path; Debian puts some of them where only the system looks."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if path is None:
        raise FileNotFoundError(name)
    return path


HOMES: dict[str, tuple[str, Home]] = {  # name -> the program that it takes, and the home
    "root": ("", app_server),
    "sub-path": ("", lambda: app_server(STREAMLIT_SERVER_BASE_URL_PATH="a/lab")),
    "nginx, prefix kept": ("nginx", lambda: nginx(base="lab", place="/lab/")),
    "nginx, prefix stripped": ("nginx", lambda: nginx(place="/lab/", target="/")),
    "nginx, host rewritten": ("nginx", lambda: nginx(lines=UPGRADE)),
    "caddy, prefix kept": ("caddy", lambda: caddy(base="lab", place="/lab/")),
    "caddy, prefix stripped": ("caddy", lambda: caddy(place="/lab/", strips=True)),
    "notebook server, prefix stripped": ("jupyter", lambda: notebook_server("proxy/{port}")),
    "notebook server, prefix kept": (
        "jupyter",
        lambda: notebook_server("proxy/absolute/{port}", "user/anna/proxy/absolute/{port}"),
    ),
    "notebook server, a server by name": ("jupyter", lambda: notebook_server("noise-lab")),
    "a system whose texts are not UTF-8": (  # stricter than Windows' own encoding, which knows some of our letters
        "",
        lambda: app_server(LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0"),
    ),
    "frame at ~/+": ("nginx", lambda: nginx(place="/~/+/", target="/")),
}
