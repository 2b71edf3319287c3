"""One script of many modules."""

import re

import pytest

from vae_core.ui.server.bundle import EXPORT, IMPORT, bundle
from vae_core.ui.server.files import ENTRIES, FILES, script


def write(folder, **modules: str):
    for name, source in modules.items():
        (folder / f"{name}.js").write_text(source)
    return folder / "main.js"


def test_a_module_of_another_folder_may_have_the_same_name(tmp_path):
    for folder, source in {
        "shared": "export const bar = 1;\n",
        "page": 'import { bar } from "../shared/bar.js";\n\nexport const page = 10 + bar;\n',
    }.items():
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "bar.js").write_text(source)
    (tmp_path / "page" / "main.js").write_text('import { page } from "./bar.js";\n\nexport const sum = 100 + page;\n')
    text = bundle(tmp_path / "page" / "main.js")
    assert re.findall(r"const (of_[\w$]+) =", text) == ["of_$$$shared$bar", "of_bar", "of_main"]
    assert "const { bar } = of_$$$shared$bar;" in text


def test_modules_come_before_what_imports_them_and_once(tmp_path):
    entry = write(
        tmp_path,
        main='import { one } from "./a.js";\nimport { two } from "./b.js";\n\n'
        "export async function start() {\n  return one + two;\n}\n",
        a='import { two } from "./b.js";\n\nconst hidden = 1;\nexport const one = two - hidden;\n',
        b="const hidden = 3;\nexport const two = hidden;\nexport function three() {}\n",
    )
    text = bundle(entry)
    assert re.findall(r"const (of_\w+) =", text) == ["of_b", "of_a", "of_main"]
    assert "return { two, three };" in text and "const { two } = of_b;" in text
    assert text.endswith("const { start } = of_main;\nexport { start };\n")
    assert "async function start()" in text and not re.search(r"^import", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ('import * as b from "./b.js";', "import \\* as b"),
        ('import { one as other } from "./b.js";', "one as other"),
        ("export default 3;", "export default"),
        ("export let one = 1;", "export let"),
        ('import { main } from "./main.js";', "imports itself"),
    ],
)
def test_what_it_cannot_bundle_is_refused(tmp_path, line, word):
    with pytest.raises(ValueError, match=word):
        bundle(write(tmp_path, main=f"{line}\n", b="export const one = 1;\n"))


@pytest.mark.parametrize("entry", ENTRIES)
def test_the_entries_hold_all_that_they_import(entry):
    text = script(entry).decode()
    assert "import {" not in text and text.rstrip().endswith("export { mount };")


def test_all_that_is_imported_is_exported():
    for path in FILES.glob("*/*.js"):
        for names, other in IMPORT.findall(path.read_text()):
            missing = set(names.split(", ")) - set(EXPORT.findall((path.parent / other).read_text()))
            assert not missing, f"{path.name} imports {missing} from {other}"
