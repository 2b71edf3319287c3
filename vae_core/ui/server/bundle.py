"""One script of many modules: a browser asks once where the chain of imports would cost a round trip for each link."""

import re
from pathlib import Path

IMPORT = re.compile(r'^import \{ (\w+(?:, \w+)*) \} from "\./([\w.]+)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class) (\w+))", re.MULTILINE)


def bundle(entry: Path) -> str:
    """A module and all that it imports from its folder as one module, which exports what the entry does.

    Each module becomes a function that returns what it exports, so that names of two of them never meet. Imports
    are of names and on one line, exports of functions, constants and classes, and no module imports one that
    imports it: what else there may be in JavaScript is not in ours, and refused.

    Raises:
        ValueError: a module has an import or an export of another kind, or imports go round in a circle.
    """
    parts: dict[str, str] = {}  # in the order in which they are needed

    def add(path: Path, above: tuple[str, ...] = ()) -> list[str]:
        source = path.read_text(encoding="utf-8")
        if path.name in above:
            raise ValueError(f"{path.name} imports itself, by way of {', '.join(above)}.")
        for _, name in IMPORT.findall(source):
            if name not in parts:
                add(path.with_name(name), (*above, path.name))
        exports = EXPORT.findall(source)
        source = IMPORT.sub(lambda found: f"const {{ {found[1]} }} = {variable(found[2])};\n", EXPORT.sub("", source))
        if wrong := re.search(r"^(?:import|export)\b.*", source, re.MULTILINE):
            raise ValueError(f"{path.name} has a line that cannot be bundled: {wrong[0]}")
        parts[path.name] = (
            f"const {variable(path.name)} = (() => {{\n{source}\nreturn {{ {', '.join(exports)} }};\n}})();\n"
        )
        return exports

    exports = add(entry)
    names = ", ".join(exports)
    return "".join(parts.values()) + f"const {{ {names} }} = {variable(entry.name)};\nexport {{ {names} }};\n"


def variable(name: str) -> str:
    """What the module of a file is called in the bundle."""
    return f"of_{name.removesuffix('.js')}"
