"""Trainer: determinism, and what switches and options do."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import Normal

import vae_core
from tests.conftest import small
from vae_core.run.recipe import RecipeError
from vae_core.trainer.networks import Encoder, Ensemble
from vae_core.trainer.picture import Diverged
from vae_core.trainer.pixels import binarized, grey
from vae_core.trainer.replay import replay
from vae_core.trainer.trainer import Trainer, pick_device


def weights(trainer: Trainer) -> list[torch.Tensor]:
    return [p.detach().clone() for p in trainer.networks.state_dict().values()]


def same(a: Trainer, b: Trainer) -> bool:
    return all(torch.equal(x, y) for x, y in zip(weights(a), weights(b), strict=True))


class TestDeterminism:
    def test_same_recipe_same_bits(self):
        a, b = (Trainer(small(seed=5), points=100) for _ in range(2))
        assert same(a, b)
        a.train(60)
        for _ in range(3):  # in slices, looking in between: looking must not disturb
            b.advance(20)
            b.encode(b.dataset.test_images[:3])
            b.decode(np.zeros((2, 2)))
        assert same(a, b)

    def test_another_seed_other_bits(self):
        assert not same(Trainer(small(seed=1), points=10), Trainer(small(seed=2), points=10))

    @pytest.mark.parametrize("threads", [1, 2])
    def test_threads_do_not_change_bits(self, threads):
        before = torch.get_num_threads()
        try:
            torch.set_num_threads(threads)
            trainer = Trainer(small(hidden=(256, 64), batch_size=256), points=100)
            trainer.train(20)
        finally:
            torch.set_num_threads(before)
        reference = Trainer(small(hidden=(256, 64), batch_size=256), points=100)
        reference.train(20)
        assert same(trainer, reference)

    def test_noise_off_and_on_again(self):
        a, b = (Trainer(small(), points=100) for _ in range(2))
        for trainer in (a, b):
            for noise in (0.0, 1.0):
                trainer.train(15)
                trainer.switch(noise=noise)
            trainer.train(15)
        assert same(a, b)
        assert [event.label for event in a.events] == ["noise off", "noise on"]

    def test_replay_and_state_give_the_same_bits(self):
        trainer = Trainer(small(), points=100)
        trainer.train(10)
        trainer.switch(rule="offset", knobs={"f": "table"})
        trainer.train(10)
        middle = trainer.state()
        trainer.switch(noise=0.5, rule="mean_only")
        trainer.train(10)
        assert same(trainer, replay(trainer.recipe, trainer.events, 30, points=100))
        again = replay(trainer.recipe, trainer.events, 30, start=Trainer.from_state(middle))
        assert same(trainer, again)
        assert again.frame().metrics == trainer.frame().metrics

    def test_rules_share_weights_batches_and_noise(self):
        a, b = Trainer(small(rule="vae"), points=50), Trainer(small(rule="autoencoder"), points=50)
        shared = [n for n in a.networks.state_dict() if n in b.networks.state_dict()]
        assert len(shared) > 4
        assert all(torch.equal(a.networks.state_dict()[n], b.networks.state_dict()[n]) for n in shared)
        (batch_a, eps_a), (batch_b, eps_b) = a.training_set.batch(0), b.training_set.batch(0)
        assert torch.equal(batch_a.rows, batch_b.rows) and torch.equal(eps_a, eps_b)

    def test_offset_of_nothing_is_the_autoencoder(self):
        plain = Trainer(small(rule="autoencoder"), points=100)
        offset = Trainer(small(rule="offset", knobs={"a": 0.0}), points=100)
        plain.train(80)
        offset.train(80)
        ours = offset.networks.state_dict()
        assert all(torch.equal(p, ours[n]) for n, p in plain.networks.state_dict().items())
        assert np.array_equal(plain.frame().z, offset.frame().z)

    def test_noise_at_zero_gives_the_mean(self, trained):
        images = trained.dataset.test_images[:9]
        trained.switch(noise=0.0)
        latent = trained.encode(images)
        assert torch.equal(latent.z, latent.mean)
        trained.switch(noise=1.0)
        assert not torch.equal(trained.encode(images).z, latent.mean)


class TestSwitch:
    def test_takes_effect_and_is_recorded(self):
        trainer = Trainer(small(), points=50)
        trainer.train(3)
        event = trainer.switch(knobs={"beta": 4})
        assert (event.step, event.label, event.knobs) == (3, "β = 4", {"beta": 4.0, "s": 1.0})
        trainer.train(1)
        assert trainer.switch(rule="mean_only").label == "Mean only"
        assert trainer.switch(noise=0.25).label == "Mean only, noise 0.25"
        assert [e.step for e in trainer.events] == [3, 4]  # two at one step are one

    def test_and_back_before_a_step_is_no_event(self):
        trainer = Trainer(small(), points=50)
        trainer.train(3)
        trainer.switch(noise=0.0)
        trainer.switch(noise=1.0)
        assert trainer.events == []

    @pytest.mark.parametrize(
        "change",
        [
            {"rule": "foo"},
            {"noise": 1.5},
            {"noise": float("nan")},
            {"noise": "off"},
            {"knobs": {"beta": 1e9}},
            {"knobs": {"x": 1}},
        ],
    )
    def test_refused_changes_change_nothing(self, change):
        trainer = Trainer(small(), points=50)
        before = trainer.settings
        with pytest.raises(RecipeError):
            trainer.switch(**change)
        assert trainer.settings == before and trainer.events == []

    def test_every_rule_from_every_other(self):
        trainer = Trainer(small(), points=50)
        for first in vae_core.rules():
            for second in vae_core.rules():
                trainer.switch(rule=first)
                trainer.train(2)
                trainer.switch(rule=second)
                frame = trainer.advance(2)
                assert math.isfinite(frame.metrics["objective"]), (first, second)
                assert np.isfinite(frame.z).all() and np.isfinite(frame.repeats).all(), (first, second)
                assert all(w.isfinite().all() for w in weights(trainer)), (first, second)


class TestEncode:
    def test_training_images_are_recognised(self):
        trainer = Trainer(small(rule="offset", knobs={"f": "table"}, train_size=100), points=50)
        images = np.array(trainer.dataset.train_images)[trainer.training_set.rows[:6]]
        offset = (
            trainer.encode(images).z - trainer.encoder(grey(torch.from_numpy(images)).view(-1, 784))["mean"].detach()
        )
        torch.testing.assert_close(offset, trainer.rule.table[:6], atol=1e-5, rtol=1e-4)

    def test_takes_floats_and_bytes(self, trained):
        images = np.array(trained.dataset.test_images[:4])
        torch.testing.assert_close(trained.encode(images).mean, trained.encode(images / np.float32(255)).mean)

    def test_decode_gives_probabilities(self, trained):
        p = trained.decode(np.random.default_rng(0).normal(size=(5, 2)) * 10)
        assert p.shape == (5, 28, 28) and p.min() >= 0 and p.max() <= 1

    def test_repeats_are_a_cloud_with_noise_and_a_dot_without(self):
        trainer = Trainer(small(), points=50)
        frame = trainer.advance(20)
        assert frame.repeats.shape == (len(frame.strip), 50, 2)
        assert frame.repeats.std(1).min() > 0.01
        trainer.switch(noise=0.0)
        assert np.ptp(trainer.frame().repeats, axis=1).max() == 0


class TestRecipeOptions:
    def test_the_gaussian_likelihood_is_what_is_trained_and_shown(self):
        trainer = Trainer(small(likelihood="gaussian", deviation=0.3), points=100)
        start, end = trainer.frame().metrics, trainer.advance(200).metrics
        assert end["reconstruction_at_mean"] < start["reconstruction_at_mean"] - 50
        x = trainer.points.images
        mean = trainer.decode(trainer.encode(x, torch.zeros(100, 2)).z).view(100, -1)
        expected = -Normal(mean.double(), 0.3).log_prob(x.double()).sum(1).mean()
        assert end["reconstruction_at_mean"] == pytest.approx(float(expected), abs=1e-2)
        assert end["elbo"] == pytest.approx(-(end["reconstruction"] + end["kl"]), abs=1e-3)

    def test_binarized_pixels_are_drawn_by_their_grey_value(self):
        images = torch.arange(256, dtype=torch.uint8).repeat(3000, 4)[:, :784]
        images[:, 600:] = torch.randint(256, (3000, 184), dtype=torch.uint8)  # no two are alike
        drawn = binarized(images)
        assert set(drawn.unique().tolist()) == {0, 255}
        ink = (drawn[:, :256] > 0).double().mean(0)
        p = torch.arange(256).double() / 255
        assert ((ink - p).abs() <= 5 * (p * (1 - p) / 3000).sqrt()).all()  # black and white stay exactly
        assert torch.equal(binarized(drawn), drawn)
        assert torch.equal(binarized(images[7:9]), drawn[7:9])  # wherever an image stands, its draw is the same

    def test_binarized_runs_see_and_show_binary_images(self):
        trainer = Trainer(small(pixels="binarized", rule="offset", knobs={"f": "table"}), points=100)
        assert set(trainer.points.raw.unique().tolist()) == {0, 255}
        assert set(trainer.training_set.batch(0)[0].images.unique().tolist()) == {0.0, 1.0}
        grey_images = np.array(trainer.dataset.train_images)[trainer.training_set.rows[:6]]
        seen = grey(trainer.training_set.images[:6])
        assert not torch.equal(seen, grey(torch.from_numpy(grey_images)).view(-1, 784))
        still = torch.zeros(6, 2)
        for images in (grey_images, grey_images / np.float32(255), seen):  # all are recognised as the same images
            z = trainer.encode(images, still).z
            torch.testing.assert_close(z, trainer.encode(seen, still).z)
            assert trainer.training_set.find(trainer.as_pixels(images)[1]).tolist() == [0, 1, 2, 3, 4, 5]
        bytes_ = torch.from_numpy(grey_images).view(-1, 784)
        assert trainer.measure(grey(bytes_), still) == trainer.measure(grey(binarized(bytes_)), still)
        whole = Trainer(small(), points=100).points
        assert np.array_equal(whole.labels, trainer.points.labels)  # the same images on the plane
        assert torch.equal(binarized(whole.raw), trainer.points.raw)

    def test_the_mean_of_encoders(self):
        trainer = Trainer(small(encoders=3), points=50)
        members = trainer.encoder.members
        x = trainer.points.images[:5]
        heads = trainer.encoder(x)
        assert set(heads) == {"mean", "log_variance"}
        for name, head in heads.items():
            torch.testing.assert_close(head, sum(member(x)[name] for member in members) / 3)
        firsts = [member.layers[0].weight for member in members]
        assert not torch.equal(firsts[0], firsts[1]) and not torch.equal(firsts[1], firsts[2])
        before = [w.clone() for w in firsts]
        trainer.train(5)
        assert not any(torch.equal(w, old) for w, old in zip(firsts, before, strict=True))
        assert same(trainer, Trainer.from_state(trainer.state()))

    def test_one_encoder_is_an_encoder(self):
        alone, ensemble = Trainer(small(encoders=1), points=50), Ensemble(1, (32,), "silu", 0)
        assert type(alone.encoder) is Encoder
        ensemble.add_heads({"mean": 2, "log_variance": 2})
        x = alone.points.images[:5]
        assert all(torch.equal(head, ensemble(x)[name]) for name, head in alone.encoder(x).items())

    def test_all_of_them_reproduce(self):
        options = {"likelihood": "gaussian", "pixels": "binarized", "encoders": 2}
        a, b = (Trainer(small(**options), points=50) for _ in range(2))
        a.train(20)
        a.switch(rule="full_covariance", noise=0.5)
        a.train(20)
        assert same(a, replay(b.recipe, a.events, 40, start=b))


class TestLimits:
    def test_ten_images(self):
        trainer = Trainer(small(train_size=10, batch_size=512), points=50)
        assert trainer.training_set.batch_size == 10 and trainer.training_set.steps_per_epoch == 1
        assert math.isfinite(trainer.advance(20).metrics["elbo"])

    def test_a_huge_learning_rate_is_told(self):
        trainer = Trainer(small(learning_rate=10.0), points=50)
        with pytest.raises(Diverged, match=r"no longer a number at step .* learning rate 10 "):  # noqa: PT012  # at one of the steps
            for _ in range(50):
                trainer.advance(20)

    def test_devices(self):
        with pytest.raises(ValueError, match=r"Unknown device 'tpu'.*auto, cpu, cuda"):
            pick_device("tpu")
        if not torch.cuda.is_available():
            assert pick_device("auto") == "cpu"
            with pytest.raises(ValueError, match="No CUDA device"):
                pick_device("cuda")

    @pytest.mark.parametrize("state", [b"", b"PK\x03\x04 broken", b"\x80\x04]\x94."])
    def test_broken_state(self, state):
        with pytest.raises(ValueError, match="not a whole saved trainer"):
            Trainer.from_state(state)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_trains_as_the_cpu_does():
    cpu, cuda = (Trainer(small(), device=device, points=200).advance(200) for device in ("cpu", "cuda"))
    assert cuda.metrics["elbo"] == pytest.approx(cpu.metrics["elbo"], abs=3)


def test_mnist_is_learned(mnist):
    """A floor, in steps and not in seconds: 600 steps of the default recipe."""
    trainer = Trainer(vae_core.Recipe())
    assert trainer.dataset.train_images.shape == (60000, 28, 28)
    trainer.train(600)
    images = grey(torch.from_numpy(np.array(trainer.dataset.test_images))).view(-1, 784)
    metrics = trainer.measure(images, torch.randn(10000, 2, generator=torch.Generator().manual_seed(0)))
    assert -metrics["elbo"] < 146.5
    assert trainer.frame().metrics["elbo"] == pytest.approx(
        metrics["elbo"], abs=4.0
    )  # its 500 images are 3 nats easier
