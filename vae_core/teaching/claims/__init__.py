"""Claims: every sentence of the lessons that says something about runs, measured.

`ledger` and `table` can be read without torch; `all_claims` loads those that measure.
"""

import importlib
from collections.abc import Mapping

from vae_core.teaching.claims.ledger import CLAIMS, Claim

MODULES = ("randomness", "determinism", "channels", "scale", "normality", "size", "writing")  # one for each question


def all_claims() -> Mapping[str, Claim]:
    """Name -> claim, in the order of the questions."""
    for name in MODULES:
        importlib.import_module(f"vae_core.teaching.claims.{name}")
    return CLAIMS
