"""The predictions of lessons as questions for a class."""

import html
from dataclasses import dataclass

from latex2mathml.converter import convert

from vae_core.teaching.lessons import lessons


@dataclass(frozen=True)
class Question:
    """A lesson's prediction: its title, the question as HTML, and what may be answered, in plain words."""

    title: str
    text: str
    options: tuple[str, ...]


def questions() -> dict[str, Question]:
    """Name of the lesson -> its question, for the lessons that give choices."""
    return {
        name: Question(lesson.title, in_html(lesson.predict), lesson.choices)
        for name, lesson in lessons().items()
        if lesson.choices
    }


def in_html(text: str) -> str:
    """Lesson text in one paragraph: formulas between dollars as MathML, all else as it stands."""
    parts = text.split("$")
    return "".join(convert(part) if place % 2 else html.escape(part) for place, part in enumerate(parts))
