"""Studies: figures of a lesson that take hours to measure, with what was measured. Nothing here imports torch.

A study is a module with a `cells` (what has to be measured, in an order in which the table fills up evenly) and a
`measure` (one cell -> its row); `CELL` and `FIGURES` name the parts of a row, beside the seed. `run` writes each row as
it comes, and goes on where it stopped. The package's own rows lie in ``measured/``; start with `sizes`.
"""

import importlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from vae_core.storage.export import write

MEASURED = Path(__file__).parent / "measured"

Row = dict[str, Any]


@dataclass(frozen=True)
class Study:
    """A figure that takes hours.

    Attributes:
        question: 1 to 7, the lesson that it belongs to.
        title, words: above the figure and below it, Markdown.
    """

    question: int
    title: str
    words: str


STUDIES = {
    "sizes": Study(
        6,
        "From 20 to 60,000 training images",
        "Both rules, trained for 2,560 steps and looked at on the way; bars reach from the lowest seed to the highest. "
        "*At the end* the VAE is ahead wherever images are few. *Stopped at its best step* the autoencoder "
        "reconstructs unseen images about as well, and under its own best prior it is about as good a generative "
        "model, or a better one: on few images the noise does what stopping early does. Under N(0, I) the VAE is "
        "ahead at every size. Reconstruction turns first, log p(x) not before it.",
    ),
    "moved": Study(
        6,
        "One horse: images moved by a pixel, or turned a little",
        "Does a code say what an image shows? Of 100 other unseen images, how many have codes nearer to an image's "
        "code than the code of the same image, moved. After more training images the typical code moves less, by far "
        "where the image is shifted. The tail stays: one image in a hundred passes dozens of others under both rules, "
        "however many images there were. Between them, at the 75th and the 90th percentile, the VAE's codes move less "
        "than the autoencoder's.",
    ),
    "dimensions": Study(
        5,
        "Beyond the plane",
        "The same networks with 2, 8 and 32 latent dimensions after 4,000 steps, trained gently (a peak rate of 0.002, "
        "the KL warmed up over 2,000 steps) or as on the plane. log p(x) is estimated by importance sampling around "
        "two peaks of each image's posterior: in expectation a lower bound, and with 32 dimensions few of its 1,000 "
        "draws count. *What survives:* under N(0, I) the autoencoder is the worst with any number of dimensions, and "
        "under a mixture fitted to its codes about as good as the VAE, or better. Matched moments are as good as the "
        "VAE with eight. With 32 a batch of 192 tells little about moments, and the VAE that was trained gently is "
        "ahead; trained as on the plane it leaves most of its dimensions unused. Of samples of the VAE the classifier "
        "is surer than of the autoencoder's, and as sure as of matched moments', or surer.",
    ),
}


def rows(name: str, path: Path | None = None) -> list[Row]:
    """What was measured, each row a cell and its figures; empty if nothing was."""
    path = path or MEASURED / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def run(name: str, path: Path, seeds: int, told: Callable[[float, str], object] = lambda share, cell: None) -> None:
    """Measure what is not in the file yet, and write each row as it comes.

    Args:
        seeds: runs of each cell.
        told: is called with the share that is done and the next cell in words.

    Raises:
        ExportError: the file cannot be written.
    """
    study: ModuleType = importlib.import_module(f"vae_core.teaching.studies.{name}")
    found = rows(name, path)
    known = [cell_of(row, study.CELL) for row in found]
    wanted = [cell for seed in range(seeds) for cell in with_seed(study.cells(), seed)]
    for done, cell in enumerate(wanted):
        told(done / len(wanted), ", ".join(map(str, cell.values())))
        if cell not in known:
            found.append({**cell, **study.measure(**cell)})
            write(path, ("[\n" + ",\n".join(json.dumps(row) for row in found) + "\n]\n").encode())


def is_of(name: str, row: Any) -> bool:
    """Whether something is a row of a study, with some or all of its figures."""
    study: ModuleType = importlib.import_module(f"vae_core.teaching.studies.{name}")
    cell = {*study.CELL, "seed"}
    return isinstance(row, dict) and cell <= row.keys() <= cell | {*study.FIGURES}


def with_seed(cells: Iterator[Row], seed: int) -> Iterator[Row]:
    """The cells of one seed."""
    return ({**cell, "seed": seed} for cell in cells)


def cell_of(row: Row, names: tuple[str, ...]) -> Row:
    """The part of a row that says what was measured."""
    return {name: row[name] for name in (*names, "seed")}
