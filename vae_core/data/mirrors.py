"""Download from the mirrors of a data set, and give up soon where no network answers."""

import math
import queue
import threading
import time
import urllib.request
from collections.abc import Callable

import numpy as np

from vae_core.data.cache import cache_folder, try_replace
from vae_core.data.idx import FILES, LIMIT, DataError, read_arrays
from vae_core.data.originals import ORIGINALS, verify

SILENCE = 2.0  # seconds without a byte of a file until its mirror is given up: two that hang hold up a page for 4
PATIENCE = 120.0  # seconds for a whole download
RETRY = 60.0  # seconds before a mirror that kept us waiting is tried again


def from_mirrors(
    name: str, progress: Callable[[float, str], object] | None, again: bool
) -> tuple[dict[str, np.ndarray], str]:
    """The checked arrays, and the mirror that gave the last of them. DataError says which failed, and why.

    A mirror that fails is not asked again. If we waited in vain, nobody asks for RETRY seconds but with `again`.
    """
    known, failed = ORIGINALS[name], cache_folder() / f"{name}.unreachable"
    try:  # another process or page has just waited in vain: do not wait again
        if not again and time.time() - failed.stat().st_mtime < RETRY:
            raise DataError(failed.read_text("utf-8", "replace"))
    except OSError:
        pass
    start, mirrors, why, arrays = time.monotonic(), list(known.mirrors), [], {}
    total = sum(math.prod(shape) for shape in FILES.values())
    for stem, shape in FILES.items():
        done = sum(a.size for a in arrays.values())

        def report(fraction: float) -> None:
            if progress:
                share = min((done + fraction * math.prod(shape)) / total, 1.0)
                progress(share, f"Downloading {known.title}: {share:.0%}")

        report(0.0)
        for mirror in list(mirrors):
            host = mirror.split("/")[2]
            try:
                raw = _fetch(f"{mirror}{stem}.gz", report, start + PATIENCE)
                part = read_arrays([(f"{stem}.gz", raw)], host, [stem])
                verify(name, part, host)
                arrays |= part
                break
            except DataError as error:  # a login page of the network instead of the file ends here too
                why.append(f"{host}: {error}")
                mirrors.remove(mirror)
        else:
            reason = "; ".join(why)
            if time.monotonic() - start > 1:
                try_replace(failed, reason.encode())
            raise DataError(reason)
    return arrays, mirrors[0]


def _fetch(url: str, report: Callable[[float], None], deadline: float) -> bytes:
    """Download in a helper thread: a name look-up can hang far beyond any time-out of a socket."""
    parts, stop = queue.SimpleQueue(), threading.Event()

    def read() -> None:
        try:
            with urllib.request.urlopen(url, timeout=SILENCE) as answer:
                size, chunk = int(answer.headers.get("Content-Length") or 0), True
                while chunk and not stop.is_set():
                    chunk = answer.read1(1 << 16)
                    parts.put((chunk, size))
        except Exception as error:  # anything: it is raised again where the caller can see it
            parts.put(error)

    threading.Thread(target=read, daemon=True).start()
    body = bytearray()
    try:
        while True:
            part = parts.get(timeout=SILENCE)
            if isinstance(part, Exception):
                raise DataError(str(getattr(part, "reason", part) or type(part).__name__))
            chunk, size = part
            if not chunk:
                return bytes(body)
            body += chunk
            report(len(body) / size if size else 0.0)
            if len(body) > LIMIT or time.monotonic() > deadline:
                raise DataError("too slow or too large")
    except queue.Empty:
        raise DataError(f"no answer within {SILENCE:g} s") from None
    finally:
        stop.set()
