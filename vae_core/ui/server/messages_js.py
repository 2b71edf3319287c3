"""All messages as JSDoc types: ``python -m vae_core.ui.server.messages_js`` writes the JavaScript's file anew."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NotRequired, Union, get_args, get_origin

from pydantic import BaseModel
from typing_extensions import TypeIs, get_type_hints, is_typeddict

from vae_core.run import catalogue
from vae_core.ui.server import messages, replies, room_replies

FILE = Path(__file__).parents[1] / "web" / "shared" / "messages.js"
HEAD = """\
// What goes over the sockets, in both directions: types for the editor and the type checker, nothing that is run.
// Written by `python -m vae_core.ui.server.messages_js` from messages.py, replies.py and room_replies.py in ui/server.
// A binary message is given as frame_decoding.js unpacks it: halves are floats, `shapes` holds the shape of each array.

export {};
"""
UNIONS = {
    "RunCommand": messages.RunCommand,
    "ComparisonCommand": messages.ComparisonCommand,
    "RoomCommand": messages.RoomCommand,
    "RunReply": replies.RunReply | room_replies.PresenterReply,
    "ComparisonReply": replies.ComparisonReply,
    "RoomReply": room_replies.RoomReply,
    "RoomInside": room_replies.RoomInside,
}
PLAIN = {str: "string", int: "number", float: "number", bool: "boolean", NoneType: "null", Any: "*"}


def written() -> str:
    """The file."""
    declared = [
        cls
        for module in (messages, catalogue, replies, room_replies)
        for cls in vars(module).values()
        if getattr(cls, "__module__", "") == module.__name__
        and (is_command(cls) or (is_typeddict(cls) and module is not messages))
    ]
    unions = [f"/** @typedef {{{of(union)}}} {name} */\n" for name, union in UNIONS.items()]
    return "\n".join([HEAD, *map(typedef, declared), *unions])


def is_command(cls: Any) -> TypeIs[type[BaseModel]]:
    """Whether it is the model of a command, and not what several of them have in common."""
    return isinstance(cls, type) and issubclass(cls, BaseModel) and "do" in cls.model_fields


def typedef(cls: type) -> str:
    """A message, or a part of one, as a comment."""
    lines = [f"@typedef {{Object}} {name_of(cls)} {' '.join((cls.__doc__ or '').split())}"]
    for name, kind, optional in fields(cls):
        lines.append(f"@property {{{kind}}} {f'[{name}]' if optional else name}")
    return "/**\n" + "".join(f" * {line}\n" for line in lines) + " */\n"


def name_of(cls: type) -> str:
    """What a message is called in the JavaScript, where those of both directions are in one file."""
    return f"{cls.__name__}Command" if is_command(cls) else cls.__name__.removesuffix("Entry")


def fields(cls: type) -> Iterator[tuple[str, str, bool]]:
    """Name and type of each field, and whether it may be left out."""
    hints = get_type_hints(cls, include_extras=True)
    if is_command(cls):
        known = cls.model_fields
        yield "do", of(hints["do"]), False
        yield from ((name, of(hints[name]), not known[name].is_required()) for name in known if name != "do")
        return
    for name, hint in hints.items():
        origin: Any = get_origin(hint)
        yield (name, of(get_args(hint)[0]), True) if origin is NotRequired else (name, of(hint), False)
    kind = hints.get("kind")
    if get_origin(kind) is Literal and len(get_args(kind)) == 1:  # a binary message, not a part of one
        yield "shapes", "Object<string, number[]>", False


def of(hint: Any) -> str:
    """A Python type as JSDoc has it."""
    if hint in PLAIN:
        return PLAIN[hint]
    origin: Any = get_origin(hint)
    args = get_args(hint)
    if origin is Annotated:
        told = [each for each in args[1:] if isinstance(each, str)]
        return (
            told[0] if told else of(args[0]).removesuffix(" | null")
        )  # only `Given` has null inside: left out instead
    if origin is Literal:
        return " | ".join(json.dumps(value) for value in args)
    if origin in (Union, UnionType):
        return " | ".join(dict.fromkeys(of(each) for each in args))
    if origin is list:
        inside = of(args[0])
        return f"({inside})[]" if " | " in inside else f"{inside}[]"
    if origin is dict:
        return f"Object<string, {of(args[1])}>"
    return name_of(hint)


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8")
