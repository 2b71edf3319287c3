"""What every input must end in: it is taken, or refused in one sentence by an error of the project's own."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings

FULL = os.environ.get("NOISE_LAB_FUZZ") == "full"
LONGEST = 600  # characters of a sentence
INPUTS: dict[str, list[int]] = {}  # kind -> how many were taken and refused


def fuzz(quick: int, full: int):
    """Number of inputs, in the tests' short part and in all of it."""
    return settings(
        max_examples=full if FULL else quick,
        derandomize=not FULL,  # the short part is the same everywhere
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
    )


def verdict(kind: str, take: Callable[[], Any], errors: tuple[type[Exception], ...], folder: Path | None = None) -> Any:
    """What an input gave, or None where it was refused; then the folder is as it was before."""
    before = contents(folder)
    count = INPUTS.setdefault(kind, [0, 0])
    given = refused = None
    try:
        given = take()
    except errors as error:
        refused = error
    if refused is not None:
        assert_sentence(str(refused))
        assert contents(folder) == before, f"left behind by what was refused: {refused}"
        count[1] += 1
        return None
    count[0] += 1
    return given


def assert_sentence(text: str) -> None:
    """One line of plain words, not too long, without the marks of a fault."""
    assert text.strip() and text.isprintable(), repr(text)
    assert len(text) <= LONGEST, f"{len(text)} characters: {text}"
    assert not any(mark in text for mark in ("Traceback", "object at 0x", 'File "', "<class")), text


def contents(folder: Path | None) -> dict[Path, bytes]:
    """All files below a folder."""
    if folder is None:
        return {}
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
