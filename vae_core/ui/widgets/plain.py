"""Text of users where Markdown is read."""

import re


def plain(text: str) -> str:
    """Text that is shown as it is, where Markdown is read."""
    return re.sub(r"([\\`*_{}\[\]()<>#+.!|~:$&-])", r"\\\1", text)
