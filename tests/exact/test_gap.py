"""The inference gap and its parts, and the aggregate posterior."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from tests.exact.training import trained
from vae_core import exact
from vae_core.exact.aggregate import aggregate_of
from vae_core.exact.best_gaussians import best_gaussians
from vae_core.exact.elbo import joint_of
from vae_core.exact.gaussians import Gaussians, posterior_of
from vae_core.exact.marginal import integral_of
from vae_core.exact.mixture import log_density_at
from vae_core.exact.priors import rule_prior, standard

CPU = torch.device("cpu")
STANDARD = standard(CPU)


class TestGap:
    @pytest.mark.parametrize("rule", ["vae", "full_covariance", "mean_only", "noise_only"])
    def test_identities(self, rule, images):
        """ELBO + gap = log p(x), with all three computed apart: the ELBO by draws, the gap as
        KL(q ‖ p(z|x)) on a lattice, log p(x) by the mesh."""
        trainer = trained(rule, 300)
        total, approximation, amortization = found = exact.gap(trainer, images)
        assert np.allclose(found.elbo + total, found.log_marginal)
        assert np.allclose(approximation + amortization, total)
        assert (np.asarray(approximation) > -0.01).all() and (np.asarray(amortization) > -0.01).all()
        q = posterior_of(trainer, images)
        log_joint = joint_of(trainer, images)
        rows = torch.arange(len(images))
        draws = torch.randn(4000, 2, generator=torch.Generator().manual_seed(0)).double()
        values = log_joint(rows, q.places(draws))
        sampled, error = values.mean(1) + q.entropy(), values.std(1) / 4000**0.5
        assert (np.abs(found.elbo - sampled.numpy()) < 4.5 * error.numpy() + found.elbo.errors).all()
        axis = torch.linspace(-6, 6, 121).double()
        xi = torch.cartesian_prod(axis, axis)
        weights = (-0.5 * xi.square().sum(1)).exp()
        weights /= weights.sum()
        log_q = (-0.5 * xi.square().sum(1)) - (q.entropy() - 1).unsqueeze(1)
        log_posterior = log_joint(rows[:5], q.only(rows[:5]).places(xi)) - torch.from_numpy(
            np.asarray(found.log_marginal[:5])
        ).unsqueeze(1)
        brute = ((log_q[:5] - log_posterior) * weights).sum(1).numpy()
        assert np.allclose(total[:5], brute, atol=0.02)

    def test_no_gaussian_of_the_family_is_better(self, vae, images):
        """The search for the best q against a general optimiser on the same ELBO."""
        from scipy.optimize import minimize

        q, log_joint = posterior_of(vae, images), joint_of(vae, images)
        found = integral_of(vae, images, [rule_prior(vae)])
        best, _bound = best_gaussians(log_joint, q, found.peaks[0], found.width[0], "full")
        node = torch.randn(400, 2, generator=torch.Generator().manual_seed(0)).double()
        node = torch.cat([node, -node])
        for i in range(3):
            row = torch.tensor([i])

            def negative(p, row=row):
                lower = torch.tensor([[[math.exp(p[2]), 0.0], [p[3], math.exp(p[4])]]]).double()
                tried = Gaussians(torch.tensor(p[None, :2]), lower)
                return -float((log_joint(row, tried.places(node)).mean(1) + tried.entropy())[0])

            lower = best.lower[i]
            start = np.array([*best.mean[i], lower[0, 0].log(), lower[1, 0], lower[1, 1].log()], dtype=np.float64)
            better = minimize(negative, start, method="Nelder-Mead", options={"maxiter": 300})
            assert -better.fun < -negative(start) + 0.02

    def test_not_defined_without_a_posterior(self, images):
        trainer = trained("autoencoder", 50)
        total, approximation, amortization = found = exact.gap(trainer, images[:5])
        assert total is approximation is amortization is found.elbo is None
        assert np.isfinite(found.log_marginal).all()
        assert exact.aggregate_kl(trainer, images) is None and exact.mutual_information(trainer, images) is None
        assert exact.importance_bounds(trainer, images[0]) is None


class TestAggregate:
    def test_one_gaussian(self):
        """I = 0, and the KL is that of the Gaussian itself."""
        q = Gaussians(torch.tensor([[0.3, -1.0]]).double().expand(7, -1), 0.4 * torch.eye(2).double().expand(7, -1, -1))
        found = aggregate_of(q)
        expected = kl_divergence(Normal(q.mean[0], 0.4), Normal(0.0, 1.0)).sum()
        assert abs(found.mutual_information) < 1e-3
        assert found.aggregate_kl == pytest.approx(float(expected), abs=1e-3)

    def test_gaussians_far_apart(self):
        """z tells which of the N it was: I = log N."""
        places = torch.cartesian_prod(torch.arange(4.0), torch.arange(4.0)).double() * 3
        q = Gaussians(places, 0.1 * torch.eye(2).double().expand(16, -1, -1))
        assert aggregate_of(q).mutual_information == pytest.approx(math.log(16), abs=1e-3)

    @pytest.mark.parametrize("spread", [1.0, 30.0])
    def test_identity_against_draws(self, spread):
        """Narrow, wide and slanted Gaussians together: mean KL = I + KL(q ‖ p), and I by 100,000 draws."""
        generator = torch.Generator().manual_seed(5)
        lower = torch.diag_embed(torch.rand(200, 2, generator=generator).double() * 0.3 + 0.02)
        lower[:, 1, 0] = 0.2 * torch.randn(200, generator=generator).double()
        q = Gaussians(spread * torch.randn(200, 2, generator=generator).double(), lower)
        found = aggregate_of(q)
        assert found.kl == pytest.approx(found.mutual_information + found.aggregate_kl, abs=1e-9)
        normals = MultivariateNormal(q.mean, scale_tril=q.lower)
        prior = MultivariateNormal(torch.zeros(2).double(), torch.eye(2).double())
        assert found.kl == pytest.approx(float(kl_divergence(normals, prior).mean()))
        z = normals.sample((500,))
        ratio = normals.log_prob(z) - log_density_at(q, z.reshape(-1, 2)).view(500, 200)
        error = float(ratio.std() / ratio.numel() ** 0.5)
        assert found.mutual_information == pytest.approx(float(ratio.mean()), abs=4 * error + 0.003)

    def test_of_a_run(self, vae, images):
        kl, information = exact.aggregate_kl(vae, images), exact.mutual_information(vae, images)
        mean_kl = float(kl_divergence(Normal(*_moments(vae, images)), Normal(0.0, 1.0)).sum(1).mean())
        assert kl.error < 0.01 and information.error < 0.01
        assert kl + information == pytest.approx(mean_kl, abs=1e-3)
        assert 0 < information <= math.log(len(images))


def _moments(trainer, images):
    q = trainer.encode(images, torch.zeros(len(images), 2)).posterior
    return q.mean, q.stddev
