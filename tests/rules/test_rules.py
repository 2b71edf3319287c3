"""Each rule's own mathematics, against formulas, quadrature and samples."""

import math
from statistics import NormalDist

import pytest
import torch
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from tests.conftest import small
from tests.rules.applied import apply, build, make_batch
from vae_core.rule import divergence, draw, kl_to_prior
from vae_core.rules.moment_matching import DIRECTIONS, KERNEL, kl_of_moments, mmd, sliced_wasserstein
from vae_core.trainer.random_streams import stream
from vae_core.trainer.trainer import Trainer


class TestVAE:
    def test_kl_against_torch_and_monte_carlo(self):
        latent = apply(*build("vae"), {"beta": 1.0})
        exact = kl_divergence(
            MultivariateNormal(latent.mean, torch.diag_embed(latent.scale**2)),
            MultivariateNormal(torch.zeros(2), torch.eye(2)),
        )
        torch.testing.assert_close(latent.penalty["kl"], exact, rtol=1e-4, atol=1e-5)
        mean, scale = torch.tensor([0.7, -1.2]), torch.tensor([0.3, 1.4])
        q, prior = Normal(mean, scale), Normal(0.0, 1.0)
        z = mean + scale * torch.randn(400_000, 2, generator=stream(3))
        estimate = (q.log_prob(z) - prior.log_prob(z)).sum(1).mean()
        closed = 0.5 * (mean**2 + scale**2 - 1 - 2 * scale.log()).sum()
        torch.testing.assert_close(kl_to_prior(q).sum(), closed)
        assert abs(estimate - closed) < 0.01

    def test_the_derivative_of_the_kl_against_differences(self):
        mean, scale = (torch.rand(5, 2, dtype=torch.float64, generator=stream(4)) + 0.2 for _ in range(2))
        assert torch.autograd.gradcheck(
            lambda m, s: kl_to_prior(Normal(m, s)), (mean.requires_grad_(), scale.requires_grad_())
        )
        lower = (torch.rand(5, 2, 2, dtype=torch.float64, generator=stream(5)) + 0.2).tril().requires_grad_()
        assert torch.autograd.gradcheck(
            lambda m, t: divergence(MultivariateNormal(m, scale_tril=t, validate_args=False)), (mean, lower)
        )

    def test_beta_weighs_the_kl_and_s_the_noise(self):
        rule, encoder = build("vae")
        one, four = apply(rule, encoder, {"beta": 1}), apply(rule, encoder, {"beta": 4, "s": 0.5})
        torch.testing.assert_close(4 * one.penalty["kl"], four.penalty["kl"])
        torch.testing.assert_close(0.5 * (one.z - one.mean), four.z - four.mean)


class TestMeanOnly:
    def test_unit_noise_charges_half_the_square(self):
        latent = apply(*build("mean_only"))
        torch.testing.assert_close(latent.penalty["kl"], 0.5 * latent.mean.square().sum(1))

    def test_other_noise_adds_a_constant(self):
        latent = apply(*build("mean_only"), {"sigma0": 0.2})
        constant = latent.penalty["kl"] - 0.5 * latent.mean.square().sum(1)
        expected = 2 * (0.5 * (0.2**2 - 1) - math.log(0.2))
        torch.testing.assert_close(constant, torch.full((8,), expected))

    def test_squash_keeps_the_mean_within_one(self):
        rule, encoder = build("mean_only")
        with torch.no_grad():
            encoder.heads["mean"].weight *= 1000
        assert apply(rule, encoder).mean.abs().max() > 1
        assert apply(rule, encoder, {"squash": True}).mean.abs().max() <= 1


class TestNoiseOnly:
    def test_z_is_the_noise_whatever_the_image(self):
        eps = torch.randn(8, 2, generator=stream(5))
        assert torch.equal(apply(*build("noise_only"), eps=eps).z, eps)


class TestNormalisedNoise:
    def test_training_codes_have_mean_zero_and_deviation_one(self):
        rule, encoder = build("normalised_noise")
        batch = make_batch(torch.rand(64, 784, generator=stream(1)), torch.arange(64))
        eps = torch.randn(64, 2, generator=stream(2))
        latent = apply(rule, encoder, {"noise_std": 0.3}, eps, batch)
        raw = encoder(batch.images)["mean"]
        variance = raw.var(0, correction=0)
        expected = (raw - raw.mean(0)) / (variance + 1e-5).sqrt()
        torch.testing.assert_close(latent.mean, expected, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(latent.mean.mean(0), torch.zeros(2), rtol=0, atol=1e-5)
        torch.testing.assert_close(latent.mean.var(0, correction=0), variance / (variance + 1e-5), rtol=1e-4, atol=0)
        torch.testing.assert_close(latent.z - latent.mean, 0.3 * eps)

    def test_running_moments_are_followed_shown_and_used_at_test_time(self):
        rule, encoder = build("normalised_noise")
        raw = encoder(torch.rand(64, 784, generator=stream(1)))["mean"]
        batch = make_batch(torch.rand(64, 784, generator=stream(1)), torch.arange(64))
        m, v = torch.zeros(2), torch.ones(2)
        for _ in range(3):
            apply(rule, encoder, batch=batch)
            m, v = 0.9 * m + 0.1 * raw.mean(0), 0.9 * v + 0.1 * raw.var(0)
        rule.eval()
        latent = apply(rule, encoder, batch=batch)
        torch.testing.assert_close(latent.mean, (raw - m) / (v + 1e-5).sqrt())
        # Looking has left them as they were.
        torch.testing.assert_close(rule.facts(), {"running mean m": m, "running deviation d": v.sqrt()})

    def test_at_test_time_an_image_has_one_code_whatever_stands_beside_it(self):
        rule, encoder = build("normalised_noise")
        rule.eval()
        x, eps = torch.rand(8, 784, generator=stream(1)), torch.randn(8, 2, generator=stream(2))
        together = apply(rule, encoder, eps=eps, batch=make_batch(x, torch.arange(8)))
        for i in range(8):
            alone = apply(rule, encoder, eps=eps[i : i + 1], batch=make_batch(x[i : i + 1], torch.tensor([i])))
            torch.testing.assert_close(alone.z[0], together.z[i])

    def test_a_batch_of_one_uses_the_running_moments(self):
        rule, encoder = build("normalised_noise")
        x = torch.rand(1, 784, generator=stream(1))
        latent = apply(rule, encoder, batch=make_batch(x, torch.tensor([0])))
        torch.testing.assert_close(latent.mean, encoder(x)["mean"] / math.sqrt(1 + 1e-5))


class TestFullCovariance:
    def tilted(self):
        """A rule whose correlations are far from zero, of both signs."""
        rule, encoder = build("full_covariance")
        with torch.no_grad():
            encoder.heads["correlation"].weight *= 20
        return rule, encoder

    def test_zero_correlation_is_the_vae(self):
        rule, encoder = build("full_covariance")
        with torch.no_grad():
            encoder.heads["correlation"].weight.zero_()
        full, plain = (apply(r, encoder, {"beta": 2.0, "s": 0.7}) for r in (rule, build("vae")[0]))
        torch.testing.assert_close(full.z, plain.z)
        torch.testing.assert_close(full.penalty["kl"], plain.penalty["kl"])
        torch.testing.assert_close(full.scale, plain.scale)
        assert torch.equal(full.correlation, torch.zeros(8)) and plain.correlation is None

    def test_kl_against_torch_and_monte_carlo(self):
        latent = apply(*self.tilted())
        prior = MultivariateNormal(torch.zeros(2), torch.eye(2))
        covariance = latent.posterior.scale_tril @ latent.posterior.scale_tril.transpose(1, 2)
        exact = kl_divergence(MultivariateNormal(latent.mean, covariance), prior)
        torch.testing.assert_close(latent.penalty["kl"], exact, rtol=1e-4, atol=1e-5)
        q = latent.posterior
        z = draw(MultivariateNormal(q.mean[:1], scale_tril=q.scale_tril[:1]), torch.randn(400_000, 2))
        estimate = (MultivariateNormal(q.mean[0], scale_tril=q.scale_tril[0]).log_prob(z) - prior.log_prob(z)).mean()
        assert abs(estimate - divergence(q)[0]) < 0.01

    def test_draws_have_the_scale_and_correlation_that_are_shown(self):
        rule, encoder = self.tilted()
        x = torch.rand(1, 784, generator=stream(4))
        many = make_batch(x.expand(200_000, 784), torch.zeros(200_000, dtype=torch.long))
        heads = {name: head.expand(200_000, -1) for name, head in encoder(x).items()}
        latent = rule(heads, torch.randn(200_000, 2, generator=stream(5)), rule.Knobs(), many)
        assert abs(latent.correlation[0]) > 0.1
        assert abs(torch.corrcoef(latent.z.T)[0, 1] - latent.correlation[0]) < 0.01
        torch.testing.assert_close(latent.z.std(0), latent.scale[0], rtol=0.01, atol=0)

    def test_correlation_stays_within_one(self):
        rule, encoder = build("full_covariance")
        with torch.no_grad():
            encoder.heads["correlation"].weight *= 1e6
        latent = apply(rule, encoder)
        assert 0.99 < latent.correlation.abs().max() < 1 and torch.isfinite(latent.penalty["kl"]).all()

    def test_the_frame_shows_it(self):
        frame = Trainer(small(rule="full_covariance"), points=60).advance(30)
        assert frame.correlation.shape == (60,) and 0 < abs(frame.correlation).max() < 1
        assert frame.packed().unpacked().correlation.tolist() == frame.correlation.tolist()
        assert frame.metrics["kl_1"] is None and frame.metrics["elbo"] is not None
        assert Trainer(small(), points=60).frame().correlation is None


class TestMomentMatching:
    codes = torch.randn(2, 7, 2, generator=stream(1)) * torch.tensor([0.5, 2.0]) + torch.tensor([1.0, -0.5])
    draws = torch.randn(2, 7, 2, generator=stream(2))

    def test_kl_of_moments_against_torch(self):
        got = kl_of_moments(self.codes)
        for group, value in zip(self.codes, got, strict=True):
            moments = MultivariateNormal(group.mean(0), torch.cov(group.T, correction=0))
            expected = kl_divergence(moments, MultivariateNormal(torch.zeros(2), torch.eye(2)))
            torch.testing.assert_close(value, expected, rtol=1e-4, atol=1e-5)

    def test_mmd_against_a_double_loop(self):
        def kernel(a, b):
            return KERNEL / (KERNEL + float((a - b).square().sum()))

        for codes, draws, value in zip(self.codes, self.draws, mmd(self.codes, self.draws), strict=True):
            n, total = len(codes), 0.0
            for i in range(n):
                for j in range(n):
                    if i != j:
                        total += (kernel(codes[i], codes[j]) + kernel(draws[i], draws[j])) / (n * (n - 1))
                    total -= 2 * kernel(codes[i], draws[j]) / n**2
            assert float(value) == pytest.approx(total, abs=1e-5)

    def test_mmd_is_unbiased_and_tells_others_from_the_prior(self):
        codes, draws = (torch.randn(20_000, 8, 2, generator=stream(name)) for name in (3, 4))
        values = mmd(codes, draws)
        assert abs(values.mean()) < 4 * values.std() / math.sqrt(len(values))
        assert values.min() < 0  # as an unbiased estimate of zero must be
        assert mmd(codes + 1, draws).mean() > 0.05

    def test_sliced_wasserstein_against_a_loop(self):
        for codes, value in zip(self.codes, sliced_wasserstein(self.codes), strict=True):
            n, total = len(codes), 0.0
            for k in range(DIRECTIONS):
                angle = (k + 0.5) * math.pi / DIRECTIONS
                shadow = sorted(math.cos(angle) * float(a) + math.sin(angle) * float(b) for a, b in codes)
                for i, place in enumerate(shadow):
                    total += (place - NormalDist().inv_cdf((i + 0.5) / n)) ** 2 / (n * DIRECTIONS)
            assert float(value) == pytest.approx(total, rel=1e-4)

    def test_sliced_wasserstein_of_a_shift(self):
        """W₂² of N(m, I) and N(0, I) is ‖m‖², half of it in the mean over directions."""
        codes = torch.randn(1, 50_000, 2, generator=stream(6))
        assert float(sliced_wasserstein(codes)) < 0.01
        assert float(sliced_wasserstein(codes + torch.tensor([0.6, 0.8]))) == pytest.approx(0.5, abs=0.02)

    @pytest.mark.parametrize("which", ["kl", "mmd", "sliced_wasserstein"])
    def test_groups_of_n_are_compared_apart(self, which):
        compare = {"kl": kl_of_moments, "mmd": mmd, "sliced_wasserstein": sliced_wasserstein}[which]
        rule, encoder = build("moment_matching")
        batch = make_batch(torch.rand(11, 784, generator=stream(1)), torch.arange(11))
        mean = encoder(batch.images)["mean"]
        for n, groups in [(4, (slice(0, 4), slice(4, 8))), (8192, (slice(0, 11),))]:  # the 3 left over are left out
            latent = apply(rule, encoder, {"which": which, "n": n, "lam": 3.0}, batch=batch)
            assert torch.equal(latent.z, mean) and latent.posterior is None
            values = [compare(mean[group][None], batch.draws[group][None]) for group in groups]
            expected = 3.0 * torch.cat(values).mean().expand(11)
            torch.testing.assert_close(latent.penalty[which], expected, rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize("which", [kl_of_moments, mmd, sliced_wasserstein])
    @pytest.mark.parametrize("size", [2, 50])
    def test_collapsed_codes_leave_the_gradient_finite(self, which, size):
        line = torch.linspace(-1, 1, size).unsqueeze(1)
        for codes in (torch.zeros(size, 2), torch.full((size, 2), 30.0), line * torch.tensor([1.0, 2.0]) + 5):
            codes = codes[None].requires_grad_()
            value = which(codes, self.draws.repeat(1, 10, 1)[:1, :size])
            value.sum().backward()
            assert torch.isfinite(value).all() and torch.isfinite(codes.grad).all()

    @pytest.mark.parametrize("which", ["kl", "mmd", "sliced_wasserstein"])
    def test_a_batch_of_one_is_charged_nothing(self, which):
        rule, encoder = build("moment_matching")
        batch = make_batch(torch.rand(1, 784, generator=stream(1)), torch.arange(1))
        assert not apply(rule, encoder, {"which": which}, batch=batch).penalty
        trainer = Trainer(small(rule="moment_matching", knobs={"which": which}, batch_size=1), points=10)
        assert math.isfinite(trainer.advance(5).metrics["objective"])

    def test_it_makes_codes_normal(self):
        trainer = Trainer(small(rule="moment_matching"), points=200)
        before = float(kl_of_moments(torch.from_numpy(trainer.frame().mean)[None]))
        after = float(kl_of_moments(torch.from_numpy(trainer.advance(300).mean)[None]))
        assert after < 0.2 < before


def test_the_frame_shows_the_running_moments():
    trainer = Trainer(small(rule="normalised_noise"), points=60)
    frame = trainer.advance(30)
    assert {name: len(value) for name, value in frame.facts.items()} == {"running mean m": 2, "running deviation d": 2}
    assert frame.facts["running mean m"] == trainer.rule.facts()["running mean m"].tolist() != [0, 0]
    assert frame.packed().unpacked().facts == frame.facts
