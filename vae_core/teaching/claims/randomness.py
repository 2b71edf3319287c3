"""Question 1: why is z random at all?"""

import numpy as np

from vae_core.teaching.claims.bench import Bench, compare, each
from vae_core.teaching.claims.ledger import Finding, between, claim, find, less

OFF = {"noise": 0.0}
SWITCHED = 600  # steps with the noise, before it is switched off


@claim(
    "noise-costs-little-reconstruction",
    1,
    "Without the noise unseen images are reconstructed better, by less than 10 nats.",
    folklore="Without the noise, reconstruction is much better.",
    short=False,
)
def _(bench: Bench) -> Finding:
    ae, vae = bench.runs("autoencoder"), bench.runs("vae")
    return compare(lambda r: r.metric("reconstruction"), "nats", 0, 10, VAE=vae, autoencoder=ae)


@claim(
    "noise-off-hardly-helps",
    1,
    "When the noise is switched off, the reconstruction is better 100 steps later, by less than 5 nats.",
    short=False,
)
def _(bench: Bench) -> Finding:
    before = bench.runs("vae", steps=SWITCHED)
    after = bench.runs("vae", steps=SWITCHED, then=OFF, more=100)
    still = bench.runs("vae", steps=SWITCHED, then={"noise": 1.0}, more=100)
    on, off, kept = each(lambda r: r.metric("reconstruction"), before, after, still)
    effect = less("100 steps on with the noise, less without", kept, off, 0, 5)
    return find("nats", [effect], before=on, noise_on=kept, noise_off=off)


@claim(
    "autoencoder-fails-under-the-prior",
    1,
    "Under N(0, I) the autoencoder gives test images less probability than the VAE, by more than 10 nats.",
    short=False,
)
def _(bench: Bench) -> Finding:
    ae, vae = bench.runs("autoencoder"), bench.runs("vae")
    return compare(lambda r: r.log_marginal(), "nats of log p(x)", 10, None, VAE=vae, autoencoder=ae)


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
        "nats of log p(x) under the fitted mixture",
        -2,
        None,
        autoencoder=ae,
        VAE=vae,
    )


@claim(
    "prior-meets-the-codes",
    1,
    "More of the prior's mass lies in holes of the autoencoder's codes than of the VAE's.",
    short=False,
)
def _(bench: Bench) -> Finding:
    ae, vae = bench.runs("autoencoder"), bench.runs("vae")
    return compare(lambda r: r.holes, "of the prior's mass", 0, None, autoencoder=ae, VAE=vae)


@claim(
    "codes-without-noise-spread",
    1,
    "Without noise and penalty the codes spread more than twice as wide as the prior.",
)
def _(bench: Bench) -> Finding:
    ae, vae = bench.runs("autoencoder"), bench.runs("vae")
    wide, of_vae = each(lambda r: r.code_deviation, ae, vae)
    return find("", [between("autoencoder", wide, 2)], autoencoder=wide, VAE=of_vae)


@claim(
    "unused-sigma-grows-to-one",
    1,
    "With the noise switched off while the KL stays, σ grows to 1, to within 0.05: nobody sees it.",
)
def _(bench: Bench) -> Finding:
    before, after = bench.runs("vae", steps=SWITCHED), bench.runs("vae", steps=SWITCHED, then=OFF, more=600)
    on, off = each(lambda r: r.median_sigma, before, after)
    return find("median σ", [between("noise off", off, 0.95, 1.05)], noise_on=on, noise_off=off)


@claim(
    "unused-sigma-goes-at-once",
    1,
    "One hundred steps after the switch σ has come nine tenths of the way to 1.",
    short=False,
)
def _(bench: Bench) -> Finding:
    before, after = bench.runs("vae", steps=SWITCHED), bench.runs("vae", steps=SWITCHED, then=OFF, more=100)
    on, off = each(lambda r: r.median_sigma, before, after)
    way = [(b - a) / (1 - a) for a, b in zip(on, off, strict=True)]
    return find("median σ", [between("share of the way", way, 0.9)], noise_on=on, after_100_steps=off)


@claim(
    "labels-are-as-near-without-noise",
    1,
    "Neighbours in the plane share a label at least as often without noise as with it, to 2 percent.",
    folklore="The noise is what puts similar images side by side.",
    short=False,
)
def _(bench: Bench) -> Finding:
    ae, vae = bench.runs("autoencoder"), bench.runs("vae")
    return compare(lambda r: r.accuracy, "accuracy of 10 nearest neighbours", -0.02, None, autoencoder=ae, VAE=vae)


@claim(
    "noise-keeps-the-decoder-calm",
    1,
    "One posterior standard deviation changes a pixel of the VAE's image by less than a twentieth of its range.",
)
def _(bench: Bench) -> Finding:
    runs = bench.runs("vae")
    change = [float(np.median(r.slopes * r.sigma[:300].mean(1)) / np.sqrt(784)) for r in runs]
    return find("rms change of a pixel for one σ", [between("VAE", change, None, 0.05)], VAE=change)
