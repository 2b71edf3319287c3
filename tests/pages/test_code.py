"""The Code page: the rule's source, and the scripts of every rule."""

import html
import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import vae_core
from tests.pages.test_flows import run_of
from vae_core.run.catalogue import by_name, catalogue
from vae_core.teaching.scripts import FRAMEWORKS, script, script_name, symbols
from vae_core.ui.widgets.source import COLOURS, coloured_code, coloured_formula

APP = str(Path(__file__).parents[2] / "app.py")


def open_page(**query: str) -> AppTest:
    page = AppTest.from_file(APP, default_timeout=60)
    page.query_params.update({"dataset": "digits", "hidden": "32", "batch_size": "64", **query})
    page.run()
    return page.switch_page("pages/code.py").run()


@pytest.mark.parametrize("rule", sorted(vae_core.rules()))
def test_source_and_script_of_every_rule(rule):
    page = open_page(rule=rule)
    assert not page.exception and not page.error
    assert vae_core.rules()[rule].title in page.subheader[0].value
    run = run_of(page)
    assert page.code[0].value == script(run.record.recipe, "torch").strip()
    page.segmented_control[0].set_value("keras").run()
    assert not page.exception
    assert "import keras" in page.code[0].value or page.info


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("rule", sorted(vae_core.rules()))
def test_no_script_is_called_as_something_that_it_imports(rule, framework):
    """A torch.py would import itself."""
    module = script_name(rule, framework).removesuffix(".py")
    assert module.isidentifier() and find_spec(module) is None


def test_the_script_follows_the_run():
    page = open_page(rule="vae")
    run_of(page).switch(rule="mean_only", knobs={"sigma0": 0.25})
    page.run()
    assert "0.25" in page.code[0].value and "Mean only" in page.subheader[0].value


def test_symbols_have_one_colour_in_formula_and_code():
    entry = by_name(catalogue())["vae"]
    formula = coloured_formula(entry["formula"], symbols("vae"), dark=False)
    code = coloured_code(entry["code"], symbols("vae"))
    shown = dict(re.findall(r"textcolor{(#\w+)}{([^}]+)}", formula))
    letters = {"mu": r"\mu", "sigma": r"\sigma", "eps": r"\varepsilon", "zed": "z", "knob": "s"}
    assert shown == {COLOURS[kind][0]: letter for kind, letter in letters.items()}
    assert '<span class="nl-mu">mean</span>' in code and 'knobs.<span class="nl-knob">beta</span>' in code
    plain = re.sub(r"<[^>]*>", "", code)
    assert html.unescape(plain) == entry["code"]


def test_colours_are_those_of_the_stage():
    css = (Path(vae_core.__file__).parent / "ui/web/shared/lab.css").read_text()
    for name in ("mu", "sigma", "eps", "zed"):
        assert re.findall(rf"--{name}: (#\w+);", css) == list(COLOURS[name])
