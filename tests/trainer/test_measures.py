"""Likelihoods, gradients and the numbers of a frame, against torch's own and against formulas."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import Bernoulli, MultivariateNormal, Normal, kl_divergence
from torch.nn import functional as F

import vae_core
from tests.conftest import small
from vae_core.trainer.adam import Adam
from vae_core.trainer.likelihood import bernoulli_gradient, bernoulli_nats, gaussian_gradient, gaussian_nats
from vae_core.trainer.pixels import grey, low, mean_image
from vae_core.trainer.shown_images import spread_by_ink
from vae_core.trainer.trainer import Trainer


class TestMeasures:
    def test_bernoulli_nats_against_torch(self):
        logits, x = torch.randn(7, 784) * 5, torch.rand(7, 784).round()
        torch.testing.assert_close(bernoulli_nats(logits, x), -Bernoulli(logits=logits).log_prob(x).sum(1))
        grey_x = torch.rand(7, 784)
        expected = F.binary_cross_entropy(logits.double().sigmoid(), grey_x.double(), reduction="none").sum(1)
        torch.testing.assert_close(bernoulli_nats(logits, grey_x).double(), expected, rtol=1e-4, atol=1e-3)

    def test_bernoulli_gradient_against_autograd(self):
        logits, x = (torch.randn(7, 784) * 5).requires_grad_(), torch.rand(7, 784)
        bernoulli_nats(logits, x).mean().backward()
        torch.testing.assert_close(bernoulli_gradient(logits.detach().clone(), x), logits.grad, rtol=1e-4, atol=1e-6)

    @pytest.mark.parametrize("deviation", [0.05, 0.2, 1.0])
    def test_gaussian_nats_against_torch(self, deviation):
        logits, x = torch.randn(7, 784) * 5, torch.rand(7, 784)
        expected = -Normal(logits.double().sigmoid(), deviation).log_prob(x.double()).sum(1)
        torch.testing.assert_close(gaussian_nats(logits, x, deviation).double(), expected, rtol=1e-5, atol=1e-2)
        whole = MultivariateNormal(logits[0].sigmoid(), deviation**2 * torch.eye(784))
        torch.testing.assert_close(gaussian_nats(logits, x, deviation)[0], -whole.log_prob(x[0]), rtol=1e-4, atol=1e-1)

    @pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
    def test_gaussian_gradient_against_autograd(self, dtype):
        logits, x = (torch.randn(7, 784) * 5).to(dtype).float().requires_grad_(), torch.rand(7, 784)
        gaussian_nats(logits, x, 0.1).mean().backward()
        got = gaussian_gradient(logits.detach().to(dtype), x, 0.1)
        assert got.dtype == dtype
        torch.testing.assert_close(got.float(), logits.grad, rtol=1e-4 if dtype == torch.float32 else 1e-2, atol=1e-5)

    @pytest.mark.parametrize("options", [{}, {"likelihood": "gaussian", "pixels": "binarized", "encoders": 2}])
    def test_a_step_descends_the_objective(self, options, monkeypatch):
        """The gradients of one step are those of the mean objective by plain autograd, in float32."""
        monkeypatch.setattr("vae_core.trainer.trainer.bfloat16_is_faster", lambda device: False)
        for rule in vae_core.rules():
            stepped, plain = (Trainer(small(rule=rule, **options), points=20) for _ in range(2))
            found = {}
            stepped.optimiser.step = lambda parameters, rate, found=found: found.update(
                {n: p.grad.clone() for n, p in parameters.items() if p.grad is not None}
            )
            stepped.train(1)
            batch, eps = plain.training_set.batch(0)
            latent = plain.latent(plain.encoder(batch.images), eps, batch)
            loss = plain.nats(plain.decoder(latent.z), batch.images) + sum(latent.penalty.values())
            loss.mean().backward()
            expected = {n: p.grad for n, p in plain.networks.named_parameters() if p.grad is not None}
            assert set(found) == set(expected) and found
            near = 3e-6 * max(1.0, *(float(gradient.abs().max()) for gradient in expected.values()))
            for name, gradient in expected.items():
                torch.testing.assert_close(found[name], gradient, rtol=1e-3, atol=near, msg=f"{rule}: {name}")

    def test_frame_metrics_by_hand(self, trained):
        """Each number that the app shows, again, from encode and decode alone, in float64."""
        frame = trained.frame()
        n = len(frame.labels)
        x = trained.points.raw[:n].double() / 255
        latent = trained.encode(trained.points.raw.numpy(), trained.points.eps)

        def nats(z):
            p = trained.decode(z).view(n, -1).double().clamp(1e-12, 1 - 1e-7)
            return float(-(x * p.log() + (1 - x) * (1 - p).log()).sum(1).mean())

        mu, sigma = latent.mean.double(), latent.scale.double()
        kl = 0.5 * (mu**2 + sigma**2 - 1 - 2 * sigma.log())
        expected = {
            "reconstruction": nats(latent.z),
            "reconstruction_at_mean": nats(latent.mean),
            "kl": kl.sum(1).mean(),
            "kl_1": kl[:, 0].mean(),
            "kl_2": kl[:, 1].mean(),
            "kl_mean": (0.5 * mu**2).sum(1).mean(),
            "kl_variance": (0.5 * (sigma**2 - 1 - 2 * sigma.log())).sum(1).mean(),
        }
        seen = trained.training_set.sample()
        z = trained.encode((seen.images * 255).to(torch.uint8), seen.draws).z
        p = trained.decode(z).view(len(z), -1).double().clamp(1e-12, 1 - 1e-7)
        x_seen = seen.images.double()
        expected["reconstruction_seen"] = -(x_seen * p.log() + (1 - x_seen) * (1 - p).log()).sum(1).mean()
        expected["elbo"] = -(expected["reconstruction"] + expected["kl"])
        expected["objective"] = -expected["elbo"]
        assert set(expected) == set(frame.metrics)
        for name, value in expected.items():
            assert frame.metrics[name] == pytest.approx(float(value), abs=2e-3), name

    def test_kl_against_an_independent_library_call(self, trained):
        latent = trained.encode(trained.dataset.test_images[:50])
        q = MultivariateNormal(latent.mean, torch.diag_embed(latent.scale**2))
        expected = kl_divergence(q, MultivariateNormal(torch.zeros(2), torch.eye(2))).mean()
        got = trained.measure(
            grey(torch.as_tensor(np.array(trained.dataset.test_images[:50]))).view(-1, 784), torch.zeros(50, 2)
        )
        assert got["kl"] == pytest.approx(float(expected), rel=1e-4)

    def test_elbo_is_only_shown_where_z_follows_the_posterior(self):
        trainer = Trainer(small(), points=100)
        trainer.train(50)
        assert trainer.frame().metrics["elbo"] is not None
        trainer.switch(noise=0.0)
        metrics = trainer.frame().metrics
        assert metrics["elbo"] is None and metrics["kl"] is not None
        assert metrics["reconstruction"] == metrics["reconstruction_at_mean"]
        trainer.switch(noise=1.0, knobs={"s": 0.5})
        assert trainer.frame().metrics["elbo"] is None
        trainer.switch(rule="noise_only")
        metrics = trainer.frame().metrics
        assert metrics["kl"] == 0 and metrics["elbo"] == -metrics["reconstruction"]
        for rule in ("autoencoder", "offset"):
            trainer.switch(rule=rule)
            assert {trainer.frame().metrics[name] for name in ("kl", "kl_1", "kl_mean", "elbo")} == {None}

    def test_elbo_bounds_the_log_likelihood(self, trained):
        """Against a brute-force sum over a fine grid of z, on binary images."""
        x = (trained.points.images[:20] > 0.5).float()
        metrics = trained.measure(x, torch.randn(20, 2, generator=torch.Generator().manual_seed(0)))
        line = torch.linspace(-6, 6, 481, dtype=torch.float64)
        z = torch.cartesian_prod(line, line)
        p = trained.decode(z.float()).view(len(z), -1).double().clamp(1e-12, 1 - 1e-12)
        joint = x.double() @ p.log().T + (1 - x.double()) @ (1 - p).log().T
        joint += -0.5 * z.square().sum(1) - math.log(2 * math.pi) + 2 * math.log(12 / 480)
        assert metrics["elbo"] < float(joint.logsumexp(1).mean())

    def test_probe_stands_for_all_test_images(self):
        images = np.random.default_rng(0).integers(0, 256, (3000, 28, 28)).astype(np.uint8)
        images[:1500] //= 4
        rows = spread_by_ink(images, 1000)
        assert len(set(rows.tolist())) == 1000
        for part in (rows, rows[:500]):
            assert abs(images[part].mean() - images.mean()) < 0.5

    def test_mean_image(self):
        images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (1203, 784)).astype(np.uint8))
        torch.testing.assert_close(mean_image(images), (images.double() / 255).mean(0).float())
        assert torch.equal(mean_image(images), mean_image(images.flip(0)))

    def test_images_in_bfloat16(self):
        images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (1203, 784)).astype(np.uint8))
        assert torch.equal(low(images), (images.float() / 255).to(torch.bfloat16))

    def test_adam_against_torch(self):
        ours = torch.nn.Parameter(torch.linspace(-1, 1, 12))
        theirs = torch.nn.Parameter(ours.detach().clone())
        adam, reference = Adam(), torch.optim.Adam([theirs], lr=0.01, betas=(0.9, 0.99), eps=1e-8)
        for step in range(20):
            for p in (ours, theirs):
                p.grad = None
                (p.sin().sum() * (step + 1)).backward()
            adam.step({"p": ours}, 0.01)
            reference.step()
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-7)
