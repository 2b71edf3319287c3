"""``python -m tests.fuzz [options of pytest]``: the whole of it, with other inputs each time."""

import os
import sys

import pytest

os.environ["NOISE_LAB_FUZZ"] = "full"
sys.exit(pytest.main(["tests/fuzz", "-n", "0", "-p", "no:cacheprovider", *sys.argv[1:]]))
