"""Question 3: why not only the mean, why not only the noise, why two channels, what would a third add?"""

import numpy as np
from scipy.stats import spearmanr

from vae_core.teaching.claims.bench import Bench, Measured, compare, each
from vae_core.teaching.claims.ledger import Finding, between, claim, find, less


@claim(
    "fixed-unit-noise-is-too-much",
    3,
    "With σ fixed at 1 reconstruction is worse than with σ learned, by more than 10 nats.",
)
def _(bench: Bench) -> Finding:
    mean_only, vae = bench.runs("mean_only", {"sigma0": 1.0}), bench.runs("vae")
    return compare(
        lambda r: r.metric("reconstruction"), "nats of reconstruction", 10, None, mean_only=mean_only, VAE=vae
    )


@claim(
    "fixed-unit-noise-pushes-codes-apart", 3, "With σ fixed at 1 the codes spread at least twice as wide as a VAE's."
)
def _(bench: Bench) -> Finding:
    mean_only, vae = each(lambda r: r.code_deviation, bench.runs("mean_only", {"sigma0": 1.0}), bench.runs("vae"))
    times = [m / v for m, v in zip(mean_only, vae, strict=True)]
    effect = between("times as wide", times, 2)
    return find("standard deviation of the codes", [effect], mean_only=mean_only, VAE=vae)


@claim(
    "what-the-mean-costs-goes-up",
    3,
    "With σ fixed at 1 the codes' distance from the origin costs more KL than a VAE's.",
    short=False,
)
def _(bench: Bench) -> Finding:
    mean_only, vae = bench.runs("mean_only", {"sigma0": 1.0}), bench.runs("vae")
    return compare(
        lambda r: r.metric("kl_mean"), "nats of KL, of the mean alone", 0, None, mean_only=mean_only, VAE=vae
    )


@claim(
    "a-good-fixed-size-is-nearly-enough",
    3,
    "With a fixed σ of 0.1 the ELBO is within 5 nats of the VAE's.",
    folklore="Without a learned σ there is no VAE.",
    short=False,
)
def _(bench: Bench) -> Finding:
    mean_only, vae = bench.runs("mean_only", {"sigma0": 0.1}), bench.runs("vae")
    return compare(lambda r: r.metric("elbo"), "nats of ELBO", -5, 5, mean_only=mean_only, VAE=vae)


@claim("sigma-differs-between-images", 3, "The learned σ differs more than twofold between images.")
def _(bench: Bench) -> Finding:
    def ratio(run: Measured) -> float:
        low, high = np.quantile(run.sigma, [0.05, 0.95])
        return float(high / low)

    ratios = [ratio(r) for r in bench.runs("vae")]
    return find("times, from the 5th to the 95th percentile", [between("VAE", ratios, 2)], VAE=ratios)


@claim("sigma-follows-the-slope", 3, "σ is small where the image changes fast with z: their ranks are opposed.")
def _(bench: Bench) -> Finding:
    def correlation(run: Measured) -> float:
        return float(spearmanr(run.slopes, run.sigma[:300].prod(1)).statistic)

    ranks = [correlation(r) for r in bench.runs("vae")]
    return find("rank correlation of slope and σ", [between("VAE", ranks, -1, -0.5)], VAE=ranks)


@claim(
    "noise-alone-says-nothing",
    3,
    "With z = ε the decoder paints the mean image, to 1 nat: z knows nothing of x.",
)
def _(bench: Bench) -> Finding:
    runs = bench.runs("noise_only")
    nats, by_mean = [r.metric("reconstruction") for r in runs], [r.mean_image_nats for r in runs]
    effect = less("noise only less mean image", nats, by_mean, -1, 1)
    return find("nats", [effect], noise_only=nats, mean_image=by_mean)


@claim("noise-alone-carries-no-information", 3, "With z = ε the mutual information of x and z is 0.", theorem=True)
def _(bench: Bench) -> Finding:
    told = [float(r.aggregate.mutual_information) for r in bench.runs("noise_only")]
    return find("nats", [between("noise only", told, -1e-6, 1e-6)], noise_only=told)


@claim(
    "correlation-adds-little", 3, "A third channel, the correlation, changes the ELBO by less than 2 nats.", short=False
)
def _(bench: Bench) -> Finding:
    full, vae = bench.runs("full_covariance"), bench.runs("vae")
    return compare(lambda r: r.metric("elbo"), "nats of ELBO", -2, 2, full_covariance=full, VAE=vae)


@claim(
    "correlation-closes-the-approximation-gap",
    3,
    "What the correlation closes is the approximation gap, which is less than half a nat already.",
)
def _(bench: Bench) -> Finding:
    full, vae = each(lambda r: r.gap("approximation"), bench.runs("full_covariance"), bench.runs("vae"))
    effects = [less("VAE less full covariance", vae, full, 0), between("VAE", vae, 0, 0.5)]
    return find("nats of approximation gap", effects, full_covariance=full, VAE=vae)
