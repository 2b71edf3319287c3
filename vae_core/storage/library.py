"""Library: runs that are kept on this machine, one folder each, found again after a restart.

All see the shared shelf, the library's folder itself. Below it each visitor has a shelf, named by a secret of that
visitor's; who does not know it sees nothing of what lies there.

An entry is written beside and then renamed, so that other servers and tabs see it whole or not at all. A deleted
one is renamed into ``trash``, and removed from there after 30 days.
"""

import hashlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from vae_core.data import tables
from vae_core.data.folders import named_folder, system_folder, try_replace
from vae_core.data.originals import ORIGINALS
from vae_core.data.untrusted import shown
from vae_core.figures.thumbnail import thumbnail
from vae_core.run.recording import Run, as_checked
from vae_core.storage import archive, inspection

TRASH, ABOUT, PICTURE = "trash", "about.json", "thumbnail.svg"
SHELVES, PASSING = ".shelves", "passing"  # of visitors; of those whose browser keeps no name
DAYS = 30  # that deleted runs are kept, and what nobody can come back to
SECRET = re.compile("[0-9a-f]{32}")
LONGEST_NAME, LONGEST_NOTE = 80, 2000


class LibraryError(ValueError):
    """Something that the library cannot do: one sentence that says why and what to do."""


class About(BaseModel):
    """What about.json holds of an entry."""

    model_config = ConfigDict(frozen=True)

    name: str
    note: str = ""
    saved: AwareDatetime
    dataset: str = ""  # its title
    rule: str = ""  # the last one
    step: int = Field(default=0, ge=0)
    size: int = Field(default=0, ge=0)  # bytes

    @field_validator("saved")
    @classmethod
    def _in_our_time(cls, saved: datetime) -> datetime:
        if not 2000 <= saved.year < 3000:  # at the ends of the calendar other time zones have no date
            raise ValueError("not a time at which a run was saved")
        return saved

    @field_validator("name", "note", "dataset")
    @classmethod
    def _shorten(cls, text: str, info: ValidationInfo) -> str:
        text = "".join(c for c in text if c.isprintable() or c == "\n").strip()
        return text[:LONGEST_NOTE] if info.field_name == "note" else " ".join(text.split())[:LONGEST_NAME]


@dataclass(frozen=True)
class Entry:
    """One card. ``about`` is None where its file was damaged; ``picture`` is SVG, or "" where there is none."""

    id: str
    about: About | None
    picture: str
    deleted: float = 0.0  # when, as `time.time`; 0 while it is in the library

    @property
    def name(self) -> str:
        """What its card is headed."""
        return self.about.name if self.about else f"Damaged entry {self.id}"


def library_folder() -> Path:
    """Where runs are kept: NOISE_LAB_LIBRARY, or the system's place for the data of programs."""
    system = system_folder("Application Support", "XDG_DATA_HOME", ".local/share")
    return named_folder("NOISE_LAB_LIBRARY") or system / "library"


def shelf_folder(secret: str, passing: bool = False) -> Path:
    """Where the runs of one visitor are kept.

    Args:
        secret: 32 hexadecimal digits that this visitor alone knows. The folder's name does not tell them.
        passing: they are forgotten soon, and what is kept there goes after `DAYS`.

    Raises:
        LibraryError: this is no such secret.
    """
    if not SECRET.fullmatch(secret):
        raise LibraryError("There is no shelf of this name. Load the page again.")
    shelves = library_folder() / SHELVES
    return (shelves / PASSING if passing else shelves) / hashlib.sha256(secret.encode()).hexdigest()[:32]


def sweep_passing() -> None:
    """Remove the shelves of visitors who cannot come back, once nothing was put there for `DAYS`."""
    try:
        for path in (library_folder() / SHELVES / PASSING).iterdir():
            if time.time() - path.stat().st_mtime > DAYS * 86400:
                shutil.rmtree(path, ignore_errors=True)
    except OSError:
        pass  # there are none, or another server was faster


class Library:
    """The runs in a folder.

    Args:
        folder: see `library_folder`.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or library_folder()

    # -- looking -----------------------------------------------------------------------------

    def entries(self, query: str = "", titles: Mapping[str, str] | None = None) -> list[Entry]:
        """Those with all words of the query in name, note, data set or rule, newest first.

        Args:
            titles: rule name -> title, which is searched too.
        """
        self._sweep()
        words = query.casefold().split()
        found = []
        for entry in self._entries(self.folder):
            about = entry.about
            fields = [about.note, about.dataset, about.rule, (titles or {}).get(about.rule, "")] if about else []
            text = " ".join([entry.name, *fields]).casefold()
            if all(word in text for word in words):
                found.append(entry)
        return sorted(found, key=lambda e: (e.about is not None and e.about.saved.timestamp(), e.id), reverse=True)

    def trashed(self) -> list[Entry]:
        """Deleted runs that can still be restored, the last one first."""
        self._sweep()
        return sorted(self._entries(self.folder / TRASH), key=lambda entry: entry.deleted, reverse=True)

    @staticmethod
    def _folders(folder: Path) -> list[Path]:
        try:
            return [
                path for path in folder.iterdir() if path.name not in (TRASH,) and path.name[0] != "." and path.is_dir()
            ]
        except FileNotFoundError:
            return []

    def _entries(self, folder: Path) -> Iterator[Entry]:
        """What is there; one that another tab deletes or restores while it is read is read again."""
        for path in self._folders(folder):
            while (before := _moved_at(path)) is not None:
                entry = self._entry(path)
                if entry.about or before == _moved_at(path):
                    yield entry
                    break

    def _entry(self, path: Path) -> Entry:
        try:
            about = About.model_validate_json((path / ABOUT).read_bytes())
        except (OSError, ValidationError):
            about = None
        try:
            picture = (path / PICTURE).read_text(encoding="utf-8") if about else ""
            deleted = path.stat().st_mtime if path.parent.name == TRASH else 0.0
        except (OSError, UnicodeDecodeError):
            picture, deleted = "", 0.0
        return Entry(path.name, about, picture, deleted)

    # -- keeping -----------------------------------------------------------------------------

    def save(self, run: Run, state: bytes | None = None, name: str = "", note: str = "", dataset: str = "") -> str:
        """Keep a recording, with the state to go on from; returns its id.

        Args:
            dataset: title of the data that it was trained on, the recipe's where it is left out.

        Raises:
            LibraryError, RecordingError: it cannot be written; nothing of it is kept.
        """
        with self._new(name or "The run") as part:
            archive.write(part, run, state)
            self._describe(part, run, About(name=name or "Run", note=note, saved=datetime.now(UTC), dataset=dataset))
            id = self._settle(part)
        return id

    def take(self, data: bytes, name: str, check: Callable[[Path, str], object] = inspection.checked) -> str:
        """Keep the run in a zip from elsewhere; returns its id.

        Args:
            name: of the file, for errors, and for the run if it brings none.
            check: looks at the unpacked folder and raises ValueError with a sentence if it is not sound;
                `inspection.checked` where torch is at hand, else something that asks a lane.

        Raises:
            LibraryError, RecordingError: it is refused; nothing of it is kept.
        """
        name = shown(name)
        with self._new(name) as part:
            archive.unpack(data, part, name)
            check(part, name)
            run = Run.open(part, recipe=as_checked)
            try:
                about = About.model_validate_json((part / ABOUT).read_bytes())
            except (OSError, ValidationError):
                about = About(name=Path(name).stem or "Run", saved=datetime.now(UTC))
            self._describe(part, run, about)
            id = self._settle(part)
        return id

    @contextmanager
    def _new(self, name: str) -> Iterator[Path]:
        """A folder that nobody sees yet; it is gone afterwards, unless it was settled."""
        part = self.folder / f".{secrets.token_hex(6)}.part"
        try:
            part.mkdir(parents=True)
            yield part
        except OSError as error:
            raise LibraryError(
                f"{name} could not be kept in {self.folder} ({error.strerror or error}). "
                "Free some space, or set NOISE_LAB_LIBRARY to another folder; nothing else was changed."
            ) from None
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def _settle(self, part: Path) -> str:
        id = part.name.strip(".").removesuffix(".part")
        os.replace(part, self.folder / id)
        return id

    @staticmethod
    def _describe(part: Path, run: Run, about: About) -> None:
        frame = run.frame(run.steps[-1])
        title = ORIGINALS[run.recipe.dataset].title if run.recipe.dataset in ORIGINALS else "Digits"
        size = sum(path.stat().st_size for path in part.rglob("*"))
        measured = {"dataset": about.dataset or title, "rule": frame.rule, "step": frame.step, "size": size}
        about = about.model_copy(update=measured)
        (part / ABOUT).write_text(about.model_dump_json(), encoding="utf-8")
        (part / PICTURE).write_text(thumbnail(frame), encoding="utf-8")

    # -- what is there already ---------------------------------------------------------------

    def open(self, id: str) -> tuple[Run, bytes | None]:
        """The recording, and the state to go on from if there is one; the user's tables are put back.

        Raises:
            LibraryError: there is no such run.
            RecordingError: it is damaged.
        """
        folder = self._existing(id)
        run = Run.open(folder, recipe=as_checked)
        try:
            for path in (folder / "tables").glob("*.npy"):
                tables.store(path)
            path = folder / "state.npz"
            return run, path.read_bytes() if path.exists() else None
        except (OSError, tables.TableError) as error:
            raise LibraryError(f"A file of this run cannot be read ({error}).") from None

    def zip(self, id: str) -> bytes:
        """The whole run as one file, see `vae_core.storage.archive`."""
        return archive.pack(self._existing(id))

    def edit(self, id: str, name: str, note: str) -> None:
        """Give a run another name and note; an empty name leaves the old one."""
        folder = self._existing(id)
        about = self._entry(folder).about
        if about is None:
            raise LibraryError("The name of this run cannot be read; delete it.")
        about = About(**{**about.model_dump(), "name": name.strip() or about.name, "note": note})
        if not try_replace(folder / ABOUT, about.model_dump_json().encode()):
            raise LibraryError(f"The name could not be written to {self.folder}. Free some space; nothing was changed.")

    def delete(self, id: str) -> None:
        """Move a run to the trash."""
        self._move(self._existing(id), self.folder / TRASH / id)

    def restore(self, id: str) -> None:
        """Move a run back from the trash."""
        self._move(self._existing(id, self.folder / TRASH), self.folder / id)

    def _existing(self, id: str, folder: Path | None = None) -> Path:
        path = (folder or self.folder) / id
        if not id.isalnum() or not path.is_dir():
            raise LibraryError("This run is no longer there; another tab may have deleted it.")
        return path

    @staticmethod
    def _move(source: Path, target: Path) -> None:
        try:
            target.parent.mkdir(exist_ok=True)
            os.replace(source, target)
            os.utime(target)  # when it was deleted
        except OSError as error:
            raise LibraryError(f"The run could not be moved ({error.strerror or error}); it stays as it was.") from None

    def _sweep(self) -> None:
        """Remove what was deleted long ago, and what a crash has left half written."""
        for folder, days in ((self.folder / TRASH, DAYS), (self.folder, 1)):
            for path in folder.iterdir() if folder.is_dir() else ():
                try:
                    old = time.time() - path.stat().st_mtime > days * 86400
                except OSError:
                    continue  # another server was faster
                if old and (folder.name == TRASH or path.name.endswith(".part")):
                    shutil.rmtree(path, ignore_errors=True)


def _moved_at(path: Path) -> tuple[int, int] | None:
    """Changes whenever a folder is moved; None if it is not there."""
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_mtime_ns, about.st_ctime_ns
