"""Whoever runs the server: known by the token in NOISE_LAB_ADMIN_TOKEN. Without one, the server belongs to who uses it
on the machine itself."""

import hmac
import os
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

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


def at_the_machine(address: str | None, headers: Mapping[str, str]) -> bool:
    """Whether a browser runs on the machine of the server, by all that its connection says: a proxy there, through
    which others come, tells of them in a header, or their browser names another host.

    Args:
        address: where the connection comes from; None if that is the machine itself.
    """
    passed_on = any(headers.get(name) for name in ("X-Forwarded-For", "X-Real-Ip", "Forwarded", "Via"))
    try:
        hosts = [urlsplit(f"//{headers.get('Host') or 'localhost'}").hostname, address or "localhost"]
        if origin := headers.get("Origin"):
            hosts.append(urlsplit(origin).hostname)
    except ValueError:  # no address at all
        return False
    return not passed_on and all(is_loopback(host or "") for host in hosts)


def is_loopback(host: str) -> bool:
    """Whether a host's name means the machine itself."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
