"""The lines of an exported script that make z and the loss."""

import re
import textwrap
from collections.abc import Mapping
from typing import Any

from vae_core.teaching.lessons import CODE
from vae_core.teaching.scripts import FRAMEWORKS, script

RULE = "# >>> the latent rule"
SHARED = {  # how pixels are charged, and where both parts meet
    "torch": ("softplus(", ".backward()"),
    "keras": ("softplus(", "model.compile("),
}


def loss_lines(rule: str, knobs: Mapping[str, Any], framework: str) -> str:
    """What makes z, what is charged for it, and how that is added to the pixels' part."""
    lines = script({"rule": rule, "knobs": knobs}, framework).splitlines()
    first = next(place for place, line in enumerate(lines) if RULE in line)
    last = next(place for place in range(first, len(lines)) if not lines[place].strip())
    own = textwrap.dedent("\n".join(lines[first:last])).replace(f"{RULE}: ", "# ")
    shared = [line.strip() for line in lines if any(mark in line for mark in SHARED[framework])]
    return "\n".join([own, "# under every rule: pixels, and the sum", *shared])


def with_code(text: str, knobs: Mapping[str, Mapping[str, Any]]) -> str:
    """The text with the lines of all frameworks where it names a rule's code.

    Args:
        knobs: rule -> name -> value, the knobs of each rule whole.
    """

    def blocks(found: re.Match[str]) -> str:
        rule = found[1]
        return "\n\n".join(
            f"**{title}**\n```python\n{loss_lines(rule, knobs[rule], framework)}\n```"
            for framework, title in FRAMEWORKS.items()
        )

    return CODE.sub(blocks, text)
