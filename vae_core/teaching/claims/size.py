"""Question 6: when is a VAE better than an autoencoder, when worse? What does the noise do on a tiny data set?"""

from typing import Any

import numpy as np

from vae_core.analysis.moved_images import others_passed
from vae_core.teaching.claims.bench import Bench, Measured, compare, each
from vae_core.teaching.claims.ledger import Finding, between, claim, find, less

TINY: dict[str, Any] = {"train_size": 20, "steps": 600}


@claim(
    "tiny-data-noise-helps",
    6,
    "Trained on 20 images for 600 steps, the VAE reconstructs unseen ones better than the autoencoder, by more than 50 "
    "nats.",
    short=False,
)
def _(bench: Bench) -> Finding:
    ae, vae = bench.runs("autoencoder", **TINY), bench.runs("vae", **TINY)
    return compare(lambda r: r.metric("reconstruction"), "nats", 50, None, autoencoder=ae, VAE=vae)


@claim(
    "tiny-data-mean-image-wins",
    6,
    "Trained on 20 images for 600 steps, both are worse on unseen ones than the twenty's mean, by more than 50 nats.",
)
def _(bench: Bench) -> Finding:
    ae, vae = bench.runs("autoencoder", **TINY), bench.runs("vae", **TINY)
    of_ae, of_vae = each(lambda r: r.metric("reconstruction"), ae, vae)
    by_mean = [r.mean_image_nats for r in vae]
    effects = [
        less(f"{name} less mean image", own, by_mean, 50) for name, own in (("autoencoder", of_ae), ("VAE", of_vae))
    ]
    return find("nats on unseen images", effects, autoencoder=of_ae, VAE=of_vae, mean_image=by_mean)


@claim(
    "tiny-data-best-step",
    6,
    "Stopped at its best step, the autoencoder of 20 images is the better one on unseen images.",
    folklore="On little data the noise always helps.",
    short=False,
    expects="depends on the seed",
)
def _(bench: Bench) -> Finding:
    ae, vae = (
        [min(course) for course in bench.courses(rule, TINY["steps"], train_size=TINY["train_size"])]
        for rule in ("autoencoder", "vae")
    )
    return find(
        "nats on unseen images, at the best step", [less("VAE less autoencoder", vae, ae, 0)], autoencoder=ae, VAE=vae
    )


@claim(
    "tiny-data-autoencoder-memorises",
    6,
    "On its 20 training images themselves the autoencoder is the better one.",
    short=False,
)
def _(bench: Bench) -> Finding:
    ae, vae = bench.runs("autoencoder", **TINY), bench.runs("vae", **TINY)
    return compare(
        lambda r: r.metric("reconstruction_seen"), "nats on the training images", 0, None, VAE=vae, autoencoder=ae
    )


@claim(
    "more-data-closes-the-gap",
    6,
    "On 60,000 images unseen ones are reconstructed as well as seen ones, to 5 nats; on 20 worse by more than 50.",
)
def _(bench: Bench) -> Finding:
    def gap(runs: list[Measured]) -> list[float]:
        return [r.metric("reconstruction") - r.metric("reconstruction_seen") for r in runs]

    all_images, twenty = gap(bench.runs("vae")), gap(bench.runs("vae", **TINY))
    effects = [between("all images", all_images, -5, 5), between("twenty images", twenty, 50)]
    return find("nats, unseen less seen", effects, all_images=all_images, twenty_images=twenty)


@claim(
    "one-horse",
    6,
    "After 20 training images the code of an unseen image moved by a pixel may pass more of the others than after "
    "60,000, under both rules.",
    short=False,
    expects="depends on the seed",
)
def _(bench: Bench) -> Finding:
    found = {
        f"{name}, {size}": [float(np.quantile(others_passed(r.trainer), 0.95)) for r in bench.runs(rule, **fields)]
        for rule, name in (("autoencoder", "autoencoder"), ("vae", "VAE"))
        for size, fields in (("20", TINY), ("60,000", {}))
    }
    effects = [
        less(f"{name}, 20 less 60,000", found[f"{name}, 20"], found[f"{name}, 60,000"], 0)
        for name in ("autoencoder", "VAE")
    ]
    return find("of 100 others passed, 95th percentile", effects, **found)


@claim(
    "the-encoder-errs-more-than-the-gaussian",
    6,
    "Most of the inference gap is the encoder's (amortization), little the Gaussian's shape.",
)
def _(bench: Bench) -> Finding:
    runs = bench.runs("vae")
    encoder, shape = [r.gap("amortization") for r in runs], [r.gap("approximation") for r in runs]
    share = [a / (a + g) for a, g in zip(encoder, shape, strict=True)]
    effect = between("share of the encoder", share, 0.5)
    return find("nats", [effect], amortization=encoder, approximation=shape)


@claim("elbo-understates", 6, "The ELBO lies below log p(x).", theorem=True)
def _(bench: Bench) -> Finding:
    runs = bench.runs("vae")
    bound, whole = [r.gap("elbo") for r in runs], [r.gap("log_marginal") for r in runs]
    return find("nats", [less("log p(x) less ELBO", whole, bound, 0)], ELBO=bound, exactly=whole)


@claim("too-much-beta-ruins-it", 6, "At β = 10 the VAE reconstructs worse than at β = 1, by more than 5 nats.")
def _(bench: Bench) -> Finding:
    low, high = bench.runs("vae"), bench.runs("vae", {"beta": 10.0})
    return compare(lambda r: r.metric("reconstruction"), "nats of reconstruction", 5, None, β_10=high, β_1=low)
