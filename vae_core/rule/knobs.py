"""How a rule declares a knob, a setting that may change while a run trains; and the range of β, which rules share."""

from typing import Any

from pydantic import Field


def knob(
    default: Any,
    *,
    symbol: str,
    title: str,
    help: str = "",
    low: float | None = None,
    high: float | None = None,
    log: bool = False,
    choices: dict[str, str] | None = None,
    when: dict[str, tuple[Any, ...]] | None = None,
) -> Any:
    """Declare a knob; the widget, the URL, the JSON and the table column come from this line.

    Args:
        low, high: the range; values outside are refused.
        log: the slider is logarithmic, above ``high / 10,000`` where ``low`` is 0.
        choices: value -> title, for knobs declared as a ``Literal``.
        when: another knob's name -> its values with which this one counts; else it is hidden.
    """
    looks: dict[str, Any] = {"symbol": symbol, "help": help, "log": log, "choices": choices or {}, "when": when or {}}
    return Field(default, ge=low, le=high, title=title, json_schema_extra=looks)


def beta_knob(default: float = 1.0, title: str = "KL weight", when: dict[str, tuple[Any, ...]] | None = None) -> Any:
    """Declare β, the weight of a penalty, which has one range in all rules."""
    return knob(default, symbol="β", title=title, low=0, high=20, log=True, when=when)
