"""The contract of every rule that is found, and each rule's own mathematics."""

import math

import pytest
import torch
from torch.distributions import MultivariateNormal, Normal, kl_divergence

import vae_core
from tests.conftest import small
from vae_core.catalogue import catalogue
from vae_core.networks import Encoder, stream
from vae_core.recipe import parse_knobs
from vae_core.rule import Batch, Rule, Setting, kl_to_prior
from vae_core.trainer import Trainer

RULES = vae_core.rules()


def build(name: str) -> tuple[Rule, Encoder]:
    torch.manual_seed(0)
    setting = Setting(
        train_size=40,
        images=torch.rand(50, 784),
        encoder=lambda part: Encoder((16,), "silu", 0, part),
        generator=lambda part: stream(0, part),
    )
    encoder = Encoder((16,), "silu", 0)
    encoder.add_heads(RULES[name].heads)
    return RULES[name](setting), encoder


def make_batch(images, rows):
    return Batch(images, rows, torch.randn(len(rows), 2, generator=stream("draws")))


def apply(rule, encoder, knobs=None, eps=None, batch=None):
    batch = batch or make_batch(torch.rand(8, 784, generator=stream(1)), torch.arange(8))
    eps = torch.randn(len(batch.rows), 2, generator=stream(2)) if eps is None else eps
    name = next(n for n, kind in RULES.items() if isinstance(rule, kind))
    return rule(encoder(batch.images), eps, parse_knobs(name, knobs), batch)


def settings_of(name):
    """The defaults, and each choice of the knobs that offer some."""
    entry = next(e for e in catalogue() if e["name"] == name)
    choices = [(knob["name"], choice["value"]) for knob in entry["knobs"] for choice in knob["choices"]]
    return [{}, *({knob: value} for knob, value in choices)]


@pytest.mark.parametrize("name", RULES)
class TestContract:
    def test_shapes_and_finiteness(self, name):
        latent = apply(*build(name))
        assert latent.z.shape == latent.mean.shape == (8, 2)
        assert torch.isfinite(latent.z).all()
        assert all(p.shape == (8,) and torch.isfinite(p).all() for p in latent.penalty.values())
        if latent.posterior is not None:
            assert latent.scale.shape == (8, 2) and (latent.scale > 0).all()

    def test_without_noise_z_is_the_mean_and_repeats(self, name):
        rule, encoder = build(name)
        rule.eval()
        first, again = (apply(rule, encoder, eps=torch.zeros(8, 2)) for _ in range(2))
        assert torch.equal(first.z, first.mean)
        assert torch.equal(first.z, again.z)

    def test_says_whether_it_has_noise(self, name):
        rule, encoder = build(name)
        rule.eval()
        still = torch.zeros(8, 2)
        moved = [
            not torch.equal(apply(rule, encoder, knobs).z, apply(rule, encoder, knobs, still).z)
            for knobs in settings_of(name)
        ]
        assert any(moved) == bool(RULES[name].noise_off)

    def test_posterior_or_a_word_why_not(self, name):
        has_posterior = apply(*build(name)).posterior is not None
        assert has_posterior != bool(RULES[name].undefined)

    def test_gradient_reaches_every_parameter_in_use(self, name):
        rule, encoder = build(name)
        if name == "noise_only":  # nothing of the encoder is in it
            assert not apply(rule, encoder).z.requires_grad
            return
        for knobs in [*settings_of(name), {"layers": 6}] if name == "flow" else settings_of(name):
            latent = apply(rule, encoder, knobs)
            (latent.z.square().sum() + sum(p.sum() for p in latent.penalty.values())).backward()
        for part, parameter in [*rule.named_parameters(), *encoder.named_parameters()]:
            if parameter.requires_grad:
                assert parameter.grad is not None and parameter.grad.abs().sum() > 0, f"no gradient reaches {part}"

    def test_words_for_the_screen(self, name):
        kind = RULES[name]
        for words in (kind.title, kind.question, kind.formula, kind.charged, kind.source):
            assert words.strip()
        assert kind.__module__ == f"vae_core.rules.{name}"

    def test_survives_saving(self, name):
        trainer = Trainer(small(rule=name), points=100)
        trainer.train(5)
        again = Trainer.from_state(trainer.state())
        assert torch.equal(
            trainer.encode(trainer.dataset.test_images[:5], torch.ones(5, 2)).z,
            again.encode(trainer.dataset.test_images[:5], torch.ones(5, 2)).z,
        )


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


class TestOffset:
    @pytest.mark.parametrize("f", ["second_encoder", "random_network", "table"])
    def test_same_image_same_z(self, f):
        rule, encoder = build("offset")
        first = apply(rule, encoder, {"f": f}, eps=torch.randn(8, 2, generator=stream(6)))
        again = apply(rule, encoder, {"f": f}, eps=torch.randn(8, 2, generator=stream(7)))
        assert torch.equal(first.z, again.z)
        assert not torch.equal(first.z, encoder(torch.rand(8, 784, generator=stream(1)))["mean"])

    def test_second_encoder_is_a_sum_of_two(self):
        rule, encoder = build("offset")
        x = torch.rand(8, 784, generator=stream(1))
        expected = encoder(x)["mean"] + 0.5 * rule.second_encoder(x)["mean"]
        torch.testing.assert_close(apply(rule, encoder, {"a": 0.5}).z, expected)

    def test_random_network_is_standardised_and_frozen(self):
        rule, _ = build("offset")
        images = make_batch(torch.rand(50, 784, generator=stream(0, "x")), torch.arange(50))
        torch.manual_seed(0)
        own = make_batch(torch.rand(50, 784), torch.arange(50))  # those of its setting
        f = rule.f_random_network(own, None)
        torch.testing.assert_close(f.mean(0), torch.zeros(2), atol=1e-4, rtol=0)
        torch.testing.assert_close(f.std(0), torch.ones(2), atol=1e-4, rtol=0)
        assert not any(p.requires_grad for p in rule.random_network.parameters())
        assert rule.f_random_network(images, None).std() > 0

    def test_table_rows_go_with_their_images(self):
        rule, encoder = build("offset")
        x = torch.rand(8, 784, generator=stream(1))
        order = torch.randperm(8, generator=stream(8))
        straight = apply(rule, encoder, {"f": "table"}, batch=make_batch(x, torch.arange(8)))
        shuffled = apply(rule, encoder, {"f": "table"}, batch=make_batch(x[order], torch.arange(8)[order]))
        torch.testing.assert_close(straight.z[order], shuffled.z)
        torch.testing.assert_close(straight.z - encoder(x)["mean"], rule.table[:8])

    def test_table_for_unseen_images(self):
        rule, encoder = build("offset")
        x = torch.rand(8, 784, generator=stream(1))
        unseen = make_batch(x, torch.full((8,), -1))
        mean = encoder(x)["mean"]
        assert torch.equal(apply(rule, encoder, {"f": "table"}, batch=unseen).z, mean)
        drawn = apply(rule, encoder, {"f": "table", "unseen": "drawn"}, batch=unseen).z - mean
        distance = (drawn.unsqueeze(1) - rule.table).abs().amax(2).amin(1)
        assert distance.max() < 1e-5  # each is a row of the table

    def test_penalty_is_half_the_square_of_z(self):
        latent = apply(*build("offset"), {"beta": 2.0})
        torch.testing.assert_close(latent.penalty["half_square"], latent.z.square().sum(1))
        assert not apply(*build("offset")).penalty


def test_a_new_file_is_found_and_described(tmp_path, monkeypatch):
    """One class in one file: nothing else has to change."""
    import vae_core.rules as folder

    (tmp_path / "mine.py").write_text(
        "from vae_core.rule import Knobs, Latent, Rule, knob\n"
        "class Mine(Rule):\n"
        "    title = question = source = charged = 'Mine'\n"
        "    formula = r'z = 2\\mu'\n"
        "    undefined = 'no posterior'\n"
        "    class Knobs(Knobs):\n"
        "        gain: float = knob(2.0, symbol='g', title='gain', low=0, high=5)\n"
        "    def forward(self, heads, eps, knobs, batch):\n"
        "        z = knobs.gain * heads['mean']\n"
        "        return Latent(z=z, mean=z)\n"
    )
    monkeypatch.setattr(folder, "__path__", [*folder.__path__, str(tmp_path)])
    folder.discover.cache_clear()
    try:
        assert "mine" in vae_core.rules()
        entry = next(e for e in catalogue() if e["name"] == "mine")
        assert entry["knobs"][0]["max"] == 5
        frame = Trainer(small(rule="mine", knobs={"gain": 3}), points=50).advance(20)
        assert frame.metrics["elbo"] is None and frame.metrics["reconstruction"] < 400
    finally:
        folder.discover.cache_clear()


def test_a_file_without_a_rule_is_named(tmp_path, monkeypatch):
    import vae_core.rules as folder

    (tmp_path / "empty_rule.py").write_text("")
    monkeypatch.setattr(folder, "__path__", [str(tmp_path)])
    folder.discover.cache_clear()
    try:
        with pytest.raises(TypeError, match=r"empty_rule\.py should define one Rule"):
            vae_core.rules()
    finally:
        folder.discover.cache_clear()


def test_catalogue_is_plain_data():
    import json

    entries = json.loads(json.dumps(catalogue(), allow_nan=False))
    assert [e["name"] for e in entries] == list(RULES)
    vae = next(e for e in entries if e["name"] == "vae")
    assert vae["mathml"].startswith("<math") and vae["knobs"][0]["symbol"] == "β"
    f = next(e for e in entries if e["name"] == "offset")["knobs"][0]
    assert f["kind"] == "choice" and [c["value"] for c in f["choices"]] == ["second_encoder", "random_network", "table"]
