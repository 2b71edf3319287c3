"""Question 5: why not insist that each batch of codes is normal? And what do normalizing flows do with that?"""

from typing import Any

import numpy as np
import torch

from vae_core.analysis.views.flows import flow_density
from vae_core.exact.priors import fitted_gaussian, fitted_mixture, kl_from_standard, training_codes
from vae_core.rules.flow import Flow
from vae_core.teaching.claims.bench import Bench, Measured, compare
from vae_core.teaching.claims.ledger import Finding, between, claim, find, less


@claim(
    "normal-batches-generate",
    5,
    "Codes that are made normal batch by batch, without noise, give the VAE's log p(x), to 5 nats.",
    folklore="Without noise there is no generative model.",
    short=False,
)
def _(bench: Bench) -> Finding:
    moments, vae = bench.runs("moment_matching"), bench.runs("vae")
    return compare(lambda r: r.log_marginal(), "nats of log p(x)", -5, 5, moment_matching=moments, VAE=vae)


@claim(
    "moments-are-not-the-shape",
    5,
    "Matched moments are not a normal shape: a mixture fitted to the codes is farther from N(0, I) than their moments.",
)
def _(bench: Bench) -> Finding:
    codes = [training_codes(r.trainer) for r in bench.runs("moment_matching")]
    moments = [kl_from_standard(fitted_gaussian(c), c.device) for c in codes]
    shape = [kl_from_standard(fitted_mixture(c), c.device) for c in codes]
    effect = less("mixture less moments", shape, moments, 0)
    return find("nats of KL to N(0, I)", [effect], moments=moments, mixture=shape)


@claim(
    "sixteen-codes-are-enough",
    5,
    "Compared 16 at a time, the codes reconstruct as well as those compared 192 at a time, to 3 nats.",
    folklore="Matching batches needs large batches.",
    short=False,
)
def _(bench: Bench) -> Finding:
    few, many = bench.runs("moment_matching", {"n": 16}), bench.runs("moment_matching")
    return compare(lambda r: r.metric("reconstruction"), "nats of reconstruction", -3, 3, n_16=few, n_192=many)


@claim("four-codes-are-too-few", 5, "Compared 4 at a time, chance in the moments costs reconstruction.", short=False)
def _(bench: Bench) -> Finding:
    few, many = bench.runs("moment_matching", {"n": 4}), bench.runs("moment_matching")
    return compare(lambda r: r.metric("reconstruction"), "nats of reconstruction", 0, None, n_4=few, n_192=many)


@claim(
    "normal-batches-know-no-doubt",
    5,
    "With matched moments, fifty encodings of an image are one point: nothing says how sure the code is.",
    theorem=True,
)
def _(bench: Bench) -> Finding:
    spread = [float(r.frame.repeats.astype(float).std(1).max()) for r in bench.runs("moment_matching")]
    return find("standard deviation of z", [between("moment matching", spread, 0, 1e-6)], moment_matching=spread)


@claim(
    "flow-rescues-the-autoencoder",
    5,
    "A flow fitted to an autoencoder's codes, as they are, gives its decoder more log p(x) than N(0, I) does, by more "
    "than 10 nats.",
)
def _(bench: Bench) -> Finding:
    runs = bench.runs("flow", {"mode": "frozen"})
    under, flow = [r.log_marginal() for r in runs], [r.log_marginal("rule") for r in runs]
    effect = less("flow less N(0, I)", flow, under, 10)
    return find("nats of log p(x)", [effect], under_N=under, under_the_flow=flow)


@claim(
    "flow-beats-a-fitted-gaussian",
    5,
    "The flow gives unseen codes more density than the Gaussian with their own mean and covariance.",
)
def _(bench: Bench) -> Finding:
    views = [flow_density(r.trainer) for r in bench.runs("flow", {"mode": "frozen"})]
    flow, gaussian = ([v["mean"][name] for v in views] for name in ("flow", "fitted"))
    return find("nats of log p(z)", [less("flow less Gaussian", flow, gaussian, 0)], flow=flow, Gaussian=gaussian)


@claim(
    "flow-loses-nothing",
    5,
    "The flow is invertible: codes sent to the Gaussian and back return to where they were.",
    theorem=True,
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

    errors = [error(r) for r in bench.runs("flow", {"mode": "frozen"})]
    return find("largest error, as a part of the largest code", [between("flow", errors, 0, 1e-3)], flow=errors)


ALONE: dict[str, Any] = {
    "batch_size": 1,
    "learning_rate": 1e-3,
    "steps": 3000,
}  # a step of one image wants a smaller rate


@claim(
    "a-batch-of-one",
    5,
    "The VAE learns with a batch of one: it comes to reconstruct better than the mean image, by more than 20 nats.",
)
def _(bench: Bench) -> Finding:
    runs = bench.runs("vae", **ALONE)
    nats, by_mean = [r.metric("reconstruction") for r in runs], [r.mean_image_nats for r in runs]
    effect = less("mean image less VAE", by_mean, nats, 20)
    return find(f"nats, after {ALONE['steps']:,} images", [effect], VAE=nats, mean_image=by_mean)
