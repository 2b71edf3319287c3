"""What is common to files from elsewhere."""

import io
import zipfile

from vae_core.data.untrusted import entries, reason, shown


def test_entries_of_a_zip_are_counted_without_reading_it():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(300):
            archive.writestr(f"{number}", b"some text")
    assert entries(buffer.getvalue()) == 300 and entries(b"") == 0


def test_names_are_shown_in_one_line():
    assert shown("Zahlen für Übung 3.npz") == "Zahlen für Übung 3.npz" and shown("") == "the file"
    assert shown("a\nb\x00\u202ec.npy") == "a?b??c.npy"
    assert shown("x" * 5000 + "/t.npy") == "x" * 194 + "/t.npy"


def test_reasons_are_one_line_without_what_only_programmers_read():
    assert reason(ValueError("first\nsecond")) == "first"
    assert reason(ValueError("node <ast.Name object at 0x7f7170462580> is bad")) == "node … is bad"
    assert reason(KeyError()) == "KeyError" and reason(ValueError("y" * 300)) == "y" * 200 + "…"
