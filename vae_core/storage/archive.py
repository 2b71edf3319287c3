"""Archive: a whole run as a folder and as one zip, of which no path, link or size is trusted.

The folder is that of `Run.save` (run.json, frames/), with state.npz, from which training goes on (`Trainer.state`),
tables/, the user's own offsets, and about.json, its name and note in a library.
"""

import io
import re
import stat
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from vae_core.data import tables
from vae_core.data.untrusted import entries, shown
from vae_core.run.recording import RecordingError, Run

LIMIT = 160 * 2**20  # bytes, packed and unpacked; more than a recording's frames may have
MOST_FILES = 20_000
MOST_STATE = 32 * 2**20  # a larger state is left out: the run is then trained again from its recipe
KEY = "[0-9a-f]{12}"  # of a table
PARTS = re.compile(rf"run\.json|about\.json|state\.npz|frames/\d{{9,12}}\.frame|tables/{KEY}\.npy")
LITTER = re.compile(r"__MACOSX/.*|(.*/)?(\.DS_Store|Thumbs\.db|thumbnail\.svg)")


def write(folder: Path, run: Run, state: bytes | None = None) -> None:
    """Write a run to a folder, with the state to go on from and the user's tables that it asks for.

    Raises:
        RecordingError, OSError: it cannot be written.
    """
    run.save(folder)
    if state and len(state) <= MOST_STATE:
        (folder / "state.npz").write_bytes(state)
    for key in own_tables(run):
        if tables.path_of(key).is_file():
            (folder / "tables").mkdir(exist_ok=True)
            (folder / "tables" / f"{key}.npy").write_bytes(tables.path_of(key).read_bytes())


def own_tables(run: Run) -> set[str]:
    """Names of the user's tables that the recipe or an event asks for."""
    knobs = [run.recipe.knobs, *(event.knobs for event in run.events)]
    keys = {str(k.get("table")) for k in knobs if k.get("f") == "own_table"}
    return {key for key in keys if re.fullmatch(KEY, key)}


def packed(run: Run, state: bytes | None = None) -> bytes:
    """A run that lies in no folder as a zip.

    Raises:
        RecordingError: there is no room for temporary files.
    """
    try:
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder), run, state)
            return pack(Path(folder))
    except OSError as error:
        raise RecordingError(f"The zip cannot be made ({error.strerror or error}). Free some space.") from None


def pack(folder: Path) -> bytes:
    """A run's folder as a zip; the same folder always gives the same bytes.

    Weights and codes hardly shrink (4 % of a frame, in 15 times the time): only the JSON is compressed.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            if PARTS.fullmatch(name := path.relative_to(folder).as_posix()):
                kind = zipfile.ZIP_DEFLATED if path.suffix == ".json" else zipfile.ZIP_STORED
                archive.writestr(zipfile.ZipInfo(name), path.read_bytes(), kind)
    return buffer.getvalue()


def unpack(data: bytes, folder: Path, name: str) -> None:
    """Write a zip's files into a folder: those of a run and no others, after all names and sizes were checked.

    The run may lie in a folder of its own inside the zip.

    Raises:
        RecordingError: in one sentence, what is wrong with the zip.
        OSError: the folder cannot be written.
    """
    name = shown(name)
    if len(data) > LIMIT:
        raise RecordingError(f"{name} has {len(data) >> 20:,} MB; the zip of a run may have {LIMIT >> 20} MB.")
    if (files := entries(data)) > MOST_FILES:
        raise RecordingError(f"{name} holds {files:,} files; the zip of a run has at most {MOST_FILES:,}.")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        end = data.rfind(b"PK\x05\x06") + 10
        if int.from_bytes(data[end : end + 2], "little") != len(archive.infolist()):
            raise damaged(name)  # zipfile does not notice that a damaged directory has lost an entry
        members = parts_of(archive.infolist(), name)
    except RecordingError:
        raise
    except Exception:  # zipfile lets those of struct, of its decoders and of its own arithmetic through
        raise damaged(name) from None
    for path, member in members.items():
        try:
            with archive.open(member) as file:
                content = file.read(member.file_size + 1)
            if len(content) != member.file_size:
                raise zipfile.BadZipFile
        except Exception:  # BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError (a password) …
            raise damaged(name) from None
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def damaged(name: str) -> RecordingError:
    """The error for bytes that are no whole zip."""
    return RecordingError(f"{name} is not a whole zip file; copy or export it again.")


def parts_of(members: list[zipfile.ZipInfo], name: str) -> dict[str, zipfile.ZipInfo]:
    """Path inside the run -> member; all of a zip's members must be parts of one run."""
    if (size := sum(member.file_size for member in members)) > LIMIT:
        raise RecordingError(f"{name} unpacks to {size / 2**20:,.0f} MB; a run has at most {LIMIT >> 20} MB.")
    for member in members:
        path = PurePosixPath(member.filename)
        if path.is_absolute() or ".." in path.parts or re.search(r"[\\:\x00]", member.orig_filename):
            raise RecordingError(f"{name} holds {member.filename[:80]!r}, which leads out of its folder; refused.")
        if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise RecordingError(f"{name} holds a link, {member.filename[:80]!r}; zip the files themselves.")
    files = [m for m in members if not m.is_dir() and not LITTER.fullmatch(m.filename)]
    roots = [m.filename.removesuffix("run.json") for m in files if re.fullmatch(r"([^/]+/)?run\.json", m.filename)]
    if len(roots) != 1:
        found = "no run.json" if not roots else f"{len(roots)} runs"
        raise RecordingError(f"{name} holds {found}; zip the folder of one run.")
    parts: dict[str, zipfile.ZipInfo] = {}
    for member in files:
        part = member.filename.removeprefix(roots[0])
        if not PARTS.fullmatch(part) or not member.filename.startswith(roots[0]):
            raise RecordingError(f"{name} holds {member.filename[:80]!r}, which is no part of a run; take it out.")
        if part in parts:
            raise RecordingError(f"{name} holds {part} twice; export the run again.")
        parts[part] = member
    return parts
