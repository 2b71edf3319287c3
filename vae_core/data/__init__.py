"""Data: images and labels, found on this machine, downloaded or embedded, and what users bring along.

A data set has MNIST's format and is one of DATASETS; `load_dataset` says where it looks for one. `reading` takes its
files in the forms that people have: `unpacking` opens archives; `idx`, `npy` and `arrays` read what lies in them. They
are known by `originals`, fetched by `mirrors` and kept mapped by `cache`; `digits` stand in for them. Beside these:
`tables`, a user's own offsets; `drawing`, strokes as an image of MNIST; `untrusted`, caution with files from
elsewhere; `folders`, where we keep things and how files are written whole.

Imports numpy and no other room; never torch, scikit-learn or scipy. Open `datasets` first.
"""

from vae_core.data.datasets import ADDED, DATASETS, Dataset, add_files, load_dataset
from vae_core.data.drawing import DrawingError
from vae_core.data.folders import cache_folder, named_folder, system_folder, try_replace
from vae_core.data.idx import DataError
from vae_core.data.mirrors import Progress
from vae_core.data.tables import TableError

__all__ = [
    "ADDED",
    "DATASETS",
    "DataError",
    "Dataset",
    "DrawingError",
    "Progress",
    "TableError",
    "add_files",
    "cache_folder",
    "load_dataset",
    "named_folder",
    "system_folder",
    "try_replace",
]
