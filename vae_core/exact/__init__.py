"""Exact measures: what two latent dimensions make possible.

Every integral of the theory of variational autoencoders is a sum over a plane here. All values are in
nats and say how exact they are; where a quantity is not defined for a rule, it is None.
"""

from vae_core.exact.aggregate import Aggregate, aggregate, aggregate_kl, mutual_information
from vae_core.exact.bounds import Bounds, importance_bounds
from vae_core.exact.elbo import elbo
from vae_core.exact.estimate import Nats, NatsOfImages
from vae_core.exact.gap import Gap, gap
from vae_core.exact.marginal import Posterior, log_marginal, log_marginals, posterior
from vae_core.exact.priors import Prior, fitted_gaussian, fitted_mixture, rule_prior, standard, training_codes

__all__ = [
    "Aggregate",
    "Bounds",
    "Gap",
    "Nats",
    "NatsOfImages",
    "Posterior",
    "Prior",
    "aggregate",
    "aggregate_kl",
    "elbo",
    "fitted_gaussian",
    "fitted_mixture",
    "gap",
    "importance_bounds",
    "log_marginal",
    "log_marginals",
    "mutual_information",
    "posterior",
    "rule_prior",
    "standard",
    "training_codes",
]
