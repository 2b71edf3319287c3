"""Whoever runs a class: known by the token in NOISE_LAB_ADMIN_TOKEN. Without one there is no such person."""

import hmac
import os

TOKEN = "NOISE_LAB_ADMIN_TOKEN"
SHORTEST = 16  # characters of a token


def has_token() -> bool:
    """Whether the server has a token.

    Raises:
        SystemExit: it could be guessed, with a sentence: nobody counts wrong guesses.
    """
    token = os.environ.get(TOKEN, "")
    if 0 < len(token) < SHORTEST:
        raise SystemExit(f"{TOKEN} should have at least {SHORTEST} characters; it has {len(token)}.")
    return bool(token)


def is_token(text: str) -> bool:
    """Whether a text is the server's token, in a time that does not tell how much of it is right."""
    return has_token() and hmac.compare_digest(os.environ[TOKEN].encode(), text.encode(errors="surrogatepass"))
