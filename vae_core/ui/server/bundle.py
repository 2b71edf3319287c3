"""One script of many modules: a browser asks once where the chain of imports would cost a round trip for each link."""

import os
import re
from pathlib import Path

IMPORT = re.compile(r'^import \{ (\w+(?:, \w+)*) \} from "(\.{1,2}/[\w./]+)";\n', re.MULTILINE)
COMMENT = re.compile(r"^[ \t]*/\*\*(?:(?!\*/).)*\*/\n", re.MULTILINE | re.DOTALL)  # types, for who reads the file
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class) (\w+))", re.MULTILINE)


def bundle(entry: Path) -> str:
    """A module and all that it imports, from its folder and others, as one module, which exports what the entry does.

    Each module becomes a function that returns what it exports, so that names of two of them never meet. Imports
    are of names and on one line, exports of functions, constants and classes, and no module imports one that
    imports it: what else there may be in JavaScript is not in ours, and refused. Comments with types stay behind.

    Raises:
        ValueError: a module has an import or an export of another kind, or imports go round in a circle.
    """
    entry = entry.resolve()
    parts: dict[Path, str] = {}  # in the order in which they are needed

    def variable(path: Path) -> str:
        """What the module of a file is called in the bundle: two files in different folders may have the same name."""
        name = os.path.relpath(path, entry.parent).removesuffix(".js")
        return "of_" + re.sub(r"\W", "$", name)

    def add(path: Path, above: tuple[Path, ...] = ()) -> list[str]:
        source = COMMENT.sub("", path.read_text(encoding="utf-8"))
        if path in above:
            raise ValueError(f"{path.name} imports itself, by way of {', '.join(each.name for each in above)}.")
        for _, name in IMPORT.findall(source):
            other = (path.parent / name).resolve()
            if other not in parts:
                add(other, (*above, path))
        exports = EXPORT.findall(source)
        source = IMPORT.sub(
            lambda found: f"const {{ {found[1]} }} = {variable((path.parent / found[2]).resolve())};\n",
            EXPORT.sub("", source),
        )
        if wrong := re.search(r"^(?:import|export)\b.*", source, re.MULTILINE):
            raise ValueError(f"{path.name} has a line that cannot be bundled: {wrong[0]}")
        parts[path] = f"const {variable(path)} = (() => {{\n{source}\nreturn {{ {', '.join(exports)} }};\n}})();\n"
        return exports

    names = ", ".join(add(entry))
    return "".join(parts.values()) + f"const {{ {names} }} = {variable(entry)};\nexport {{ {names} }};\n"
