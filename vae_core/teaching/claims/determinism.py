"""Question 2: what if the noise is deterministic, a precomputed vector for each sample?"""

from typing import Any

import numpy as np

from vae_core.analysis.views.offset import offset_gap, offset_merged, offset_twice
from vae_core.teaching.claims.bench import Bench, Measured, compare, each
from vae_core.teaching.claims.ledger import Finding, between, claim, find, less

TABLE = {"f": "table", "a": 0.1, "normalise": True}  # as large as the noise of `NOISE`
NOISE = {"noise_std": 0.1}
NONE = {"noise_std": 0.0}  # normalised alike, and nothing added
FEW: dict[str, Any] = {"train_size": 200, "steps": 1500}


@claim("offset-is-no-noise", 2, "Encoded twice, an image gets the same z: an offset adds no randomness.", theorem=True)
def _(bench: Bench) -> Finding:
    runs = bench.runs("offset", {"f": "second_encoder"}, steps=100)
    apart = [offset_twice(r.trainer)["difference"] for r in runs]
    return find("largest difference of two encodings", [between("offset", apart, 0, 0)], offset=apart)


@claim("two-encoders-are-one", 2, "Two encoders, summed, are one network with their layers side by side.", theorem=True)
def _(bench: Bench) -> Finding:
    runs = bench.runs("offset", {"f": "second_encoder"}, steps=100)
    views = [offset_merged(r.trainer) for r in runs]
    apart = [v["difference"] / max(1, v["largest"]) for v in views]
    return find("of the largest output", [between("largest difference", apart, 0, 1e-3)], largest_difference=apart)


@claim(
    "second-encoder-is-capacity",
    2,
    "Two encoders, summed, reconstruct unseen images as well as one wider one with as many parameters, to 2 nats.",
    expects="depends on the seed",
    short=False,
)
def _(bench: Bench) -> Finding:
    two, wide = bench.runs("offset", {"f": "second_encoder"}), bench.runs("autoencoder", wider=True)
    return compare(
        lambda r: r.metric("reconstruction"), "nats of reconstruction", -2, 2, two_summed=two, one_wider=wide
    )


@claim(
    "more-encoder-changes-little",
    2,
    "Twice the encoder, whether summed, wider or as a mean of two, changes the reconstruction of unseen images by less "
    "than 3 nats.",
    expects="depends on the seed",
    short=False,
)
def _(bench: Bench) -> Finding:
    kinds = {
        "one": bench.runs("autoencoder"),
        "two summed": bench.runs("offset", {"f": "second_encoder"}),
        "one wider": bench.runs("autoencoder", wider=True),
        "mean of two": bench.runs("autoencoder", encoders=2),
    }
    nats = {name: [r.metric("reconstruction") for r in runs] for name, runs in kinds.items()}
    one = nats.pop("one")
    effects = [less(f"{name}, less one", several, one, -3, 3) for name, several in nats.items()]
    return find("nats of reconstruction", effects, one=one, **nats)


def with_each_offset(bench: Bench, **fields: Any) -> list[list[Measured]]:
    """Runs on normalised codes to which a table's vectors, noise of that size, or nothing is added."""
    rules = ("offset", TABLE), ("normalised_noise", NOISE), ("normalised_noise", NONE)
    return [bench.runs(rule, knobs, **fields) for rule, knobs in rules]


@claim(
    "small-table-acts-as-noise",
    2,
    "As a generative model, a table of offsets of size 0.1 on normalised codes does what such noise does, to 2 nats.",
    short=False,
)
def _(bench: Bench) -> Finding:
    table, noise = bench.runs("offset", TABLE), bench.runs("normalised_noise", NOISE)
    return compare(lambda r: r.log_marginal(), "nats of log p(x)", -2, 2, table=table, noise=noise)


@claim(
    "table-calms-the-decoder",
    2,
    "With all the training images, the table makes the decoder's image change more slowly with z, as the noise does.",
    folklore="Only true randomness regularises.",
    short=False,
)
def _(bench: Bench) -> Finding:
    table, noise, none = each(lambda r: float(np.median(r.slopes)), *with_each_offset(bench))
    effects = [less("none less table", none, table, 0), less("none less noise", none, noise, 0)]
    return find("median norm of the Jacobian", effects, table=table, noise=noise, none=none)


@claim(
    "few-images-tell-table-from-noise",
    2,
    "On 200 training images the table does not help unseen ones, noise of its size does, by more than 20 nats.",
    short=False,
)
def _(bench: Bench) -> Finding:
    table, noise, none = each(lambda r: r.metric("reconstruction"), *with_each_offset(bench, **FEW))
    effects = [less("none less table", none, table, None, 20), less("table less noise", table, noise, 20)]
    return find("nats on unseen images", effects, table=table, noise=noise, none=none)


@claim(
    "large-table-leaves-the-prior", 2, "On codes that are not normalised, a table does not keep the codes near N(0, I)."
)
def _(bench: Bench) -> Finding:
    table, vae = bench.runs("offset", {"f": "table", "a": 1.0}), bench.runs("vae")
    return compare(lambda r: r.log_marginal(), "nats of log p(x)", 10, None, VAE=vae, table=table)


@claim(
    "encoder-outgrows-the-table",
    2,
    "Where nothing holds them, the codes grow to more than ten times the size of the table's offsets.",
)
def _(bench: Bench) -> Finding:
    wide = [r.code_deviation for r in bench.runs("offset", {"f": "table", "a": 1.0})]
    return find("standard deviation of the codes, beside offsets of 1", [between("codes", wide, 10)], codes=wide)


@claim(
    "unseen-images-without-their-vector",
    2,
    "An unseen image that gets no vector is reconstructed no worse than seen ones with theirs.",
    folklore="Images without their precomputed vector fall apart.",
    short=False,
)
def _(bench: Bench) -> Finding:
    gaps = [offset_gap(r.trainer) for r in bench.runs("offset", {**TABLE, "unseen": "zero"})]
    seen, unseen = [g["seen"] for g in gaps], [g["unseen"] for g in gaps]
    effect = less("unseen less seen", unseen, seen, None, 0)
    return find("nats of reconstruction", [effect], seen=seen, unseen=unseen)


@claim(
    "no-posterior-no-uncertainty",
    2,
    "Fifty encodings of an image differ under the VAE and are one point under the offset.",
    theorem=True,
)
def _(bench: Bench) -> Finding:
    def spread(runs: list[Measured]) -> list[float]:
        return [float(r.frame.repeats.std(1).max(1).mean()) for r in runs]

    vae, offset = spread(bench.runs("vae")), np.round(spread(bench.runs("offset", TABLE)), 9).tolist()
    effects = [between("VAE", vae, 0.001), between("offset", offset, 0, 1e-6)]
    return find("standard deviation of z", effects, VAE=vae, offset=offset)
