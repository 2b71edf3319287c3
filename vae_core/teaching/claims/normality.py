"""Question 5: why not insist that each batch of codes is normal? And what do normalizing flows do with that?"""

import numpy as np
import torch

from vae_core.analysis.views.flows import flow_density
from vae_core.exact.priors import fitted_gaussian, fitted_mixture, kl_from_standard, training_codes
from vae_core.rules.flow import Flow
from vae_core.teaching.claims.bench import Bench, Measured, compare
from vae_core.teaching.claims.ledger import Finding, claim, find


@claim(
    "normal-batches-generate",
    5,
    "Codes that are made normal batch by batch, without noise, give at least the VAE's log p(x), less 5 nats.",
    folklore="Without noise there is no generative model.",
    short=False,
)
def _(bench: Bench) -> Finding:
    moments, vae = bench.runs("moment_matching"), bench.runs("vae")
    return compare(
        lambda r: r.log_marginal(), lambda m, v: m > v - 5, "nats of log p(x)", moment_matching=moments, VAE=vae
    )


@claim(
    "moments-are-not-the-shape",
    5,
    "Matched moments are not a normal shape: a mixture fitted to the codes is farther from N(0, I) than their moments.",
)
def _(bench: Bench) -> Finding:
    codes = [training_codes(r.trainer) for r in bench.runs("moment_matching")]
    return find(
        lambda m, s: s > 3 * m and s > 0.03,
        "nats of KL to N(0, I)",
        moments=[kl_from_standard(fitted_gaussian(c), c.device) for c in codes],
        mixture=[kl_from_standard(fitted_mixture(c), c.device) for c in codes],
    )


@claim(
    "sixteen-codes-are-enough",
    5,
    "Compared 16 at a time, the codes reconstruct within 3 nats of those compared 512 at a time.",
    folklore="Matching batches needs large batches.",
    short=False,
)
def _(bench: Bench) -> Finding:
    few, many = bench.runs("moment_matching", {"n": 16}), bench.runs("moment_matching", {"n": 512})
    return compare(
        lambda r: r.metric("reconstruction"),
        lambda f, m: abs(f - m) < 3,
        "nats of reconstruction",
        n_16=few,
        n_512=many,
    )


@claim("four-codes-are-too-few", 5, "Compared 4 at a time, chance in the moments costs reconstruction.", short=False)
def _(bench: Bench) -> Finding:
    few, many = bench.runs("moment_matching", {"n": 4}), bench.runs("moment_matching", {"n": 512})
    return compare(
        lambda r: r.metric("reconstruction"), lambda f, m: f > m, "nats of reconstruction", n_4=few, n_512=many
    )


@claim(
    "normal-batches-know-no-doubt",
    5,
    "With matched moments, fifty encodings of an image are one point: nothing says how sure the code is.",
)
def _(bench: Bench) -> Finding:
    runs = bench.runs("moment_matching")
    return find(
        lambda s: s < 1e-6,
        "standard deviation of z",
        moment_matching=[float(r.frame.repeats.astype(float).std(1).max()) for r in runs],
    )


@claim(
    "flow-rescues-the-autoencoder",
    5,
    "A flow fitted to an autoencoder's codes, as they are, makes it a generative model.",
)
def _(bench: Bench) -> Finding:
    runs = bench.runs("flow", {"mode": "frozen"})
    return find(
        lambda n, f: f > n + 3,
        "nats of log p(x)",
        under_N=[r.log_marginal() for r in runs],
        under_the_flow=[r.log_marginal("rule") for r in runs],
    )


@claim(
    "flow-beats-a-fitted-gaussian",
    5,
    "The flow gives unseen codes more density than the Gaussian with their own mean and covariance.",
)
def _(bench: Bench) -> Finding:
    views = [flow_density(r.trainer) for r in bench.runs("flow", {"mode": "frozen"})]
    return find(
        lambda f, g: f > g,
        "nats of log p(z)",
        flow=[v["mean"]["flow"] for v in views],
        Gaussian=[v["mean"]["fitted"] for v in views],
    )


@claim(
    "flow-loses-nothing", 5, "The flow is invertible: codes sent to the Gaussian and back return to where they were."
)
def _(bench: Bench) -> Finding:
    def error(run: Measured) -> float:
        trainer, flow = run.trainer, run.trainer.rule
        assert isinstance(flow, Flow)
        trainer.at_rest()
        codes = torch.from_numpy(run.frame.mean[:500]).to(trainer.device)
        with torch.no_grad():
            back = flow.from_prior(flow.to_normal(codes, trainer.knobs)[0], trainer.knobs)
        return float((back - codes).abs().max() / np.abs(run.frame.mean).max())

    runs = bench.runs("flow", {"mode": "frozen"})
    return find(lambda e: e < 1e-3, "largest error, as a part of the largest code", flow=[error(r) for r in runs])
