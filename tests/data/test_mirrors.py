"""Downloads: which mirror is asked, what is refused, how long a page waits. No test touches the network."""

import gzip
import io
import os
import threading
import time
import urllib.error
import urllib.request

import pytest

from tests import small_sets
from tests.small_sets import assert_holds, flip, idx
from vae_core.data import cache_folder, load_dataset, mirrors
from vae_core.data.originals import ORIGINALS

place, asked, tiny = small_sets.place, small_sets.asked, small_sets.tiny


class Answer(io.BytesIO):
    """What urlopen returns."""

    def __init__(self, body, size=None):
        super().__init__(body)
        self.headers = {"Content-Length": str(len(body) if size is None else size)}


def serve(monkeypatch, reply):
    """Let `reply(url)` answer: bytes, or an exception to raise. Returns the list of addresses asked for."""
    urls = []

    def urlopen(url, timeout):
        urls.append(url)
        answer = reply(url)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Answer) else Answer(answer)

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    return urls


def original(arrays):
    return lambda url: gzip.compress(idx(arrays[url.rsplit("/", 1)[1].removesuffix(".gz")]))


def test_without_network_digits_with_a_banner_at_once(tiny, place, asked):
    start = time.perf_counter()
    found = load_dataset("mnist")
    assert time.perf_counter() - start < 1
    assert found.name == "digits" and found.train_images.shape == (1500, 28, 28)
    for words in ("MNIST was not found", "Name or service not known", "8×8", ".npz", "NOISE_LAB_DATA"):
        assert words in found.banner + found.source
    assert [url.split("/")[2] for url in asked] == ["ossci-datasets.s3.amazonaws.com", "storage.googleapis.com"]
    load_dataset("mnist")
    assert len(asked) == 4  # it failed at once, so asking again costs nothing
    fashion = load_dataset("fashion_mnist")
    assert fashion.name == "digits" and "Fashion-MNIST was not found" in fashion.banner
    assert "NOISE_LAB_DATA/fashion_mnist" in fashion.banner


@pytest.mark.parametrize(
    ("env", "argument", "tries"),
    [
        ("1", None, False),
        ("0", None, True),
        ("", None, True),
        (None, None, True),
        (None, False, False),
        ("1", True, True),
    ],
)
def test_when_a_download_is_tried(tiny, asked, monkeypatch, env, argument, tries):
    if env is not None:
        monkeypatch.setenv("NOISE_LAB_OFFLINE", env)
    found = load_dataset(download=argument)
    assert bool(asked) == tries
    assert ("the download failed" if tries else "downloads are switched off") in found.banner


def test_download_with_progress_then_from_the_cache(tiny, monkeypatch):
    urls, seen, threads = serve(monkeypatch, original(tiny["mnist"])), [], set()

    def progress(share, sentence):
        seen.append((share, sentence))
        threads.add(threading.current_thread())

    found = load_dataset(progress=progress)
    assert_holds(found, tiny["mnist"])
    assert "ossci-datasets" in found.source and found.banner is None
    assert len(urls) == 4 and threads == {threading.current_thread()}
    shares = [share for share, _ in seen]
    assert shares[0] == 0 and shares[-1] == 1 and shares == sorted(shares) and len(shares) >= 8
    assert seen[-1][1] == "Downloading MNIST: 100%"
    assert_holds(load_dataset(progress=progress), tiny["mnist"])
    assert len(urls) == 4 and len(seen) == len(shares)


@pytest.mark.parametrize(
    "broken",
    [
        lambda good: urllib.error.HTTPError("", 404, "Not Found", {}, None),
        lambda good: ConnectionResetError("reset"),
        lambda good: Answer(good[: len(good) // 2], size=len(good)),
        lambda good: b"<html>Please log in to the network</html>",
        lambda good: gzip.compress(flip(gzip.decompress(good))),
        lambda good: b"",
    ],
    ids=["404", "reset", "half", "login page", "wrong bytes", "nothing"],
)
@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_second_mirror_helps_when_the_first_is_broken(tiny, monkeypatch, broken, name):
    first, second = ORIGINALS[name].mirrors
    good = original(tiny[name])
    urls = serve(monkeypatch, lambda url: broken(good(url)) if url.startswith(first) else good(url))
    found = load_dataset(name)
    assert_holds(found, tiny[name])
    assert second in found.source
    assert [u.startswith(first) for u in urls] == [True] + [False] * 4  # a bad mirror is asked once
    serve(monkeypatch, lambda url: broken(good(url)))
    for path in cache_folder().iterdir():
        path.unlink()
    assert load_dataset(name).name == "digits"  # both broken: nothing wrong is ever kept
    assert not list(cache_folder().glob("*.npy"))


def test_network_that_hangs_holds_a_page_up_for_4_seconds():
    for original in ORIGINALS.values():
        assert len(original.mirrors) * mirrors.SILENCE <= 4


def test_mirror_that_hangs_costs_a_bounded_time_and_once(tiny, place, monkeypatch):
    monkeypatch.setattr(mirrors, "SILENCE", 0.6)
    release = threading.Event()
    urls = serve(monkeypatch, lambda url: release.wait(20) and OSError("late"))  # as a name look-up that hangs
    start = time.perf_counter()
    found = load_dataset()
    took = time.perf_counter() - start
    assert 1.1 < took < 3 and "no answer within 0.6 s" in found.source and len(urls) == 2
    start = time.perf_counter()
    assert "no answer within 0.6 s" in load_dataset().source  # the next page does not wait again
    assert time.perf_counter() - start < 0.5 and len(urls) == 2
    serve(monkeypatch, original(tiny["mnist"]))
    assert_holds(load_dataset(download=True), tiny["mnist"])  # unless asked to
    release.set()


def test_mirror_that_hangs_is_tried_again_after_a_while(tiny, monkeypatch):
    cache_folder().mkdir()
    failed = cache_folder() / "mnist.unreachable"
    failed.write_text("nobody answered")
    urls = serve(monkeypatch, original(tiny["mnist"]))
    assert "nobody answered" in load_dataset().source and urls == []
    os.utime(failed, (time.time() - mirrors.RETRY - 5,) * 2)
    assert_holds(load_dataset(), tiny["mnist"])


def test_mirror_that_stalls_or_drips(tiny, monkeypatch):
    monkeypatch.setattr(mirrors, "SILENCE", 0.3)
    monkeypatch.setattr(mirrors, "PATIENCE", 0.5)
    first, _ = ORIGINALS["mnist"].mirrors

    class Slow(Answer):
        pauses = 0.2

        def read1(self, size):
            time.sleep(self.pauses)
            return super().read1(10)

    good = original(tiny["mnist"])
    # the headers in time, the first byte in time after them, but not both together
    serve(monkeypatch, lambda url: time.sleep(0.2) or Slow(good(url)) if url.startswith(first) else good(url))
    found = load_dataset()
    assert_holds(found, tiny["mnist"])
    assert first not in found.source
    for path in cache_folder().iterdir():
        path.unlink()
    Slow.pauses = 0.05
    serve(monkeypatch, lambda url: Slow(good(url)))
    start = time.perf_counter()
    assert "too slow or too large" in load_dataset().source
    assert time.perf_counter() - start < 3


def test_endless_answer_is_cut(tiny, monkeypatch):
    monkeypatch.setattr(mirrors, "LIMIT", 1 << 20)

    class Endless(Answer):
        def read1(self, size):
            return b"x" * size

    serve(monkeypatch, lambda url: Endless(b"", size=0))
    assert "too slow or too large" in load_dataset().source


def test_an_error_in_the_progress_callback_is_the_callers(tiny, monkeypatch):
    serve(monkeypatch, original(tiny["mnist"]))

    def stop(share, sentence):
        raise KeyError("the page was closed")

    with pytest.raises(KeyError, match="the page was closed"):
        load_dataset(progress=stop)
