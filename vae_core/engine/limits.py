"""What a class may use of a server; whoever runs it changes this while it runs."""

import os
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ByteSize, ConfigDict, Field, ValidationError

PREFIX = "NOISE_LAB_"


class LimitError(ValueError):
    """A limit that cannot be: one sentence that says which and what is valid."""


class Limits(BaseModel):
    """Frozen: to change the limits of an engine, give it others (`Engine.limits`).

    Attributes:
        runs_per_user: runs that one user may have open; opening one more closes the one left alone the longest.
        runs: open runs of all users together.
        frame_bytes: memory of all recorded frames together; a number, or text with a unit ("1 GiB").
        open_rooms: who may open a room for a class, anyone or only who has the admin token.

    Raises:
        LimitError: in one sentence, with the valid range.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    runs_per_user: int = Field(8, ge=1, le=1000, title="runs for each user")
    runs: int = Field(200, ge=1, le=100_000, title="runs in all")
    frame_bytes: ByteSize = Field(ByteSize(1 << 30), ge=1 << 20, title="memory for frames in all, in bytes")
    open_rooms: Literal["anyone", "admin"] = Field("anyone", title="who may open a room")

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            first = error.errors()[0]
            name, problem = str(first["loc"][0]), first["msg"].removeprefix("Input should be ")
            if first["type"] == "extra_forbidden":
                raise LimitError(
                    f"There is no limit {name!r}; there are {', '.join(type(self).model_fields)}."
                ) from None
            if first["type"].startswith("byte_size"):
                problem = "a number of bytes, or a size such as '1 GiB'"
            raise LimitError(f"The limit {name} should be {problem}; it was {first['input']!r:.60}.") from None

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> "Limits":
        """The limits that are set in the environment (NOISE_LAB_RUNS_PER_USER and so on), defaults for the others."""
        named = {name: environment.get(PREFIX + name.upper()) for name in cls.model_fields}
        return cls(**{name: value for name, value in named.items() if value})
