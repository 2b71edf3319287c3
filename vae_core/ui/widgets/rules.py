"""The rules as pages look them up: by name."""

from vae_core.run.catalogue import RuleEntry, by_name
from vae_core.ui.server.state import engine


def rules() -> dict[str, RuleEntry]:
    """Name -> rule."""
    return by_name(engine().rules())


def titles() -> dict[str, str]:
    """Name -> title of each rule."""
    return {name: rule["title"] for name, rule in rules().items()}


def title_of(rule: str) -> str:
    """A rule's title, or its name where there is none of this name."""
    return titles().get(rule, rule)
