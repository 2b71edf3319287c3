"""Every page with any query: what a link gets wrong is said on the page, and no page fails."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from tests.fuzz.queries import events, queries, values
from tests.fuzz.verdict import assert_sentence, fuzz, verdict
from vae_core.run.contrasts import CONTRASTS
from vae_core.teaching.lessons import lessons
from vae_core.ui.server.admin import TOKEN

ROOT = Path(__file__).parents[2]
PAGES = sorted(path.name for path in (ROOT / "pages").glob("*.py") if path.name != "_router.py")
OWN = {  # parameters of single pages, and what they take
    "lesson": [*lessons()], "step": ["predict", "observe", "explain", "go_on"], "hide": ["sidebar", "text,curves"],
    "contrast": [preset.name for preset in CONTRASTS], "run": ["rule=vae&dataset=digits&hidden=8"], "code": ["ABC234"],
}  # fmt: skip
own = st.sampled_from(sorted(OWN)).flatmap(
    lambda name: st.tuples(
        st.just(name), st.lists(st.sampled_from(OWN[name]) | values | events, min_size=1, max_size=2)
    )
)
SMALL = {"dataset": ["digits"], "hidden": ["8"], "points": ["20"]}  # whatever a link asks for, it is quick


@pytest.mark.parametrize("name", PAGES)
@fuzz(3, 40)
@given(queries(), st.lists(own, max_size=2))
def test_no_page_fails(monkeypatch, name, query, more):
    monkeypatch.setenv(TOKEN, "a token of this class")
    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    page.query_params.update({**query, **dict(more), **SMALL})
    if name != "playground.py":
        page.switch_page(f"pages/{name}")
    verdict("pages", page.run, ())
    assert not page.exception, page.exception
    for said in [*page.error, *page.warning]:
        assert_sentence(said.value)
