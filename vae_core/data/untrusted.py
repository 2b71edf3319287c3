"""Caution with files and words from elsewhere, of whatever kind: what may be opened, what may be shown."""

import re
from typing import IO

ENTRY = b"PK\x01\x02"


def entries(data: bytes) -> int:
    """How many entries the directory of a zip may have.

    zipfile makes an object of each before anybody can count them, so that a directory alone could fill the memory.
    Each begins with this mark; in a file's contents it is too rare to count.
    """
    return data.count(ENTRY)


def entries_in(file: IO[bytes]) -> int:
    """The same of an open file, which is read in parts; it is then at its start again."""
    count, before = 0, b""
    file.seek(0)
    while part := file.read(1 << 20):
        count += (before + part).count(ENTRY)
        before = part[-3:]  # too short for a whole mark: none is counted twice
    file.seek(0)
    return count


def shown(name: str) -> str:
    """The name of a file for a sentence: its end, without what cannot be printed."""
    return printable(name[-200:]) or "the file"


def printable(text: str) -> str:
    """The text on one line, a question mark for what cannot be printed."""
    return "".join(c if c.isprintable() else "?" for c in text)


def reason(error: Exception, longest: int = 200) -> str:
    """What a reader of files complained about, for a sentence: one line, without what only programmers read."""
    text = re.sub("<[^<>]* object at [^<>]*>", "…", str(error).split("\n")[0])
    return printable(text if len(text) <= longest else text[:longest] + "…") or type(error).__name__
