"""Table: what the ledger measured, as lessons and pages show it. Nothing here imports torch."""

import json
from pathlib import Path
from typing import Any

from vae_core.teaching.claims.ledger import MEASURED, recorded

QUESTIONS = {
    1: "Why is z random at all?",
    2: "What if the noise is deterministic?",
    3: "Why not only the mean, why not only the noise, why two channels?",
    4: "If codes and noise are both N(0, 1), how can reconstruction work?",
    5: "Why not just insist that each batch of codes is normal?",
    6: "When is a VAE better than an autoencoder, when worse?",
    7: "How do I write this in PyTorch, in Keras?",
}


def rows(path: Path = MEASURED) -> list[dict[str, Any]]:
    """One for each claim: name, question, sentence, folklore, words (Markdown), measured, verdict."""
    saved = json.loads(path.read_text(encoding="utf-8"))["claims"]
    _, findings = recorded(path)
    return [
        {
            "name": name,
            "question": saved[name]["question"],
            "sentence": saved[name]["sentence"],
            "folklore": saved[name]["folklore"],
            "words": saved[name]["sentence"]
            + (f"  \n*Often said:* {saved[name]['folklore']}" if saved[name]["folklore"] else ""),
            "measured": finding.words(),
            "verdict": saved[name]["verdict"],
        }
        for name, finding in findings.items()
    ]


def setting_in_words(path: Path = MEASURED) -> str:
    """How the ledger was measured, one sentence."""
    setting, findings = recorded(path)
    return (
        f"{len(findings)} claims, {setting['seeds']} seeds each that no sentence was written by, {setting['epochs']:g} "
        f"epochs of "
        f"{setting['dataset'].upper()} with the default recipe where the claim does not say otherwise; exact nats over "
        f"{setting['images']} test images, reconstruction and ELBO over those of a run's curves, what noise costs and "
        "what z tells over the whole test set. Mean ± standard deviation over the seeds; in brackets the 95 % "
        "confidence interval of the mean, from which the verdict comes."
    )
