"""Question 4: if the codes are N(0, 1) and the noise is N(0, 1), how can reconstruction work at all?"""

import math

import numpy as np

from vae_core.teaching.claims.bench import Bench, compare
from vae_core.teaching.claims.ledger import Finding, between, claim, find


@claim("sigma-is-small", 4, "At β = 1 the median σ is less than a tenth of the deviation of the codes.")
def _(bench: Bench) -> Finding:
    runs = bench.runs("vae")
    sigma, wide = [r.median_sigma for r in runs], [r.code_deviation for r in runs]
    share = [s / d for s, d in zip(sigma, wide, strict=True)]
    return find("", [between("share", share, None, 0.1)], median_σ=sigma, deviation_of_codes=wide)


@claim(
    "half-a-nat-for-each-dimension",
    4,
    "At β = 1 the noise costs about one nat of reconstruction, to a quarter: half a nat for each dimension.",
    short=False,
)
def _(bench: Bench) -> Finding:
    cost = [r.noise_cost for r in bench.runs("vae")]
    return find("nats", [between("VAE", cost, 0.75, 1.25)], VAE=cost)


@claim(
    "cost-follows-beta",
    4,
    "What the noise costs grows with β up to 3: β/2 for each dimension, to a quarter.",
    short=False,
)
def _(bench: Bench) -> Finding:
    costs = {f"β {b:g}": [r.noise_cost for r in bench.runs("vae", {"beta": b})] for b in (0.3, 1.0, 3.0)}
    effects = [
        between(f"{name}, cost over β", [c / float(name[2:]) for c in several], 0.75, 1.25)
        for name, several in costs.items()
    ]
    return find("nats", effects, **costs)


@claim(
    "cost-differs-between-images",
    4,
    "What the noise costs differs between images: of the middle nine tenths the dearest pays more than twice the "
    "cheapest.",
)
def _(bench: Bench) -> Finding:
    ends = [np.quantile(r.noise_costs, [0.05, 0.95]) for r in bench.runs("vae")]
    low, high = [float(e[0]) for e in ends], [float(e[1]) for e in ends]
    share = [cheap / dear for cheap, dear in zip(low, high, strict=True)]  # the cheapest may pay next to nothing
    effect = between("cheapest over dearest", share, None, 0.5)
    return find("nats for one image", [effect], fifth_percentile=low, ninety_fifth_percentile=high)


@claim("beta-widens-sigma", 4, "A larger β buys wider noise.")
def _(bench: Bench) -> Finding:
    low, high = bench.runs("vae"), bench.runs("vae", {"beta": 10.0})
    return compare(lambda r: r.median_sigma, "median σ", 0, None, β_10=high, β_1=low)


@claim("beta-costs-information", 4, "A larger β leaves less information about x in z.")
def _(bench: Bench) -> Finding:
    low, high = bench.runs("vae"), bench.runs("vae", {"beta": 10.0})
    return compare(lambda r: float(r.aggregate.mutual_information), "nats of I(x; z)", 0, None, β_1=low, β_10=high)


@claim(
    "kl-is-mostly-information",
    4,
    "More than nine tenths of the KL are information about x; the rest says that all codes together are not N(0, I).",
    short=False,
)
def _(bench: Bench) -> Finding:
    runs = bench.runs("vae")
    told = [float(r.aggregate.mutual_information) for r in runs]
    shape = [float(r.aggregate.aggregate_kl) for r in runs]
    share = [i / (i + k) for i, k in zip(told, shape, strict=True)]
    effect = between("share of information", share, 0.9)
    return find("nats", [effect], mutual_information=told, KL_of_the_aggregate=shape)


@claim(
    "places-that-can-be-told-apart",
    4,
    "The plane holds between one hundred and one thousand codes that the noise leaves distinct.",
    short=False,
)
def _(bench: Bench) -> Finding:
    places = [math.exp(r.aggregate.mutual_information) for r in bench.runs("vae")]
    return find("codes, exp I(x; z)", [between("VAE", places, 100, 1000)], VAE=places)


@claim(
    "codes-plus-noise-fill-the-prior",
    4,
    "Codes and noise together have about the prior's deviation of 1, to within 0.3.",
    short=False,
)
def _(bench: Bench) -> Finding:
    wide = [float(np.sqrt(r.frame.z.var(0).mean())) for r in bench.runs("vae")]
    return find("standard deviation of z", [between("VAE", wide, 0.7, 1.3)], VAE=wide)
