"""The codes of rooms, which are read from a projector and typed on a phone."""

import os
import secrets

ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # without 0, 1, I, L and O, which look alike on a projector
LENGTH = 6  # 31⁶ = 900 million codes


def draw() -> str:
    """A code that cannot be guessed. Of several servers behind a proxy, each has first letters of its own, by which the
    proxy finds the room (``NOISE_LAB_ROOMS``; letters that no code has do not count)."""
    return "".join(secrets.choice(letters) for letters in (first_letters(), *[ALPHABET] * (LENGTH - 1)))


def first_letters() -> str:
    """Those of this server's codes."""
    own = os.environ.get("NOISE_LAB_ROOMS", "")
    return "".join(letter for letter in ALPHABET if letter in own) or ALPHABET


def spelled(text: str) -> str:
    """A code as it is, however it was typed: "abc 234", "ABC-234"."""
    return "".join(letter for letter in text.upper() if letter.isalnum())
