"""Lessons: Markdown files with front matter, one for each question. Nothing here imports torch.

A lesson's file is called by its number and name, ``1_noise.md``. It begins with TOML between two lines of ``+++``, see
`Lesson`; then comes the question in a student's words, and under the headings of `SECTIONS` the text. In the text,
``[claim:NAME]`` stands where a sentence about runs ends that the ledger (`vae_core.teaching.claims`) has measured, and
``[code:RULE]`` on a line of its own for a rule's loss as the exported scripts write it. What follows a line of ``---``
under "Observe" stands below the list of controls to use.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from vae_core.run.link import from_query

HERE = Path(__file__).parent
SECTIONS = {"Predict": "predict", "Observe": "observe", "Explain": "explain", "When this is not so": "limits",
            "Go on": "go_on"}  # fmt: skip
CLAIM = re.compile(r"\[claim:([\w-]+)\]")
CODE = re.compile(r"^\[code:(\w+)\]$", re.M)


class LessonError(ValueError):
    """A lesson's file that cannot be read: which one, and what is wrong."""


class Part(BaseModel):
    """What a lesson's front matter holds, or a part of it: no other names are allowed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Press(Part):
    """A control to use while the run plays."""

    control: str = Field(title="its data-testid on the stage")
    words: str = Field(min_length=1, title="what to do and what to look at, Markdown")
    after: int = Field(0, ge=0, title="training steps since the last one was used (or since the start)")
    value: str = Field("", title="the choice that counts; any change, if left out")


class Sketch(Part):
    """Axes for a curve that is predicted by hand, and what of the run it is held against."""

    x: str
    y: str
    span: int = Field(gt=0, title="training steps along the x axis")
    top: float = Field(gt=0, title="upper end of the y axis, which begins at 0")
    trace: Literal["sigma", "reconstruction"] = Field(title="see `vae_core.teaching.lessons.trace`")
    since: Literal["start", "noise"] = Field("start", title="where x = 0 is")


class Lesson(Part):
    """One lesson; all texts are Markdown.

    Attributes:
        name: in the address, and after the number in its file's name.
        run: the prepared run as the query of a link, see `vae_core.run.link`.
        speed: steps a second that it plays at; 0 is as fast as possible.
        hide: controls and parts of the stage that would lead away from the question.
        choices, sketch: what may be predicted; one of the two.
    """

    name: str
    number: int = Field(ge=1, le=7)
    title: str
    minutes: int = Field(ge=5, le=10)
    run: str
    speed: float = Field(0, ge=0)
    hide: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    sketch: Sketch | None = None
    press: tuple[Press, ...] = Field(min_length=1)
    question: str = Field(min_length=1)
    predict: str = Field(min_length=1)
    observe: str = Field(min_length=1)
    explain: str = Field(min_length=1)
    limits: str = Field(min_length=1)
    go_on: str = Field(min_length=1)

    @model_validator(mode="after")
    def _one_way_to_predict(self) -> "Lesson":
        if bool(self.choices) == (self.sketch is not None):
            raise ValueError("give either choices or a sketch")
        return self

    @property
    def text(self) -> str:
        """All of it, as on paper."""
        lists = {
            "predict": "\n".join(f"- {choice}" for choice in self.choices),
            "observe": "\n".join(f"{place}. {press.words}" for place, press in enumerate(self.press, 1)),
        }
        parts = [self.question]
        for title, field in SECTIONS.items():
            parts += [f"##### {title}", getattr(self, field), lists.get(field, "")]
        return "\n\n".join(filter(None, parts))

    def opening(self, given: Mapping[str, Sequence[str]] = {}) -> tuple[dict[str, Any], list[dict[str, Any]], int]:
        """The prepared run as `vae_core.engine.engine.Engine.open` takes it.

        Args:
            given: fields that an address asks for instead, such as another data set.

        Raises:
            RecipeError: the query holds an unknown name.
        """
        return from_query({**parse_qs(self.run, keep_blank_values=True), **given})


def parse(name: str, text: str) -> Lesson:
    """A lesson from the text of its file.

    Raises:
        LessonError: front matter or headings are not as they should be.
    """
    try:
        _, front, body = text.split("+++\n", 2)
        fields = tomllib.loads(front)
    except ValueError as error:  # tomllib's own is one, too
        raise LessonError(f"Lesson {name!r}: no front matter between two lines of +++ ({error}).") from None
    question, *parts = re.split(r"^## (.*)\n", body, flags=re.M)
    if (headings := parts[::2]) != list(SECTIONS):
        raise LessonError(f"Lesson {name!r}: its headings are {headings}, they should be {list(SECTIONS)}.")
    sections = {SECTIONS[title]: part.strip() for title, part in zip(headings, parts[1::2], strict=True)}
    try:
        return Lesson(name=name, question=question.strip(), **{**fields, **sections})
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise LessonError(f"Lesson {name!r}: {wrong}.") from None


@cache
def lessons() -> dict[str, Lesson]:
    """Name -> lesson, in the order of the questions."""
    found: list[Lesson] = []
    for path in HERE.glob("*.md"):
        number, _, name = path.stem.partition("_")
        found.append(lesson := parse(name, path.read_text(encoding="utf-8")))
        if number != str(lesson.number):
            raise LessonError(f"Lesson {name!r}: its file is called {path.name}, its number is {lesson.number}.")
    return {lesson.name: lesson for lesson in sorted(found, key=lambda lesson: lesson.number)}
