"""How a script is filled in: lines that are kept for some values alone, and values in their places."""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any


class ScriptError(ValueError):
    """A script that cannot be: one sentence that says why, and what to change."""


class Code(str):
    """Text that goes into a script as it is, not as a string."""

    __repr__ = str.__str__


def kept(lines: Iterable[str], values: Mapping[str, Any]) -> Iterator[str]:
    """The lines whose conditions ``#: if``, ``#: elif``, ``#: else`` hold, up to ``#: end``."""
    stack: list[tuple[bool, bool]] = []  # of each open condition: does it hold, has a part of it held
    for line in lines:
        word, _, condition = line.strip().removeprefix("#: ").partition(" ")
        if not line.strip().startswith("#: ") or word not in ("if", "elif", "else", "end"):
            if all(holds for holds, _ in stack) and not line.startswith("# ruff:"):
                yield line
            continue
        held = False if word == "if" else stack.pop()[1]
        if word != "end":
            holds = not held and all(outer for outer, _ in stack)
            # The conditions are our own files' words; what comes from outside is their values alone.
            holds = holds and (word == "else" or bool(eval(condition, {}, dict(values))))
            stack.append((holds, held or holds))


def taken_apart(source: str) -> tuple[str, list[str], list[str]]:
    """Docstring ("" if there is none), statements of import, and lines of the rest."""
    tree = ast.parse(source)
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    title = ast.get_docstring(tree) or ""
    end = max([node.end_lineno or 0 for node in (tree.body[:1] if title else []) + imports], default=0)
    body = "\n".join(source.splitlines()[end:]).strip().splitlines()
    return title, [ast.unparse(node) for node in imports], body


def filled(text: str, values: Mapping[str, Any]) -> str:
    """The text with "$name" as a value, and $name as words.

    Raises:
        ScriptError: there is no such value.
    """

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if name not in values:
            raise ScriptError(f"The knob {name!r} is missing: give the knobs of the run, whole.")
        return repr(values[name]) if found[1] else str(values[name])

    return re.sub(r'"\$(\w+)"|\$(\w+)', value, text)
