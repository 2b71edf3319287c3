"""Question 3: why not only the mean, why not only the noise, why two channels, what would a third add?"""

import numpy as np

from vae_core.teaching.claims.bench import Bench, Measured, compare
from vae_core.teaching.claims.ledger import Finding, claim, find


@claim("fixed-unit-noise-is-too-much", 3, "With σ fixed at 1 reconstruction is far worse than with σ learned.")
def _(bench: Bench) -> Finding:
    mean_only, vae = bench.runs("mean_only", {"sigma0": 1.0}), bench.runs("vae")
    return compare(
        lambda r: r.metric("reconstruction"),
        lambda m, v: m > v + 10,
        "nats of reconstruction",
        mean_only=mean_only,
        VAE=vae,
    )


@claim("fixed-unit-noise-pushes-codes-apart", 3, "With σ fixed at 1 the codes move apart, and pay for it in KL.")
def _(bench: Bench) -> Finding:
    mean_only, vae = bench.runs("mean_only", {"sigma0": 1.0}), bench.runs("vae")
    return compare(
        lambda r: r.code_deviation,
        lambda m, v: m > 1.3 * v,
        "standard deviation of the codes",
        mean_only=mean_only,
        VAE=vae,
    )


@claim(
    "a-good-fixed-size-is-nearly-enough",
    3,
    "With a fixed σ of 0.1 the ELBO is within 8 nats of the VAE's.",
    folklore="Without a learned σ there is no VAE.",
    short=False,
)
def _(bench: Bench) -> Finding:
    mean_only, vae = bench.runs("mean_only", {"sigma0": 0.1}), bench.runs("vae")
    return compare(
        lambda r: r.metric("elbo"), lambda m, v: abs(m - v) < 8, "nats of ELBO", mean_only=mean_only, VAE=vae
    )


@claim("sigma-differs-between-images", 3, "The learned σ differs several times over between images.")
def _(bench: Bench) -> Finding:
    def ratio(run: Measured) -> float:
        low, high = np.quantile(run.sigma, [0.05, 0.95])
        return float(high / low)

    return find(
        lambda r: r > 2, "times, from the 5th to the 95th percentile", VAE=[ratio(r) for r in bench.runs("vae")]
    )


@claim("noise-alone-says-nothing", 3, "With z = ε the decoder paints the mean image: z knows nothing of x.")
def _(bench: Bench) -> Finding:
    runs = bench.runs("noise_only")

    def mean_image_nats(run: Measured) -> float:
        trainer = run.trainer
        p = trainer.training_set.mean_image.double().clamp(1e-4, 1 - 1e-4)
        x = trainer.points.images[:500].double().cpu()
        return float(-(x * p.log() + (1 - x) * (1 - p).log()).sum(1).mean())

    return find(
        lambda r, m: abs(r - m) < 3,
        "nats",
        noise_only=[r.metric("reconstruction") for r in runs],
        mean_image=[mean_image_nats(r) for r in runs],
    )


@claim("noise-alone-carries-no-information", 3, "With z = ε the mutual information of x and z is 0.")
def _(bench: Bench) -> Finding:
    return find(
        lambda i: abs(i) < 0.01,
        "nats",
        noise_only=[float(r.aggregate.mutual_information) for r in bench.runs("noise_only")],
    )


@claim(
    "correlation-adds-little", 3, "A third channel, the correlation, changes the ELBO by less than 3 nats.", short=False
)
def _(bench: Bench) -> Finding:
    full, vae = bench.runs("full_covariance"), bench.runs("vae")
    return compare(
        lambda r: r.metric("elbo"), lambda f, v: abs(f - v) < 3, "nats of ELBO", full_covariance=full, VAE=vae
    )


@claim(
    "correlation-closes-the-approximation-gap",
    3,
    "What the correlation closes is the approximation gap, which is small already.",
)
def _(bench: Bench) -> Finding:
    full, vae = bench.runs("full_covariance"), bench.runs("vae")
    return compare(
        lambda r: r.gap("approximation"),
        lambda f, v: f < v < 0.5,
        "nats of approximation gap",
        full_covariance=full,
        VAE=vae,
    )
