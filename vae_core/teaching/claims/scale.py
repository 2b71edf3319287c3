"""Question 4: if the codes are N(0, 1) and the noise is N(0, 1), how can reconstruction work at all?"""

import math

import numpy as np

from vae_core.teaching.claims.bench import Bench, Measured, compare
from vae_core.teaching.claims.ledger import Finding, claim, find


def noise_cost(run: Measured) -> float:
    """Nats that the draw costs against the mean, of the whole test set: of few images, one draw each says little."""
    return run.of_test_set("reconstruction") - run.of_test_set("reconstruction_at_mean")


@claim(
    "sigma-is-small",
    4,
    "The noise is never N(0, 1): at β = 1 the median σ is below 0.15, beside codes of deviation near 1.",
)
def _(bench: Bench) -> Finding:
    runs = bench.runs("vae")
    return find(
        lambda s, d: s < 0.15 and 0.7 < d < 1.6,
        "",
        median_σ=[float(np.median(r.sigma)) for r in runs],
        deviation_of_codes=[r.code_deviation for r in runs],
    )


@claim(
    "half-a-nat-for-each-dimension",
    4,
    "At β = 1 the noise costs about one nat of reconstruction: half a nat for each dimension.",
)
def _(bench: Bench) -> Finding:
    return find(lambda c: 0.6 < c < 1.5, "nats", VAE=[noise_cost(r) for r in bench.runs("vae")])


@claim(
    "cost-follows-beta", 4, "What the noise costs grows with β, about β/2 for each dimension, up to β = 3.", short=False
)
def _(bench: Bench) -> Finding:
    costs = {f"β_{b:g}": [noise_cost(r) for r in bench.runs("vae", {"beta": b})] for b in (0.3, 1.0, 3.0)}
    return find(lambda *c: all(0.6 * b < x < 1.6 * b for b, x in zip((0.3, 1, 3), c, strict=True)), "nats", **costs)


@claim("beta-widens-sigma", 4, "A larger β buys wider noise.")
def _(bench: Bench) -> Finding:
    low, high = bench.runs("vae"), bench.runs("vae", {"beta": 10.0})
    return compare(lambda r: float(np.median(r.sigma)), lambda a, b: b > 1.5 * a, "median σ", β_1=low, β_10=high)


@claim("beta-costs-information", 4, "A larger β leaves less information about x in z.")
def _(bench: Bench) -> Finding:
    low, high = bench.runs("vae"), bench.runs("vae", {"beta": 10.0})
    return compare(
        lambda r: float(r.aggregate.mutual_information), lambda a, b: b < a - 0.5, "nats of I(x; z)", β_1=low, β_10=high
    )


@claim(
    "kl-is-mostly-information",
    4,
    "Most of the KL is information about x; little of it says that all codes together are not N(0, I).",
)
def _(bench: Bench) -> Finding:
    runs = bench.runs("vae")
    return find(
        lambda i, a: i > 5 * a,
        "nats",
        mutual_information=[float(r.aggregate.mutual_information) for r in runs],
        KL_of_the_aggregate=[float(r.aggregate.aggregate_kl) for r in runs],
    )


@claim(
    "places-that-can-be-told-apart",
    4,
    "The plane holds some hundred codes that the noise leaves distinct.",
    short=False,
)
def _(bench: Bench) -> Finding:
    runs = bench.runs("vae")
    return find(
        lambda n: 100 < n < 2000, "codes, exp I(x; z)", VAE=[math.exp(r.aggregate.mutual_information) for r in runs]
    )


@claim(
    "codes-plus-noise-fill-the-prior",
    4,
    "Codes and noise together have about the prior's deviation of 1, to within 0.3.",
    short=False,
)
def _(bench: Bench) -> Finding:
    return find(
        lambda d: 0.7 < d < 1.3,
        "standard deviation of z",
        VAE=[float(np.sqrt(r.frame.z.var(0).mean())) for r in bench.runs("vae")],
    )
