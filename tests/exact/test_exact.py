"""Exact measures against closed forms, brute-force sums, importance sampling and themselves on finer meshes."""

import copy
import math

import numpy as np
import pytest
import torch
from torch.distributions import MultivariateNormal, Normal, kl_divergence
from torch.nn import functional as F

import vae_core
from tests.exact.training import trained
from vae_core import exact
from vae_core.exact.best_gaussians import best_gaussians
from vae_core.exact.estimate import NatsOfImages
from vae_core.exact.gaussians import Gaussians, posterior_of
from vae_core.exact.marginal import integral_of, posterior_on
from vae_core.exact.mesh import Box, integrate
from vae_core.exact.model import Model, model_of
from vae_core.exact.priors import fitted_gaussian, fitted_mixture, kl_from_standard, rule_prior, standard
from vae_core.rule import gaussian_log_density
from vae_core.run.recipe import Recipe
from vae_core.trainer.trainer import Trainer

CPU = torch.device("cpu")
STANDARD = standard(CPU)


class Linear:
    """Probabilistic PCA (Tipping & Bishop 1999): x = W z + b + noise of deviation d, all in closed form."""

    def __init__(self, deviation: float = 0.3, centre: tuple[float, float] = (0.0, 0.0), seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.w = torch.randn(12, 2, generator=generator).double()
        self.d, self.b = deviation, torch.randn(12, generator=generator).double()
        self.z = torch.randn(40, 2, generator=generator).double() + torch.tensor(centre).double()
        noise = deviation * torch.randn(40, 12, generator=generator).double()
        self.x = self.z @ self.w.T + self.b + noise
        self.prior = MultivariateNormal(torch.tensor(centre).double(), torch.eye(2).double())
        self.precision = self.w.T @ self.w / deviation**2 + torch.eye(2)
        covariance = torch.linalg.inv(self.precision)
        aim = (self.x - self.b) @ self.w / deviation**2 + self.prior.mean
        self.posterior = MultivariateNormal(aim @ covariance, covariance)

    def model(self, dtype: torch.dtype = torch.float32) -> Model:
        scale = 12 * (math.log(self.d) + 0.5 * math.log(2 * math.pi))

        def factors(z):
            mean = z.double() @ self.w.T + self.b
            return (mean / self.d**2).to(dtype), 0.5 * mean.square().sum(1) / self.d**2 + scale

        return Model(factors, lambda x: 0.5 * x.double().square().sum(1) / self.d**2, CPU, dtype)

    def log_marginal(self) -> torch.Tensor:
        mean = self.b + self.w @ self.prior.mean
        return MultivariateNormal(mean, self.w @ self.w.T + self.d**2 * torch.eye(12)).log_prob(self.x)

    def log_joint(self, rows, places):
        return self.model(torch.float64).log_likelihood(self.x[rows], places) + self.prior.log_prob(places)

    def integral(self, hints=None, **options):
        box = Box.around(torch.cat([self.prior.mean - 7, self.prior.mean + 7]).view(2, 2))
        return integrate(
            self.model(), self.x, [self.prior.log_prob], box, (self.z if hints is None else hints)[:, None], **options
        )


class TestProbabilisticPca:
    @pytest.mark.parametrize("deviation", [1.0, 0.3, 0.06, 0.02])
    @pytest.mark.parametrize("centre", [(0.0, 0.0), (40.0, -25.0)])
    def test_log_marginal(self, deviation, centre):
        """From wide posteriors to narrow ones (standard deviation down to 0.005), near and far."""
        linear = Linear(deviation, centre)
        found = linear.integral()
        off = (found.log_value[0] - linear.log_marginal()).abs()
        # Products in float32: nats of the order of ‖x‖² / 2 d² are right to their seventh figure.
        rounding = 3e-7 * float(linear.x.square().sum(1).max()) / deviation**2
        assert off.mean() < 0.005 + rounding
        assert (off <= found.error[0] + 1e-3 + rounding).float().mean() > 0.95

    def test_without_hints(self):
        linear = Linear(0.1)
        assert torch.allclose(linear.integral(hints=torch.zeros(40, 2)).log_value[0], linear.log_marginal(), atol=0.005)

    def test_two_priors_at_once_are_as_one_after_the_other(self):
        linear = Linear(0.1)
        wide = MultivariateNormal(torch.zeros(2).double(), 25 * torch.eye(2).double())
        box = Box.around(torch.tensor([[-30.0, -30.0], [30.0, 30.0]]))
        both = integrate(linear.model(), linear.x, [linear.prior.log_prob, wide.log_prob], box, linear.z[:, None])
        single = integrate(linear.model(), linear.x, [wide.log_prob], box, linear.z[:, None])
        assert torch.allclose(both.log_value[0], linear.log_marginal(), atol=0.005)
        assert torch.allclose(both.log_value[1], single.log_value[0], atol=0.005)

    def test_posterior(self):
        linear = Linear(0.5)
        box = Box.around(linear.posterior.mean[:1], 6 * linear.posterior.stddev[0])
        image = linear.x[:1]
        grid, density = posterior_on(
            linear.model(torch.float64), image, exact.Prior("", linear.prior.log_prob, box), box, [80, 80]
        )
        expected = MultivariateNormal(linear.posterior.mean[0], linear.posterior.covariance_matrix[0]).log_prob(
            torch.from_numpy(grid)
        )
        assert np.allclose(density, expected.exp().numpy(), rtol=1e-4, atol=1e-8)

    @pytest.mark.parametrize("family", ["full", "diagonal", "mean", "nothing"])
    def test_best_gaussian(self, family):
        """The best full one is the posterior; along the axes it has variances 1 / Λ_jj (Bishop 2006, eq. 10.15)."""
        linear = Linear(0.7)
        start = Gaussians(torch.zeros(40, 2).double(), 0.4 * torch.eye(2).double().expand(40, -1, -1))
        _best, bound = best_gaussians(
            linear.log_joint, start, linear.z.unsqueeze(1), torch.full((40,), 0.1).double(), family
        )
        gap = linear.log_marginal().numpy() - np.asarray(bound)
        given = MultivariateNormal(torch.zeros(2).double(), 0.16 * torch.eye(2).double())
        truth = linear.posterior
        if family == "full":
            expected = torch.zeros(40)
        elif family == "diagonal":
            diagonal = torch.diag(1 / linear.precision.diagonal())
            expected = kl_divergence(MultivariateNormal(truth.mean, diagonal), truth)
        else:
            centre = truth.mean if family == "mean" else given.mean.expand(40, -1)
            expected = kl_divergence(MultivariateNormal(centre, given.covariance_matrix), truth)
        assert np.allclose(gap, expected.numpy(), atol=2e-3)


class TestBernoulliOfFewPixels:
    """A network of six pixels: all 64 images can be summed."""

    def model(self, scale: float = 2.0) -> Model:
        generator = torch.Generator().manual_seed(3)
        w1, w2 = torch.randn(2, 16, generator=generator), scale * torch.randn(16, 6, generator=generator)

        def factors(z):
            logits = torch.tanh(z @ w1.to(z.dtype)) @ w2.to(z.dtype)
            return logits, F.softplus(logits).sum(1, dtype=torch.float64)

        return Model(factors, lambda x: torch.zeros(len(x)).double(), CPU)

    @pytest.mark.parametrize("scale", [0.1, 2.0, 30.0])
    def test_probabilities_of_all_binary_images_sum_to_one(self, scale):
        everything = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 6)
        found = integrate(
            self.model(scale), everything, [STANDARD.log_density], STANDARD.box, torch.zeros(64, 1, 2), tolerance=1e-3
        )
        assert float(found.log_value[0].exp().sum()) == pytest.approx(1, abs=1e-3)

    def test_grey_pixels_are_no_density(self):
        """The pseudo-likelihood of grey images integrates to more than one, so nats are comparable only
        with nats of the same kind."""
        grey = torch.rand(4000, 6, generator=torch.Generator().manual_seed(0))
        found = integrate(self.model(), grey, [STANDARD.log_density], STANDARD.box, torch.zeros(4000, 1, 2))
        assert float(found.log_value[0].exp().mean()) > 0.0
        assert abs(float(found.log_value[0].exp().mean()) - 1) > 0.1


def importance_sampling(trainer: Trainer, raw: np.ndarray, samples: int) -> tuple[np.ndarray, np.ndarray]:
    """log p(x) of each image and its standard error, with draws of the encoder's q widened twice and of the
    prior in equal shares."""
    generator = torch.Generator().manual_seed(1)
    q = posterior_of(trainer, raw)
    pixels = trainer.as_pixels(raw)[0]
    values, errors = [], []
    for i in range(len(raw)):
        wide = MultivariateNormal(q.mean[i], scale_tril=2 * q.lower[i])
        half = samples // 2
        draws = torch.randn(samples, 2, generator=generator).double()
        z = torch.cat([wide.mean + draws[:half] @ wide.scale_tril.T, draws[half:]])
        log_proposal = torch.logaddexp(wide.log_prob(z), gaussian_log_density(z)) - math.log(2)
        log_p = -trainer.nats(trainer.decoder(z.float()), pixels[i : i + 1].expand(samples, -1)).double()
        weights = log_p + gaussian_log_density(z) - log_proposal
        top = weights.max()
        w = (weights - top).exp()
        values.append(float(top + w.mean().log()))
        errors.append(float(w.std() / w.mean() / samples**0.5))
    return np.array(values), np.array(errors)


class TestTrainedNetworks:
    @pytest.mark.parametrize("fields", [{}, {"pixels": "binarized"}, {"likelihood": "gaussian", "deviation": 0.2}])
    def test_against_importance_sampling(self, fields, images):
        trainer = trained(**fields)
        found = exact.log_marginal(trainer, images[:12])
        sampled, standard_error = importance_sampling(trainer, images[:12], 50_000)
        assert found.error < 0.01
        # Draws may miss a peak that the mesh finds: then they say too little, and their spread is large.
        sound = standard_error < 0.1
        assert sound.sum() > 8
        assert (np.abs(found - sampled)[sound] < (4 * standard_error + found.errors + 1e-3)[sound]).all()
        assert (found - sampled > -4 * standard_error - 1e-2).all()

    @pytest.mark.parametrize("rule", sorted(vae_core.rules()))
    def test_halved_mesh(self, rule, images):
        """Every rule has an exact log p(x), and a mesh twice and four times as fine changes nothing."""
        trainer = trained(rule, 200)
        found = exact.log_marginal(trainer, images[:20])
        fine = integral_of(trainer, images[:20], [rule_prior(trainer)], coarse=256, tolerance=1e-4)
        assert found.error < 0.01
        assert np.abs(found - fine.log_value[0].numpy()).mean() < 0.01

    @pytest.mark.parametrize("activation", ["relu", "tanh"])
    def test_other_activations(self, activation, images):
        trainer = trained("autoencoder", activation=activation)
        found = exact.log_marginal(trainer, images[:20])
        fine = integral_of(trainer, images[:20], [rule_prior(trainer)], coarse=256, tolerance=1e-4)
        assert found.error < 0.01 and np.abs(found - fine.log_value[0].numpy()).mean() < 0.01

    def test_float32_against_float64(self, vae, images):
        double = copy.deepcopy(vae.decoder).double()

        def factors(z):
            logits = double(z.double())
            return logits, F.softplus(logits).sum(1)

        model = Model(factors, model_of(vae).constant, CPU, torch.float64)
        codes = vae.encode(images).mean
        exactly = integrate(model, vae.as_pixels(images)[0], [STANDARD.log_density], STANDARD.box, codes[:, None])
        assert np.allclose(exact.log_marginal(vae, images), exactly.log_value[0].numpy(), atol=1e-3)

    def test_saturated_decoder(self, images):
        """Logits of several hundred: the likelihood falls by thousands of nats within a step of the mesh."""
        trainer = trained(steps=300)
        trainer.decoder.layers[-1].weight.mul_(40)
        draws = torch.randn(100, 2, generator=torch.Generator().manual_seed(0))
        assert trainer.decoder(draws).abs().max() > 200
        found = exact.log_marginal(trainer, images[:20])
        fine = integral_of(trainer, images[:20], [rule_prior(trainer)], coarse=256, tolerance=1e-4)
        assert np.isfinite(found).all() and found.error < 0.01
        assert np.abs(found - fine.log_value[0].numpy()).mean() < 0.01

    def test_posterior_sums_to_one_and_holds_the_encoders_code(self, vae, images):
        grid, density = exact.posterior(vae, images[0])
        cell = (grid[0, 1, 0] - grid[0, 0, 0]) * (grid[1, 0, 1] - grid[0, 0, 1])
        assert density.sum() * cell == pytest.approx(1)
        place = torch.from_numpy(grid.reshape(-1, 2)).float()
        pixels = vae.as_pixels(images[:1])[0]
        joint = gaussian_log_density(place) - vae.nats(vae.decoder(place), pixels.expand(len(place), -1))
        assert np.allclose(density.ravel(), (joint - joint.logsumexp(0)).exp() / cell, rtol=1e-2, atol=1e-4)


class TestBounds:
    def test_walk_from_the_elbo_to_the_exact_value(self, vae, images):
        worst = int(np.argmax(exact.gap(vae, images).total))
        bounds = exact.importance_bounds(vae, images[worst])
        exactly, lowest = exact.log_marginal(vae, images)[worst], exact.elbo(vae, images)[worst]
        assert bounds.value[0] == pytest.approx(lowest, abs=4 * bounds.error[0] + 0.01)
        assert (np.diff(bounds.value) > -4 * bounds.error[1:]).all()
        assert lowest - 0.1 < bounds.value[-1] < exactly + 4 * bounds.error[-1] + 0.02

    def test_closed_form(self, vae):
        """K = 1 is the ELBO, and with many draws of a q that covers the posterior the bound is log p(x)."""
        trainer = trained("noise_only", 50)
        image = trainer.dataset.test_images[0]
        bounds = exact.importance_bounds(trainer, image)
        assert bounds.value[-1] == pytest.approx(exact.log_marginal(trainer, image[None])[0], abs=0.02)


class TestPriors:
    def test_fitted_gaussian_and_mixture(self):
        codes = torch.randn(20_000, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([3.0, 0.5]) + 2
        places = codes[:50]
        truth = Normal(2.0, torch.tensor([3.0, 0.5])).log_prob(places).sum(1).double()
        assert torch.allclose(fitted_gaussian(codes).log_density(places), truth, atol=0.1)
        assert (fitted_mixture(codes, 3).log_density(places) - truth).abs().mean() < 0.1

    @pytest.mark.parametrize("scale", [1e-5, 1.0, 50.0])
    def test_they_integrate_to_one(self, scale):
        codes = scale * torch.randn(500, 2, generator=torch.Generator().manual_seed(0))
        for prior in (fitted_gaussian(codes), fitted_mixture(codes)):
            axes = [
                torch.linspace(float(a), float(b), 401).double()
                for a, b in zip(prior.box.low, prior.box.high, strict=False)
            ]
            mass = prior.log_density(torch.cartesian_prod(*axes)).exp().sum()
            assert float(mass * (axes[0][1] - axes[0][0]) * (axes[1][1] - axes[1][0])) == pytest.approx(1, abs=0.01)

    def test_kl_of_a_fitted_density(self):
        codes = torch.randn(5000, 2, generator=torch.Generator().manual_seed(0)) * 2 + 1
        mean, deviation = codes.double().mean(0), codes.double().std(0)
        fitted = fitted_gaussian(codes)
        expected = kl_divergence(Normal(mean, deviation), Normal(0.0, 1.0)).sum()
        assert kl_from_standard(fitted, CPU) == pytest.approx(float(expected), abs=0.02)

    @pytest.mark.parametrize("rule", ["flow", "continuous_flow"])
    def test_a_flows_prior_integrates_to_one(self, rule):
        trainer = trained(rule, 200)
        prior = rule_prior(trainer)
        axes = [
            torch.linspace(float(a), float(b), 161).double()
            for a, b in zip(prior.box.low, prior.box.high, strict=False)
        ]
        mass = prior.log_density(torch.cartesian_prod(*axes)).exp().sum()
        assert float(mass * (axes[0][1] - axes[0][0]) * (axes[1][1] - axes[1][0])) == pytest.approx(1, abs=0.05)


def test_errors_travel_with_the_numbers():
    nats = NatsOfImages([-1.0, -2.0], [0.1, 0.3])
    assert nats.error == pytest.approx(0.2) and nats.mean() == -1.5
    assert isinstance(nats + 1, np.ndarray)


def test_images_of_mnist(mnist):
    """To 0.01 nat on average, for the plain autoencoder's far codes too."""
    for rule in ("vae", "autoencoder"):
        trainer = Trainer(vae_core.Recipe(dataset=mnist, rule=rule))
        with torch.enable_grad():
            trainer.train(300)
        raw = trainer.dataset.test_images[:100]
        found = exact.log_marginal(trainer, raw)
        fine = integral_of(trainer, raw, [rule_prior(trainer)], coarse=256, tolerance=1e-4)
        assert found.error <= 0.01 and np.abs(found - fine.log_value[0].numpy()).mean() <= 0.01


@pytest.mark.parametrize("deviation", [0.06, 0.1])
def test_a_white_image_under_narrow_pixels_is_resolved(deviation):
    """Its terms have 784 / 2d² nats each: what products in float32 would be off by is more than counts as resolved."""
    trainer = Trainer(
        Recipe(dataset="digits", hidden=(32,), likelihood="gaussian", deviation=deviation, learning_rate=1e-3), "cpu"
    )
    with torch.enable_grad():
        trainer.train(100)
    found = exact.log_marginal(trainer, np.full((1, 28, 28), 255, np.uint8))
    assert float(found.errors[0]) < 0.1
