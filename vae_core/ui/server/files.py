"""The component's files and other large answers, as browsers get them: few, compressed once, and kept for ever."""

import gzip
import hashlib
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from vae_core.ui.server.address import LAB
from vae_core.ui.server.bundle import bundle

FILES = Path(__file__).parents[1] / "web"
# Each is sent as one script with all that it imports.
ENTRIES = ("playground/main.js", "comparison/main.js", "drawing/main.js", "lesson/sketch.js")
FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}


@cache
def assets() -> str:
    """Address of the component's files, from the app's root; it changes with them, so that browsers may keep them."""
    digest = hashlib.sha256()
    for path in sorted(FILES.glob("*/*")):
        digest.update(path.read_bytes())
    return f"{LAB}/static/{digest.hexdigest()[:12]}"


class KeptFiles(StaticFiles):
    """The files below any version's address, kept by browsers for ever."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file, or all that an entry imports in one."""
        if path in ENTRIES and scope["method"] == "GET":
            return compressed(Request(scope), script(path), "text/javascript", FOR_EVER)
        return await super().get_response(path, scope)

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """A file as it is."""
        response = super().file_response(*args, **kwargs)
        response.headers.update(FOR_EVER)
        return response


def loader(entry: str) -> str:
    """The few lines of a component that Streamlit sends: its own files are loaded once and kept."""
    return f"""
const stops = new WeakMap();
export default function (component) {{
  const {{ parentElement }} = component;
  const address = new URL("{assets()}/{entry}", document.baseURI).href;
  import(address).then(
    (main) => stops.set(parentElement, main.mount(component)),
    () => parentElement.append(`A part of this page did not load: ${{address}}. Load the page again.`),
  );
  return () => stops.get(parentElement)?.();
}}
"""


@cache
def script(name: str) -> bytes:
    """An entry with all that it imports."""
    return bundle(FILES / name).encode()


def compressed(request: Request, body: bytes, media_type: str, headers: Mapping[str, str]) -> Response:
    """An answer that was compressed once for all who ask: the server's middleware would do it for each of them."""
    headers = {**headers, "Vary": "Accept-Encoding"}
    if accepts_gzip(request.headers):
        body, headers = zipped(body), {**headers, "Content-Encoding": "gzip"}
    return Response(body, media_type=media_type, headers=headers)


def accepts_gzip(headers: Headers) -> bool:
    """Whether who asks can open what is compressed."""
    return "gzip" in headers.get("accept-encoding", "")


@lru_cache(maxsize=16)
def zipped(body: bytes) -> bytes:
    """Compressed, the same bytes for the same body."""
    return gzip.compress(body, 6, mtime=0)
