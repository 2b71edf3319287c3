"""The lessons: every claim cited, every link good, every run a run, no figure that was not measured."""

import ast
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from tests.conftest import small
from vae_core import Trainer
from vae_core.run.catalogue import by_name, catalogue
from vae_core.run.contrasts import contrast
from vae_core.run.link import from_query
from vae_core.run.recipe import Recipe
from vae_core.run.recording import Run
from vae_core.teaching.claims import all_claims
from vae_core.teaching.claims.table import QUESTIONS
from vae_core.teaching.lessons import CLAIM, CODE, Lesson, LessonError, Sketch, lessons, parse
from vae_core.teaching.lessons.loss_lines import loss_lines, with_code
from vae_core.teaching.lessons.trace import trace
from vae_core.teaching.scripts import FRAMEWORKS
from vae_core.ui.widgets.lesson.lecture import CONTROLS, PARTS
from vae_core.ui.widgets.lesson.text import with_chips

ROOT = Path(__file__).parents[2]
STAGE = ROOT / "vae_core" / "ui" / "web" / "playground"
LINK = re.compile(r"\]\(([^)]+)\)")
WITH_A_RUN = {"", "microscope", "draw", "offset_lab", "flows", "code"}  # pages that open the run of their address
each_lesson = pytest.mark.parametrize("lesson", lessons().values(), ids=list(lessons()))
SAMPLE = """+++
number = 1
title = "Why?"
minutes = 5
run = "rule=vae"
choices = ["a", "b"]
press = [{ control = "noise", words = "Press it." }]
+++
A question.

## Predict
p

## Observe
o

## Explain
e [claim:one-thing] more

## When this is not so
n

## Go on
g
"""


def written(lesson: Lesson) -> str:
    """All that a reader gets, without chips and code."""
    return CODE.sub("", CLAIM.sub("", lesson.text))


def recipe_of(query: str) -> Recipe:
    fields, events, _ = from_query(parse_qs(query, keep_blank_values=True))
    recipe = Recipe(**fields)
    for event in events:  # another rule or other knobs must be possible, too
        Recipe(rule=event.get("rule", recipe.rule), knobs=event.get("knobs", {}))
    return recipe


def test_one_lesson_for_each_question():
    assert [lesson.number for lesson in lessons().values()] == list(QUESTIONS)


def test_every_claim_is_cited_and_every_citation_is_a_claim():
    cited = {name: lesson.number for lesson in lessons().values() for name in CLAIM.findall(lesson.text)}
    assert set(cited) == set(all_claims())
    assert cited == {name: claim.question for name, claim in all_claims().items()}, "a claim in another's lesson"


@each_lesson
def test_the_prepared_run_is_one(lesson):
    recipe = recipe_of(lesson.run)
    assert recipe.dataset == "mnist"
    run_of_link, _, _ = lesson.opening({"dataset": ["digits"], "seed": ["4"]})
    assert run_of_link["dataset"] == "digits" and run_of_link["seed"] == "4" and run_of_link["rule"] == recipe.rule


@each_lesson
def test_what_is_lit_is_there_when_it_is_its_turn(lesson):
    """The controls of the stage, and the knobs of the rule that holds by then, with values that they take."""
    page = (STAGE / "page.js").read_text()
    rules = by_name(catalogue())
    rule = recipe_of(lesson.run).rule
    for press in lesson.press:
        assert press.control not in lesson.hide
        if press.control == "rule":
            assert press.value in rules
            rule = press.value
        elif press.control.startswith("knob-"):
            knob = next(k for k in rules[rule]["knobs"] if k["name"] == press.control.removeprefix("knob-"))
            assert not press.value or press.value in [c["value"] for c in knob["choices"]]
        elif press.control == "noise":
            assert rules[rule]["noisy"]
        else:
            name, _, value = press.control.partition("-")
            assert f'data-testid="{press.control}"' in page or (f'segmented("{name}"' in page and f'["{value}"' in page)


def test_what_can_be_hidden_is_on_the_stage():
    page = (STAGE / "page.js").read_text()
    for name in {*CONTROLS, *(name for lesson in lessons().values() for name in lesson.hide)}:
        made_by = (f'data-testid="{name}"', f'data-part="{name}"', f'button("{name}"', f'segmented("{name}"',
                   f'<section class="{name}"', f'curve("{name.removeprefix("curve-")}"')  # fmt: skip
        assert any(words in page for words in made_by), name
    assert not set(PARTS) & set(CONTROLS)


def pages() -> set[str]:
    """Addresses of the pages in the menu."""
    calls = [
        node for node in ast.walk(ast.parse((ROOT / "pages" / "_router.py").read_text())) if isinstance(node, ast.Call)
    ]
    files = {call.args[0].right.value for call in calls if ast.unparse(call.func) == "st.Page"}
    assert all((ROOT / "pages" / file).exists() for file in files)
    return {Path(file).stem for file in files}


@each_lesson
def test_links_resolve(lesson):
    links = LINK.findall(lesson.go_on)
    assert len(links) >= 3
    for link in links:
        address = urlsplit(link)
        page = address.path.removeprefix("./")
        assert not address.netloc and (page in pages() or link.startswith("./?")), link
        if page in WITH_A_RUN:
            recipe_of(address.query)
        elif page == "compare":
            contrast(*parse_qs(address.query, strict_parsing=True)["contrast"])
        else:
            assert not address.query, link


@each_lesson
def test_the_text_is_short_and_holds_no_unmeasured_figure(lesson):
    text = written(lesson)
    assert 250 <= len(text.split()) <= 470
    assert not re.search(r"\d[\d.,]*\s*nats?\b", text), "figures stand in the ledger"
    assert not re.search(r"[‘’“”]|\w --? \w|!", text)  # noqa: RUF001


def test_folklore_is_named_where_it_fails():
    for claim in all_claims().values():
        if claim.folklore:
            lesson = next(lesson for lesson in lessons().values() if lesson.number == claim.question)
            assert f"*{claim.folklore.removesuffix('.')}* is folklore" in lesson.limits, claim.name


# -- reading a file ------------------------------------------------------------------------------


def test_a_lesson_is_read():
    lesson = parse("why", SAMPLE)
    assert (lesson.name, lesson.question, lesson.limits) == ("why", "A question.", "n")
    assert lesson.press[0].after == 0 and lesson.text.index("Press it.") < lesson.text.index(
        "##### Explain"
    ) < lesson.text.index("more")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("+++", "---", "Lesson 'why': no front matter"),
        ("number = 1", "number = one", "Lesson 'why': no front matter"),
        ("number = 1", "number = 8", "Lesson 'why': number: Input should be less than or equal to 7."),
        ("minutes", "length", "minutes: Field required; length: Extra inputs are not permitted."),
        ("## Observe", "## See", "its headings are ['Predict', 'See'"),
        ('choices = ["a", "b"]', "", "give either choices or a sketch"),
        ("\ne [claim:one-thing] more\n", "\n", "explain: String should have at least 1 character."),
    ],
)
def test_a_bad_file_is_told(old, new, words):
    with pytest.raises(LessonError, match=re.escape(words)):
        parse("why", SAMPLE.replace(old, new))


# -- chips ---------------------------------------------------------------------------------------


def test_chips_show_what_was_measured():
    row = {
        "sentence": "A < B.",
        "folklore": "B.",
        "measured": "A 1.0 ± 0.2 nats (3 seeds)",
        "verdict": "depends on the seed",
    }
    text = with_chips("So it is. [claim:one-thing] [claim:another]", {"one-thing": row})
    assert (
        ">measured: A 1.0 ± 0.2 nats (3 seeds) · depends on the seed</span>" in text and 'class="claim depends"' in text
    )
    assert 'title="A &lt; B. Often said: B."' in text
    assert text.endswith(">not measured yet</span>")


# -- code ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_loss_is_that_of_the_script(framework):
    vae = loss_lines("vae", {"beta": 1.0, "s": 1.0}, framework)
    assert "z = mean + S * scale * eps" in vae and "kl = 0.5" in vae and "softplus" in vae
    plain = loss_lines("autoencoder", {}, framework)
    assert 'z = heads["mean"]' in plain and "kl" not in plain and plain.splitlines()[-2:] == vae.splitlines()[-2:]
    assert all("$" not in lines and ">>>" not in lines for lines in (vae, plain))


def test_code_takes_its_place_in_the_text():
    text = with_code("Here:\n\n[code:vae]\n\nThere.", {"vae": {"beta": 1.0, "s": 1.0}})
    assert text.count("```python") == 2 and "**PyTorch**" in text and "[code:" not in text


# -- what a run did ------------------------------------------------------------------------------


def test_traces_are_those_of_the_frames():
    trainer = Trainer(small(), "cpu")
    run = Run(trainer.recipe)
    sigma = Sketch(x="steps", y="σ", span=30, top=1, trace="sigma", since="noise")
    assert trace(run, sigma) == []
    run.add(trainer.frame().packed())
    for _ in range(4):
        run.add(trainer.advance(10).packed())
    assert trace(run, sigma) == [], "the noise is still on"
    trainer.switch(noise=0.0)
    for _ in range(4):
        run.add(trainer.advance(10).packed())
    run.events = list(trainer.events)
    curve = trace(run, sigma)
    assert [x for x, _ in curve] == [0, 10, 20, 30]
    assert curve[3][1] == float(np.median(run.frame(70).scale))
    loss = Sketch(x="steps", y="loss", span=60, top=1, trace="reconstruction")
    curve = trace(run, loss)
    assert [x for x, _ in curve] == [0, 10, 20, 30, 40], "up to where the noise went off"
    assert curve[-1][1] == run.frame(40).metrics["reconstruction"]


def test_a_trace_ends_where_the_value_does():
    trainer = Trainer(small(rule="autoencoder"), "cpu")
    run = Run(trainer.recipe)
    run.add(trainer.frame().packed())
    assert trace(run, Sketch(x="", y="", span=9, top=1, trace="sigma")) == []
