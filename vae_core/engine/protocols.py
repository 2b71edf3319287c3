"""What a training needs to know of where it lives and of who shows it."""

from pathlib import Path
from typing import Any, Protocol


class Home(Protocol):
    """Where a training lives among others: what it needs to know of them."""

    def place(self) -> int:
        """The lane with the most room."""

    def folder(self, id: str) -> Path:
        """Where a training's checkpoints lie."""

    def took_frame(self, training: Any, seconds: float) -> None:
        """A `Training` has a new frame, after so long."""

    def alone_in_lane(self, training: Any) -> bool:
        """Whether no other `Training` wants frames of its lane."""


class Player(Protocol):
    """A run that shows a training: what the training needs to know of it."""

    id: str
    header: dict[str, Any]
    status: str

    @property
    def wants_frames(self) -> bool:
        """Whether it plays, or has steps to go."""

    @property
    def seen_closely(self) -> bool:
        """Whether somebody watches each move."""

    @property
    def measured(self) -> bool:
        """Whether somebody watches its exact measures."""

    def tell(self, what: str) -> None:
        """Something has changed, see `LiveRun.watch`."""

    def say(self, level: str, text: str) -> None:
        """A sentence for the screen."""

    def show_preview(self, data: bytes) -> None:
        """The points have moved on."""

    def note(self) -> dict[str, Any]:
        """What brings the run back after the server has stopped."""
