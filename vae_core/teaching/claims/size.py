"""Question 6: when is a VAE better than an autoencoder, when worse? What does the noise do on a tiny data set?"""

from typing import Any

from vae_core.teaching.claims.bench import Bench, Measured, compare
from vae_core.teaching.claims.ledger import Finding, claim, find

TINY: dict[str, Any] = {"train_size": 20, "steps": 600}


@claim(
    "tiny-data-noise-helps",
    6,
    "Trained on 20 images, the VAE reconstructs unseen images far better than the autoencoder.",
)
def _(bench: Bench) -> Finding:
    ae, vae = bench.runs("autoencoder", **TINY), bench.runs("vae", **TINY)
    return compare(lambda r: r.metric("reconstruction"), lambda a, v: v < a - 20, "nats", autoencoder=ae, VAE=vae)


@claim("tiny-data-autoencoder-memorises", 6, "On its 20 training images themselves the autoencoder is the better one.")
def _(bench: Bench) -> Finding:
    ae, vae = bench.runs("autoencoder", **TINY), bench.runs("vae", **TINY)
    return compare(
        lambda r: r.metric("reconstruction_seen"),
        lambda a, v: a < v,
        "nats on the training images",
        autoencoder=ae,
        VAE=vae,
    )


@claim(
    "more-data-closes-the-gap",
    6,
    "On 60,000 images unseen ones are reconstructed nearly as well as seen ones; on 20 they are not.",
)
def _(bench: Bench) -> Finding:
    def gap(runs: list[Measured]) -> list[float]:
        return [r.metric("reconstruction") - r.metric("reconstruction_seen") for r in runs]

    return find(
        lambda all_, few: abs(all_) < 15 and few > 50,
        "nats, unseen less seen",
        all_images=gap(bench.runs("vae")),
        twenty_images=gap(bench.runs("vae", **TINY)),
    )


@claim(
    "the-encoder-errs-more-than-the-gaussian",
    6,
    "Most of the inference gap is the encoder's (amortization), little the Gaussian's shape.",
)
def _(bench: Bench) -> Finding:
    runs = bench.runs("vae")
    return find(
        lambda a, g: a > 3 * g,
        "nats",
        amortization=[r.gap("amortization") for r in runs],
        approximation=[r.gap("approximation") for r in runs],
    )


@claim("elbo-understates", 6, "The ELBO lies below log p(x), by some nats on average.")
def _(bench: Bench) -> Finding:
    runs = bench.runs("vae")
    return find(
        lambda e, m: e < m,
        "nats",
        ELBO=[r.gap("elbo") for r in runs],
        exactly=[r.gap("log_marginal") for r in runs],
    )


@claim("too-much-beta-ruins-it", 6, "At β = 10 the VAE reconstructs far worse than at β = 1.")
def _(bench: Bench) -> Finding:
    low, high = bench.runs("vae"), bench.runs("vae", {"beta": 10.0})
    return compare(
        lambda r: r.metric("reconstruction"), lambda a, b: b > a + 5, "nats of reconstruction", β_1=low, β_10=high
    )
