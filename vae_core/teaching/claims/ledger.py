"""The ledger: sentences about runs, each with a name, a way to measure it and a verdict."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import mean, stdev
from typing import Any

MEASURED = Path(__file__).parent / "measured.json"  # the last full run, shown by the lessons


@dataclass(frozen=True)
class Finding:
    """What a claim's runs gave.

    Attributes:
        figures: what was measured -> one value for each seed.
        unit: of all figures.
        holds: for each seed, whether the sentence is true; the same for each where it is about all of them together.
    """

    figures: dict[str, list[float]]
    unit: str
    holds: list[bool]

    @property
    def verdict(self) -> str:
        """ "holds", "does not hold", or "mixed" where the seeds differ."""
        return "holds" if all(self.holds) else "mixed" if any(self.holds) else "does not hold"

    def words(self) -> str:
        """ "autoencoder: 126.6 ± 0.2, VAE: 131.4 ± 0.1 nats (3 seeds)"."""
        parts = ", ".join(f"{name}: {spread(values)}" for name, values in self.figures.items())
        seeds = len(self.holds)
        return f"{parts}{' ' + self.unit if self.unit else ''} ({seeds} seed{'s' * (seeds > 1)})"


@dataclass(frozen=True)
class Claim:
    """One sentence about runs.

    Attributes:
        name: by which texts cite it.
        question: 1 to 7, the lesson that it belongs to.
        sentence: what is claimed, for this setting.
        folklore: what is often said instead, where that does not hold here; else "".
        measure: runs what it needs.
        short: whether the verdict is also sure after a tenth of the training, so that tests can ask for it.
    """

    name: str
    question: int
    sentence: str
    measure: Callable[[Any], Finding] = field(repr=False)
    folklore: str = ""
    short: bool = True


CLAIMS: dict[str, Claim] = {}  # filled while the modules of this package are imported, read-only afterwards


def claim(
    name: str, question: int, sentence: str, *, folklore: str = "", short: bool = True
) -> Callable[[Callable[[Any], Finding]], Callable[[Any], Finding]]:
    """Declare a claim: put this above the function that measures it."""

    def declare(measure: Callable[[Any], Finding]) -> Callable[[Any], Finding]:
        if name in CLAIMS:
            raise ValueError(f"Two claims are called {name!r}.")
        CLAIMS[name] = Claim(name, question, sentence, measure, folklore, short)
        return measure

    return declare


def find(holds: Callable[..., bool], unit: str, **figures: Sequence[float]) -> Finding:
    """A finding from figures by seed; `holds` is asked for each seed, in their order.

    Underscores in names of figures are shown as spaces.
    """
    values = {name.replace("_", " "): [float(v) for v in several] for name, several in figures.items()}
    return Finding(values, unit, [bool(holds(*of_seed)) for of_seed in zip(*values.values(), strict=True)])


def find_together(holds: Callable[..., bool], unit: str, **figures: Sequence[float]) -> Finding:
    """A finding of a sentence about all seeds together: `holds` is asked once, with the figures of all."""
    each = find(lambda *of_seed: True, unit, **figures)
    return Finding(each.figures, unit, [bool(holds(*each.figures.values()))] * len(each.holds))


def spread(values: Sequence[float]) -> str:
    """ "126.6 ± 0.2": mean and standard deviation over seeds, with figures that fit the size."""
    centre = mean(values)
    figures = 0 if abs(centre) >= 1000 else 1 if abs(centre) >= 20 else 2 if abs(centre) >= 0.095 else 3
    about = f" ± {stdev(values):.{figures}f}" if len(values) > 1 else ""
    return f"{round(centre, figures) + 0.0:.{figures}f}{about}".replace("-", "−")


def record(findings: dict[str, Finding], setting: dict[str, Any], path: Path = MEASURED) -> None:
    """Write the ledger."""
    entries = {}
    for name, finding in findings.items():
        own = CLAIMS[name]
        text = {"question": own.question, "sentence": own.sentence, "folklore": own.folklore}
        entries[name] = {**text, **asdict(finding)}
    path.write_text(
        json.dumps({"setting": setting, "claims": entries}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )


def recorded(path: Path = MEASURED) -> tuple[dict[str, Any], dict[str, Finding]]:
    """The setting and the findings of the last full run."""
    saved = json.loads(path.read_text(encoding="utf-8"))
    return saved["setting"], {
        name: Finding(entry["figures"], entry["unit"], entry["holds"]) for name, entry in saved["claims"].items()
    }
