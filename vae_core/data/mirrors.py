"""Download from the mirrors of a data set, and give up soon where no network answers.

By hand, since requests and what is built on it (pooch) bound neither a name look-up nor an answer that drips.
"""

import math
import queue
import threading
import time
import urllib.request
from collections.abc import Callable
from functools import partial

import numpy as np

from vae_core.data.folders import cache_folder, try_replace
from vae_core.data.idx import FILES, DataError
from vae_core.data.originals import ORIGINALS, verify
from vae_core.data.reading import LIMIT, read_arrays

SILENCE = 2.0  # seconds without a byte of a file until its mirror is given up: two that hang hold up a page for 4
PATIENCE = 120.0  # seconds for a whole download
RETRY = 60.0  # seconds before a mirror that kept us waiting is tried again

Progress = Callable[[float, str], object]  # is told the share that is done, and a sentence; on the caller's thread


def from_mirrors(name: str, progress: Progress | None, again: bool) -> tuple[dict[str, np.ndarray], str]:
    """The checked arrays, and the mirror that gave the last of them. DataError says which failed, and why.

    A mirror that fails is not asked again. If we waited in vain, nobody asks for RETRY seconds but with `again`.
    """
    known, failed = ORIGINALS[name], cache_folder() / f"{name}.unreachable"
    try:  # another process or page has just waited in vain: do not wait again
        if not again and time.time() - failed.stat().st_mtime < RETRY:
            raise DataError(failed.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        pass
    start, mirrors, why = time.monotonic(), list(known.mirrors), []
    arrays: dict[str, np.ndarray] = {}
    total = sum(math.prod(shape) for shape in FILES.values())

    def report(done: int, size: int, fraction: float) -> None:
        if progress:
            share = min((done + fraction * size) / total, 1.0)
            progress(share, f"Downloading {known.title}: {share:.0%}")

    for stem, shape in FILES.items():
        report_part = partial(report, sum(a.size for a in arrays.values()), math.prod(shape))
        report_part(0.0)
        for mirror in list(mirrors):
            host = mirror.split("/")[2]
            try:
                raw = _fetch(f"{mirror}{stem}.gz", report_part, start + PATIENCE)
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
    parts: queue.SimpleQueue[tuple[bytes, int] | Exception] = queue.SimpleQueue()
    stop = threading.Event()

    def read() -> None:
        try:
            with urllib.request.urlopen(url, timeout=SILENCE) as answer:
                size = int(answer.headers.get("Content-Length") or 0)
                while not stop.is_set():
                    parts.put((chunk := answer.read1(1 << 16), size))
                    if not chunk:
                        break
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
