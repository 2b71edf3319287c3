"""Random damage to a run's zip: a sentence, or nothing that counts."""

import io
import os
import random
import shutil
import zipfile

import pytest

from tests.storage.test_archive import (
    RUN,
    STATE,
    ZIP,
    changed,
    same,
)
from vae_core.run.recording import RecordingError, Run
from vae_core.storage.library import Library


@pytest.mark.parametrize("seed", range(4))
def test_random_damage_is_a_sentence_or_changes_nothing(tmp_path, seed):
    """Fifty places each: a byte flipped, a part cut out, the end cut off, bytes put in."""
    random.seed(seed)
    library = Library(tmp_path / "library")
    harmless = 0
    for _ in range(50):
        data, at = bytearray(ZIP), random.randrange(len(ZIP))
        if random.random() < 0.5:  # the directory is a small part of a zip, and the one with most to say
            with zipfile.ZipFile(io.BytesIO(ZIP)) as zipped:
                at = random.randrange(zipped.start_dir, len(ZIP))
        kind = random.choice(["flip", "flip", "flip", "cut", "truncate", "insert"])
        if kind == "flip":
            data[at] ^= 1 << random.randrange(8)
        elif kind == "cut":
            del data[at : at + random.randrange(1, 200)]
        elif kind == "truncate":
            del data[at:]
        else:
            data[at:at] = os.urandom(random.randrange(1, 20))
        try:
            id = library.take(bytes(data), "run.zip")
        except RecordingError as error:
            assert "\n" not in str(error) and not list(library.folder.iterdir()), (kind, at)  # noqa: PT017  # it may also do no harm
        else:
            harmless += 1
            assert same(Run.open(library.folder / id), RUN), (kind, at)
            assert (library.folder / id / "state.npz").read_bytes() == STATE, (kind, at)
            shutil.rmtree(library.folder / id)
    assert harmless < 50


@pytest.mark.parametrize("part", ["run.json", "frames/000000008.frame", "state.npz"])
def test_random_damage_inside_sound_zips(tmp_path, part):
    """What a checksum would have told is made whole again: only the look inside is left."""
    random.seed(part)
    with zipfile.ZipFile(io.BytesIO(ZIP)) as zipped:
        good = zipped.read(part)
    library = Library(tmp_path / "library")
    for _ in range(40):
        bad = bytearray(good)
        for _ in range(random.choice([1, 1, 5])):
            bad[random.randrange(min(len(bad), random.choice([300, 3000, len(bad)])))] = random.randrange(256)
        data = changed(lambda files: files.update({part: bytes(bad)}))  # noqa: B023  # called at once
        try:
            id = library.take(data, "run.zip")
        except RecordingError as error:
            assert "\n" not in str(error) and not list(library.folder.iterdir())  # noqa: PT017  # it may also do no harm
        else:
            shutil.rmtree(library.folder / id)
