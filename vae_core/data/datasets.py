"""A data set by its name: found on this machine, downloaded or embedded; and files that a user adds."""

import difflib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from vae_core.data.cache import Stamps, cached, keep
from vae_core.data.digits import enlarged_digits
from vae_core.data.idx import FILES, DataError, has_checksum
from vae_core.data.mirrors import Progress, from_mirrors
from vae_core.data.originals import ORIGINALS, verify
from vae_core.data.reading import looks_useful, read_arrays, stem_of

SUFFIXES = ("", ".gz", ".bz2", ".xz", ".zip")
DATASETS = (*ORIGINALS, "digits")  # the names that load_dataset takes
ADDED = "MNIST's files: IDX, .npz or .csv, or a zip or tar of them"  # what add_files takes, for a label
BY_HAND = "files added by hand"
MOST_SEEN = 1000  # files of a folder that are looked into


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and labels, read-only; memory-mapped wherever the cache folder can be written.

    `source` says where the bytes came from. `banner` is None, or says on the screen that this is not
    the data set that was asked for, why, and how to add it; `name` is that of the images inside.
    """

    name: str
    title: str
    train_images: np.ndarray = field(repr=False)  # (n, 28, 28) uint8, ink is 255
    train_labels: np.ndarray = field(repr=False)  # (n,) uint8
    test_images: np.ndarray = field(repr=False)  # (m, 28, 28) uint8
    test_labels: np.ndarray = field(repr=False)  # (m,) uint8
    source: str
    banner: str | None
    classes: tuple[str, ...]


def load_dataset(name: str = "mnist", *, progress: Progress | None = None, download: bool | None = None) -> Dataset:
    """Load "mnist", "fashion_mnist" or "digits"; without the first two, digits with a banner.

    Looks in NOISE_LAB_DATA, in our cache, where torchvision and Keras keep their copies, then downloads. Only
    NOISE_LAB_DATA may hold other forms than theirs, see `vae_core.data.reading`.
    `progress(fraction, sentence)` is called on the caller's thread (`st.progress(0.0).progress` fits).
    `download`: False never, True always tries, None tries unless NOISE_LAB_OFFLINE is set.
    Raises ValueError for an unknown name, DataError if NOISE_LAB_DATA is set and cannot be used, unless files were
    added by hand.
    Fashion-MNIST may lie in a folder `fashion_mnist` of NOISE_LAB_DATA; if not, the search goes on.
    """
    if name not in DATASETS:
        close = difflib.get_close_matches(str(name).lower(), DATASETS, 1)
        hint = f" did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"unknown data set {name!r};{hint} valid names: {', '.join(DATASETS)}")
    if name == "digits":
        return _digits()
    own = os.environ.get("NOISE_LAB_DATA")
    kept = None
    try:
        files, guessed = _own_files(name, Path(os.path.expanduser(own)).resolve()) if own else ([], False)
        if files:
            return _from_files(name, files, guessed)
    except DataError:
        if not (kept := cached(name)) or kept[1] != BY_HAND:
            raise
    if kept := kept or cached(name):
        return _dataset(name, *kept)
    skipped = []  # copies that were found but are no good, and why
    for folder in _usual_folders(name):
        try:
            if files := _files_in(folder, name):
                return _from_files(name, files)
        except DataError as error:
            skipped.append(str(error))
    if download or (download is None and os.environ.get("NOISE_LAB_OFFLINE", "0") in ("", "0")):
        try:
            arrays, mirror = from_mirrors(name, progress, again=bool(download))
            found = _dataset(name, keep(name, arrays, mirror), mirror)
            return replace(found, source=" Skipped: ".join([found.source, *skipped]))
        except DataError as error:
            why, details = "the download failed", f" No mirror: {error}"
    else:
        why, details = "downloads are switched off", ""
    return _stand_in(name, why, details, skipped)


def add_files(files: Mapping[str, bytes] | Iterable[str | os.PathLike[str]]) -> Dataset:
    """Check files that a user gave (paths, or name -> bytes), keep them in our cache, return the data set.

    In any form that `vae_core.data.reading` knows; MNIST and Fashion-MNIST are told apart by checksum. The next
    `load_dataset` finds them. Raises DataError if they cannot be used.
    """
    named: Iterable[tuple[str, bytes | Path]] = (
        files.items() if isinstance(files, Mapping) else [(str(path), Path(path)) for path in files]
    )
    arrays = read_arrays(named, "what was added")
    labels = arrays["train-labels-idx1-ubyte"]  # the smallest file that tells the sets apart
    name = next((n for n, known in ORIGINALS.items() if has_checksum(labels, known.checksums[1])), "mnist")
    verify(name, arrays, "what was added")
    return _dataset(name, keep(name, arrays, BY_HAND), BY_HAND)


def _paths_in(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir()) if os.path.isdir(folder) else []
    except OSError as error:
        raise DataError(f"{folder} cannot be read ({error.strerror}); check its permissions") from error


def _files_in(folder: Path, name: str) -> list[Path]:
    """The data files in a folder: the four (compressed ones first: they carry their own check) or <name>.npz."""
    four, paths = {}, _paths_in(folder)
    for path in paths:
        stem, (_, idx, suffix) = stem_of(path.name), path.name.partition("-ubyte")
        if stem and idx and suffix in SUFFIXES and path.is_file():
            four[stem] = path
    npz = folder / f"{name}.npz"
    return [npz] if npz in paths and len(four) < len(FILES) else list(four.values())


def _own_files(name: str, folder: Path) -> tuple[list[Path], bool]:
    """The files of NOISE_LAB_DATA, which may also be one file, and whether some are there by what they look like; a
    folder without any is an error for MNIST."""
    if os.path.isfile(folder):
        return ([folder] if name == "mnist" else []), False
    if not os.path.isdir(folder):
        raise DataError(f"NOISE_LAB_DATA is set to {folder}, which does not exist; correct it, or unset it")
    folders = [folder / inner for inner in ORIGINALS[name].folders]
    for inner in folders:
        if files := _files_in(inner, name):
            if len(files) == len(FILES) or files[0].suffix == ".npz":
                return files, False
            return files + [path for path in _useful_in(inner) if path not in files], True  # the others may be renamed
    for inner in folders:
        if files := _useful_in(inner):
            return files, True
    if name == "mnist":
        raise DataError(
            f"NOISE_LAB_DATA is set to {folder}, which holds none of MNIST's files "
            f"({', '.join(FILES)}, .gz or not, mnist.npz, or a .csv or archive of them); put them there, or unset it"
        )
    return [], False


def _useful_in(folder: Path) -> list[Path]:
    """Files under any name that may hold some of MNIST."""
    return [path for path in _paths_in(folder)[:MOST_SEEN] if path.is_file() and looks_useful(path)]


def _usual_folders(name: str) -> Iterator[Path]:
    """Where people already have it: torchvision's `root="data"` and its kin, then Keras."""
    home = Path(os.path.expanduser("~"))
    for root in (Path("data"), Path("../data"), home / "data", home / "datasets", home / ".cache/torchvision"):
        for inner in ORIGINALS[name].folders:
            yield root / inner
    yield Path(os.environ.get("KERAS_HOME") or home / ".keras") / "datasets" / ORIGINALS[name].keras


def _from_files(name: str, files: list[Path], guessed: bool = False) -> Dataset:
    """Read and check files; if the cache was filled from these very files and they are unchanged, map it.

    `guessed`: see `read_arrays`.
    """
    try:
        files = [p.resolve() for p in files]
        stamps: Stamps = [[str(p), p.stat().st_size, p.stat().st_mtime_ns] for p in files]
    except OSError as error:
        raise DataError(f"{files[0].parent} cannot be read ({error.strerror}); check its permissions") from error
    if kept := cached(name, stamps):
        return _dataset(name, *kept)
    where = str(files[0] if len(files) == 1 else files[0].parent)
    arrays = read_arrays([(str(p), p) for p in files], where, guessed=guessed)
    verify(name, arrays, where)
    return _dataset(name, keep(name, arrays, where, stamps), where)


def _dataset(name: str, arrays: Mapping[str, np.ndarray], origin: str) -> Dataset:
    known = ORIGINALS[name]
    source = f"{known.title} ({known.cite}), from {origin}, checksums verified."
    train_images, train_labels, test_images, test_labels = (arrays[stem] for stem in FILES)
    return Dataset(name, known.title, train_images, train_labels, test_images, test_labels, source, None, known.classes)


def _digits() -> Dataset:
    arrays = enlarged_digits()
    for array in arrays:
        array.flags.writeable = False
    source = "8×8 digits (Alpaydin and Kaynak 1998) that come with scikit-learn, enlarged to 28×28."
    return Dataset("digits", "Digits (8×8, enlarged)", *arrays, source, None, tuple("0123456789"))


def _stand_in(name: str, why: str, details: str, skipped: list[str]) -> Dataset:
    """The digits, with the banner that says why they are not the data set that was asked for, and how to add it."""
    title = ORIGINALS[name].title
    inner = "" if name == "mnist" else f"/{ORIGINALS[name].folders[0]}"
    banner = (
        f"{title} was not found on this machine and {why}, so these are 1,797 digits of 8×8 pixels from "
        f"scikit-learn, enlarged to 28×28. To add {title}, drop its files (IDX, .npz, .csv, or an archive of them) "
        f"on the page, or put them into NOISE_LAB_DATA{inner}."
    )
    digits = _digits()
    return replace(digits, banner=" Skipped: ".join([banner, *skipped]), source=digits.source + details)
