"""The rules as plain data: what the page, the URL and the browser need to know of them.

Only `catalogue` needs the rules, and loads torch with them; the server asks a worker for it.
"""

import inspect
import typing
from collections.abc import Iterable
from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict  # as pydantic, which tests what is sent, needs it below Python 3.12

Kind = Literal["choice", "bool", "int", "float", "text"]
Value = bool | float | str


class Choice(TypedDict):
    """A value of a knob that is chosen from a list."""

    value: str
    title: str


class KnobEntry(TypedDict):
    """A declared knob as a widget sees it.

    `when` names the values of another knob with which this one counts; `min` and `max` are None where there is no end.
    """

    name: str
    symbol: str
    title: str
    help: str
    kind: Kind
    default: Value
    min: float | None
    max: float | None
    step: float
    scale: Literal["linear", "log"]
    when: dict[str, list[Value]]
    choices: list[Choice]


class RuleEntry(TypedDict):
    """A rule as the page sees it: the lines of its class, formulas also as MathML, and its source, which who watches a
    room does not get."""

    name: str
    title: str
    question: str
    formula: str
    mathml: str
    charged: str
    why: str
    undefined: str
    source: str
    noisy: bool
    noise_off: str
    noise_when: dict[str, list[Value]]
    has_posterior: bool
    knobs: list[KnobEntry]
    code: NotRequired[str]


def by_name(rules: Iterable[RuleEntry]) -> dict[str, RuleEntry]:
    """Name -> rule, of a catalogue."""
    return {rule["name"]: rule for rule in rules}


def default_knobs(rules: Iterable[RuleEntry]) -> dict[str, dict[str, Any]]:
    """Rule -> its knobs at their defaults, of a catalogue."""
    return {rule["name"]: {knob["name"]: knob["default"] for knob in rule["knobs"]} for rule in rules}


def catalogue() -> list[RuleEntry]:
    """One entry for each rule, in alphabetical order."""
    from vae_core.rules import discover

    return [entry(name) for name in discover()]


def entry(name: str) -> RuleEntry:
    """A rule as plain data."""
    from latex2mathml.converter import convert

    from vae_core.rules import discover

    rule = discover()[name]
    return {
        "name": name,
        "title": rule.title,
        "question": rule.question,
        "formula": rule.formula,
        "mathml": convert(rule.formula, display="block"),
        "charged": convert(rule.charged),
        "why": rule.why,
        "undefined": rule.undefined,
        "source": rule.source,
        "noisy": bool(rule.noise_off),
        "noise_off": rule.noise_off,
        "noise_when": {name: list(values) for name, values in rule.noise_when.items()},
        "has_posterior": not rule.undefined,
        "knobs": [knob_entry(name, field) for name, field in rule.Knobs.model_fields.items()],
        "code": inspect.getsource(rule),
    }


def knob_entry(name: str, field: Any) -> KnobEntry:
    """A declared knob, pydantic's field of that name, as plain data."""
    looks = field.json_schema_extra
    limits = {key: getattr(m, key) for m in field.metadata for key in ("ge", "le") if hasattr(m, key)}
    choices = typing.get_args(field.annotation) if typing.get_origin(field.annotation) is typing.Literal else ()
    kinds: dict[type, Kind] = {bool: "bool", int: "int", float: "float"}
    kind: Kind = "choice" if choices else kinds.get(field.annotation, "text")
    return {
        "name": name,
        "symbol": looks["symbol"],
        "title": field.title,
        "help": looks["help"],
        "kind": kind,
        "default": field.default,
        "min": limits.get("ge"),
        "max": limits.get("le"),
        "step": 1 if kind == "int" else 0.01,
        "scale": "log" if looks["log"] else "linear",
        "when": {name: list(values) for name, values in looks["when"].items()},
        "choices": [{"value": value, "title": looks["choices"].get(value, value)} for value in choices],
    }
