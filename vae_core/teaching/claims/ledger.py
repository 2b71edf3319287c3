"""The ledger: sentences about runs, each with a name, a way to measure it and a verdict that comes from an interval."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import mean, stdev
from typing import Any, Literal

from vae_core.storage.export import write

MEASURED = Path(__file__).parent / "measured.json"  # the last full run, shown by the lessons
CONFIDENCE = 0.95

Verdict = Literal["holds", "fails", "depends on the seed", "by construction"]


@dataclass(frozen=True)
class Effect:
    """A figure of each seed, and the range in which a sentence says that its mean over seeds lies.

    Attributes:
        name: in words, "VAE less autoencoder".
        values: one for each seed.
        interval: where the mean lies, see `interval_of`.
        least, most: ends of the range; None where it is open.
    """

    name: str
    values: list[float]
    interval: tuple[float, float]
    least: float | None = None
    most: float | None = None

    @property
    def ends(self) -> tuple[float, float]:
        """Of the range, infinite where it is open."""
        return -math.inf if self.least is None else self.least, math.inf if self.most is None else self.most

    @property
    def always(self) -> bool:
        """Whether the figure of each seed lies in the range."""
        least, most = self.ends
        return all(least <= value <= most for value in self.values)

    @property
    def verdict(self) -> Verdict:
        """Whether the interval lies in the range, outside, or across one of its ends."""
        (low, high), (least, most) = self.interval, self.ends
        if least <= low and high <= most:
            return "holds"
        return "fails" if high < least or low > most else "depends on the seed"

    def words(self) -> str:
        """ "VAE less autoencoder: 3.0 [2.1, 3.9]"."""
        centre, (low, high) = mean(self.values), self.interval
        ends = "" if low == high else f" [{number(low, like=centre)}, {number(high, like=centre)}]"
        return f"{self.name}: {number(centre)}{ends}"


def interval_of(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % confidence interval of the mean over seeds, by Student's t; of one seed the value itself."""
    from scipy.stats import t  # half a second, and only who measures needs it

    centre = mean(values)
    if len(values) == 1:
        return centre, centre
    half = float(t.ppf(0.5 + CONFIDENCE / 2, len(values) - 1)) * stdev(values) / math.sqrt(len(values))
    return centre - half, centre + half


@dataclass(frozen=True)
class Finding:
    """What a claim's runs gave.

    Attributes:
        figures: what was measured -> one value for each seed.
        unit: of all figures.
        effects: what the sentence says about them.
    """

    figures: dict[str, list[float]]
    unit: str
    effects: list[Effect]

    @property
    def verdict(self) -> Verdict:
        """It holds where each effect lies in its range, and fails where one lies outside."""
        found = [effect.verdict for effect in self.effects]
        if "fails" in found:
            return "fails"
        return "depends on the seed" if "depends on the seed" in found else "holds"

    @property
    def seeds(self) -> int:
        """Runs of each recipe."""
        return len(next(iter(self.figures.values())))

    def words(self) -> str:
        """ "autoencoder: 126.6 ± 0.2, VAE: 131.4 ± 0.1 nats; VAE less autoencoder: 4.8 [4.5, 5.1] (3 seeds)"."""
        parts = ", ".join(f"{name}: {spread(values)}" for name, values in self.figures.items())
        told = [effect.words() for effect in self.effects if effect.name not in self.figures]
        unit = f" {self.unit}" if self.unit else ""
        return f"{'; '.join([parts + unit, *told])} ({self.seeds} seed{'s' * (self.seeds > 1)})"


@dataclass(frozen=True)
class Claim:
    """One sentence about runs.

    Attributes:
        name: by which texts cite it.
        question: 1 to 7, the lesson that it belongs to.
        sentence: what is claimed, for this setting.
        folklore: what is often said instead, where that does not hold here; else "".
        expects: the verdict that the sentence is written for, by the last full run.
        theorem: whether it holds by construction: what is measured then is that the code does what it should.
        measure: runs what it needs.
        short: whether it also holds after a tenth of the training, so that tests can ask for it.
    """

    name: str
    question: int
    sentence: str
    measure: Callable[[Any], Finding] = field(repr=False)
    folklore: str = ""
    expects: Verdict = "holds"
    theorem: bool = False
    short: bool = True

    def verdict(self, finding: Finding) -> Verdict:
        """The finding's; a theorem holds for each seed, or the code is wrong."""
        if not self.theorem:
            return finding.verdict
        return "by construction" if all(effect.always for effect in finding.effects) else "fails"


CLAIMS: dict[str, Claim] = {}  # filled while the modules of this package are imported, read-only afterwards


def claim(
    name: str,
    question: int,
    sentence: str,
    *,
    folklore: str = "",
    expects: Verdict = "holds",
    theorem: bool = False,
    short: bool = True,
) -> Callable[[Callable[[Any], Finding]], Callable[[Any], Finding]]:
    """Declare a claim: put this above the function that measures it."""

    def declare(measure: Callable[[Any], Finding]) -> Callable[[Any], Finding]:
        if name in CLAIMS:
            raise ValueError(f"Two claims are called {name!r}.")
        verdict: Verdict = "by construction" if theorem else expects
        CLAIMS[name] = Claim(name, question, sentence, measure, folklore, verdict, theorem, short)
        return measure

    return declare


def find(unit: str, effects: Sequence[Effect], /, **figures: Sequence[float]) -> Finding:
    """A finding from figures by seed. Underscores in names of figures are shown as spaces."""
    values = {name.replace("_", " "): [float(v) for v in several] for name, several in figures.items()}
    return Finding(values, unit, list(effects))


def between(name: str, values: Sequence[float], least: float | None = None, most: float | None = None) -> Effect:
    """An effect whose mean is said to lie in a range."""
    values = [float(v) for v in values]
    return Effect(name, values, interval_of(values), least, most)


def less(
    name: str, one: Sequence[float], other: Sequence[float], least: float | None = None, most: float | None = None
) -> Effect:
    """The difference of two figures, seed by seed: equal seeds share initialisation, batches and ε."""
    return between(name, [a - b for a, b in zip(one, other, strict=True)], least, most)


def number(value: float, like: float | None = None) -> str:
    """ "126.6": with figures that fit the size, of this value or of another."""
    size = abs(value if like is None else like)
    figures = 0 if size >= 1000 else 1 if size >= 20 else 2 if size >= 0.095 else 3
    return f"{round(value, figures) + 0.0:.{figures}f}".replace("-", "−")


def spread(values: Sequence[float]) -> str:
    """ "126.6 ± 0.2": mean and standard deviation over seeds."""
    centre = mean(values)
    about = f" ± {number(stdev(values), like=centre)}" if len(values) > 1 else ""
    return number(centre) + about


def record(findings: dict[str, Finding], setting: dict[str, Any], path: Path = MEASURED) -> None:
    """Write the ledger.

    Raises:
        ExportError: it cannot be written.
    """
    entries = {}
    for name, finding in findings.items():
        own = CLAIMS[name]
        text = {"question": own.question, "sentence": own.sentence, "folklore": own.folklore}
        entries[name] = {**text, "verdict": own.verdict(finding), **asdict(finding)}
    ledger = json.dumps({"setting": setting, "claims": entries}, indent=1, ensure_ascii=False) + "\n"
    write(path, ledger.encode())


def recorded(path: Path = MEASURED) -> tuple[dict[str, Any], dict[str, Finding]]:
    """The setting and the findings of the last full run."""
    saved = json.loads(path.read_text(encoding="utf-8"))
    return saved["setting"], {
        name: Finding(
            entry["figures"],
            entry["unit"],
            [Effect(**{**effect, "interval": tuple(effect["interval"])}) for effect in entry["effects"]],
        )
        for name, entry in saved["claims"].items()
    }
