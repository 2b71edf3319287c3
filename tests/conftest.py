"""Shared by all tests: where the data is, and small recipes that train in moments."""

import os
import tempfile
import time
from collections.abc import Callable

os.environ.setdefault("NOISE_LAB_OFFLINE", "1")  # tests never download
os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads that spin make tests crawl on a busy machine
os.environ.setdefault("NOISE_LAB_LIBRARY", tempfile.mkdtemp(prefix="noise-lab-library-"))  # not the user's own
os.environ.setdefault("NOISE_LAB_STORE", tempfile.mkdtemp(prefix="noise-lab-store-"))

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from vae_core.run.recipe import Recipe


def small(**fields) -> Recipe:
    """A recipe on the embedded digits: 4,000 steps a second."""
    return Recipe(**{"dataset": "digits", "hidden": (32,), "batch_size": 64, **fields})


HEAVY = ("tests/browser/", "tests/homes/", "tests/benchmarks/")  # they want the processors for themselves


class Sharing(LoadFileScheduling):
    """A file stays with one process, since it starts its servers once; what drives browsers is one file's worth."""

    def _split_scope(self, nodeid: str) -> str:
        return "heavy" if nodeid.startswith(HEAVY) else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Sharing:
    """Two browsers at once make each other late."""
    return Sharing(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first."""
    items.sort(key=lambda item: not item.nodeid.startswith(HEAVY))


@pytest.fixture
def mnist() -> str:
    """For tests that need the real thing."""
    if "NOISE_LAB_DATA" not in os.environ:
        pytest.skip("set NOISE_LAB_DATA to a folder with MNIST's four files")
    return "mnist"


LEAST = 60.0  # seconds; a busy machine may take ten times as long, and a limit is reached only when something is wrong


def wait_until(true: Callable[[], bool], timeout: float = LEAST) -> bool:
    """Whether something becomes true in time, which is never less than `LEAST`."""
    end = time.monotonic() + max(timeout, LEAST)
    while not true() and time.monotonic() < end:
        time.sleep(0.005)
    return true()
