"""The rules as plain data: what the page, the URL and the browser need to know of them."""

import inspect
import typing
from typing import Any

from latex2mathml.converter import convert

from vae_core.rule import Rule
from vae_core.rules import discover


def catalogue() -> list[dict[str, Any]]:
    """One entry for each rule; formulas as MathML, knobs as declared."""
    return [entry(name, rule) for name, rule in discover().items()]


def entry(name: str, rule: type[Rule]) -> dict[str, Any]:
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
        "noise_when": rule.noise_when,
        "has_posterior": not rule.undefined,
        "knobs": [knob(name, field) for name, field in rule.Knobs.model_fields.items()],
        "code": inspect.getsource(rule),
    }


def knob(name: str, field: Any) -> dict[str, Any]:
    """A declared knob as a widget sees it."""
    looks = field.json_schema_extra
    limits = {key: getattr(m, key) for m in field.metadata for key in ("ge", "le") if hasattr(m, key)}
    choices = typing.get_args(field.annotation) if typing.get_origin(field.annotation) is typing.Literal else ()
    kind = "choice" if choices else {bool: "bool", int: "int", float: "float"}.get(field.annotation, "text")
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
        "when": looks["when"],
        "choices": [{"value": value, "title": looks["choices"].get(value, value)} for value in choices],
    }
