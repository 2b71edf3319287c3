"""States on the disk: when one is due, how many are kept, and which is found again."""

import errno
import os

import pytest

from vae_core.workers.checkpoints import EVERY, KEPT, Checkpoints, newest, states, steps_in


def test_one_is_due_after_so_much_training():
    checkpoints = Checkpoints("anywhere")
    assert not checkpoints.due(0.6 * EVERY) and checkpoints.due(0.6 * EVERY)
    assert not checkpoints.due(0.6 * EVERY)  # from the last one on


def test_of_a_run_without_a_folder_none_is():
    checkpoints = Checkpoints(None)
    assert not checkpoints.due(10 * EVERY)
    checkpoints.write(3, b"state")


def test_many_are_thinned_with_age(tmp_path):
    checkpoints = Checkpoints(tmp_path / "run")
    for step in range(10, 1010, 10):
        checkpoints.write(step, str(step).encode())
    kept = steps_in(tmp_path / "run")
    assert len(kept) == KEPT and kept[0] == 10 and kept[-1] == 1000
    assert kept[-1] - kept[-2] < kept[2] - kept[1]


def test_those_of_an_earlier_worker_count_too(tmp_path):
    for start in (0, 100):
        checkpoints = Checkpoints(tmp_path)
        for step in range(start + 1, start + 11):
            checkpoints.write(step, b"state")
    assert len(steps_in(tmp_path)) == KEPT


def test_the_newest_is_found_among_several_folders(tmp_path):
    own, parent = tmp_path / "own", tmp_path / "parent"
    for step in (10, 30):
        Checkpoints(own).write(step, b"own %d" % step)
    for step in (20, 40):
        Checkpoints(parent).write(step, b"parent %d" % step)
    assert newest([own, parent]) == (40, b"parent 40") and newest([own]) == (30, b"own 30")
    assert newest([own, parent], 35) == (30, b"own 30") and newest([own, parent], 20) == (20, b"parent 20")
    assert newest([own, parent], 9) is None and newest([], 9) is None and newest([tmp_path / "none"]) is None
    assert [step for step, _ in states([own, parent], 35)] == [30, 20, 10]


def test_a_fresh_run_starts_from_none(tmp_path):
    Checkpoints(tmp_path).write(10, b"state")
    assert newest([tmp_path], 0) is None


def test_what_is_no_checkpoint_is_passed_over(tmp_path):
    Checkpoints(tmp_path).write(10, b"state")
    (tmp_path / "20.npz.1.2.tmp").write_bytes(b"half")
    (tmp_path / "notes.npz").write_bytes(b"")
    (tmp_path / "30.npz").mkdir()
    assert newest([tmp_path]) == (10, b"state")


@pytest.mark.parametrize("broken", ["replace", "folder"])
def test_a_full_disk_costs_what_was_to_be_written_and_leaves_nothing(tmp_path, monkeypatch, broken):
    def full(part, path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    folder = tmp_path / "run"
    if broken == "folder":
        folder.write_text("not a folder")
    else:
        Checkpoints(folder).write(10, b"state")
        monkeypatch.setattr("vae_core.data.folders.os.replace", full)
    Checkpoints(folder).write(20, b"state")
    assert broken == "folder" or [path.name for path in folder.iterdir()] == ["10.npz"]
