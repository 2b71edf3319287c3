"""Question 1: why is z random at all?"""

from statistics import mean

import numpy as np

from vae_core.analysis.fields import jacobian_norm
from vae_core.teaching.claims.bench import Bench, Measured, compare
from vae_core.teaching.claims.ledger import Finding, claim, find, find_together


@claim(
    "noise-costs-little-reconstruction",
    1,
    "Over these seeds, unseen images are reconstructed a little better without the noise, but not with every one.",
    folklore="Without the noise, reconstruction is much better.",
    short=False,
)
def _(bench: Bench) -> Finding:
    ae, vae = bench.runs("autoencoder"), bench.runs("vae")
    return find_together(
        lambda without, with_noise: (
            0 < mean(with_noise) - mean(without) < 4 and any(w <= n for n, w in zip(without, with_noise, strict=True))
        ),
        "nats",
        autoencoder=[r.metric("reconstruction") for r in ae],
        VAE=[r.metric("reconstruction") for r in vae],
    )


@claim("autoencoder-fails-under-the-prior", 1, "Under N(0, I) the autoencoder gives test images far less probability.")
def _(bench: Bench) -> Finding:
    ae, vae = bench.runs("autoencoder"), bench.runs("vae")
    return compare(lambda r: r.log_marginal(), lambda a, v: a < v - 3, "nats of log p(x)", autoencoder=ae, VAE=vae)


@claim(
    "autoencoder-lacks-only-a-prior",
    1,
    "Under a mixture fitted to its own codes the autoencoder is as good a generative model as the VAE, to 2 nats, "
    "or better.",
    folklore="An autoencoder cannot generate.",
    short=False,
)
def _(bench: Bench) -> Finding:
    ae, vae = bench.runs("autoencoder"), bench.runs("vae")
    return compare(
        lambda r: r.log_marginal("mixture"),
        lambda a, v: a > v - 2,
        "nats of log p(x) under the fitted mixture",
        autoencoder=ae,
        VAE=vae,
    )


@claim(
    "prior-meets-the-codes",
    1,
    "Several times as much of the prior's mass lies in holes of the autoencoder's codes as of the VAE's.",
    short=False,
)
def _(bench: Bench) -> Finding:
    ae, vae = bench.runs("autoencoder"), bench.runs("vae")
    return compare(
        lambda r: r.holes, lambda a, v: a > 0.02 and a > 3 * v, "of the prior's mass", autoencoder=ae, VAE=vae
    )


@claim("codes-without-noise-spread", 1, "Without noise and penalty the codes spread much wider than the prior.")
def _(bench: Bench) -> Finding:
    ae, vae = bench.runs("autoencoder"), bench.runs("vae")
    return compare(lambda r: r.code_deviation, lambda a, v: a > 2 * v, "", autoencoder=ae, VAE=vae)


@claim("unused-sigma-grows-to-one", 1, "With the noise switched off while the KL stays, σ grows to 1: nobody sees it.")
def _(bench: Bench) -> Finding:
    before, after = bench.runs("vae"), bench.runs("vae", steps=1200, then={"noise": 0.0})
    return compare(
        lambda r: float(np.median(r.sigma)),
        lambda b, a: b < 0.2 and a > 0.8,
        "median σ",
        noise_on=before,
        noise_off=after,
    )


@claim(
    "labels-are-as-near-without-noise",
    1,
    "Neighbours in the plane share a label at least as often without noise as with it, to 2 percent.",
    folklore="The noise is what puts similar images side by side.",
    short=False,
)
def _(bench: Bench) -> Finding:
    ae, vae = bench.runs("autoencoder"), bench.runs("vae")
    return compare(
        lambda r: r.accuracy, lambda a, v: a > v - 0.02, "accuracy of 10 nearest neighbours", autoencoder=ae, VAE=vae
    )


@claim(
    "noise-keeps-the-decoder-calm",
    1,
    "One posterior standard deviation changes the VAE's image by far less than a pixel's worth of ink each.",
)
def _(bench: Bench) -> Finding:
    def change(run: Measured) -> float:
        norm = jacobian_norm(run.trainer, run.frame.mean[:300])
        return float(np.median(norm * run.sigma[:300].mean(1)) / np.sqrt(784))

    return find(lambda c: c < 0.2, "rms change of a pixel for one σ", VAE=[change(r) for r in bench.runs("vae")])
