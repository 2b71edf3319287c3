"""Question 2: what if the noise is deterministic, a precomputed vector for each sample?"""

import numpy as np

from vae_core.analysis.views.offset import offset_gap, offset_merged, offset_twice
from vae_core.teaching.claims.bench import Bench, Measured, compare
from vae_core.teaching.claims.ledger import Finding, claim, find

SMALL = {"f": "table", "a": 0.1, "normalise": True}


@claim("offset-is-no-noise", 2, "Encoded twice, an image gets the same z: an offset adds no randomness.")
def _(bench: Bench) -> Finding:
    runs = bench.runs("offset", {"f": "second_encoder"}, steps=100)
    return find(
        lambda d: d == 0,
        "largest difference of two encodings",
        offset=[offset_twice(r.trainer)["difference"] for r in runs],
    )


@claim("two-encoders-are-one", 2, "Two encoders, summed, are one network with their layers side by side.")
def _(bench: Bench) -> Finding:
    runs = bench.runs("offset", {"f": "second_encoder"}, steps=100)
    views = [offset_merged(r.trainer) for r in runs]
    return find(
        lambda difference, largest: difference < 1e-3 * max(1, largest),
        "",
        largest_difference=[v["difference"] for v in views],
        largest_output=[v["largest"] for v in views],
    )


@claim(
    "second-encoder-is-capacity",
    2,
    "Two encoders, summed, reconstruct as well as one wider encoder with as many parameters, to 2 nats, or better.",
    short=False,
)
def _(bench: Bench) -> Finding:
    two = bench.runs("offset", {"f": "second_encoder"})
    wide = bench.runs("autoencoder", wider=True)
    return compare(
        lambda r: r.metric("reconstruction"),
        lambda t, w: t < w + 2,
        "nats of reconstruction",
        two_summed=two,
        one_wider=wide,
    )


@claim(
    "small-table-acts-as-noise",
    2,
    "A table of fixed offsets of size 0.1 on normalised codes does what noise of that size does.",
    folklore="Only true randomness regularises.",
    short=False,
)
def _(bench: Bench) -> Finding:
    table, noise = bench.runs("offset", SMALL), bench.runs("normalised_noise", {"noise_std": 0.1})
    return compare(
        lambda r: r.log_marginal(), lambda t, n: abs(t - n) < 2, "nats of log p(x)", table=table, noise=noise
    )


@claim(
    "large-table-leaves-the-prior", 2, "On codes that are not normalised, a table does not keep the codes near N(0, I)."
)
def _(bench: Bench) -> Finding:
    table, vae = bench.runs("offset", {"f": "table", "a": 1.0}), bench.runs("vae")
    return compare(lambda r: r.log_marginal(), lambda t, v: t < v - 3, "nats of log p(x)", table=table, VAE=vae)


@claim(
    "encoder-outgrows-the-table",
    2,
    "Where nothing holds them, the codes grow until the table's offsets are small beside them.",
)
def _(bench: Bench) -> Finding:
    runs = bench.runs("offset", {"f": "table", "a": 1.0})
    return find(
        lambda d: d > 4, "standard deviation of the codes, beside offsets of 1", offset=[r.code_deviation for r in runs]
    )


@claim(
    "unseen-images-without-their-vector",
    2,
    "An unseen image that gets no vector is reconstructed no worse than seen ones with theirs.",
    folklore="Images without their precomputed vector fall apart.",
    short=False,
)
def _(bench: Bench) -> Finding:
    gaps = [offset_gap(r.trainer) for r in bench.runs("offset", {**SMALL, "unseen": "zero"})]
    return find(
        lambda seen, unseen: unseen < seen + 3,
        "nats of reconstruction",
        seen=[g["seen"] for g in gaps],
        unseen=[g["unseen"] for g in gaps],
    )


@claim(
    "no-posterior-no-uncertainty",
    2,
    "Fifty encodings of an image differ under the VAE and are one point under the offset.",
)
def _(bench: Bench) -> Finding:
    def spread(runs: list[Measured]) -> list[float]:
        return [float(r.frame.repeats.std(1).max(1).mean()) for r in runs]

    vae, offset = spread(bench.runs("vae")), spread(bench.runs("offset", SMALL))
    return find(
        lambda v, o: v > 0.01 and o < 1e-6, "standard deviation of z", VAE=vae, offset=np.round(offset, 9).tolist()
    )
