"""What every rule must do, whatever it is, and how rules are found and described."""

import pytest
import torch

import vae_core
from tests.conftest import small
from tests.rules.applied import RULES, apply, build, settings_of
from vae_core.run.catalogue import by_name, catalogue
from vae_core.run.recipe import parse_knobs
from vae_core.trainer.trainer import Trainer


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
        still, when = torch.zeros(8, 2), RULES[name].noise_when
        for knobs in settings_of(name):
            moved = not torch.equal(apply(rule, encoder, knobs).z, apply(rule, encoder, knobs, still).z)
            used = all(getattr(parse_knobs(name, knobs), knob) in values for knob, values in when.items())
            assert moved == (bool(RULES[name].noise_off) and used), knobs

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
        for words in (kind.title, kind.question, kind.formula, kind.charged, kind.why, kind.source):
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


def test_a_new_file_is_found_and_described(tmp_path, monkeypatch):
    """One class in one file: nothing else has to change."""
    import vae_core.rules as folder

    (tmp_path / "mine.py").write_text(
        "from vae_core.rule import Knobs, Latent, Rule, knob\n"
        "class Mine(Rule):\n"
        "    title = question = source = charged = why = 'Mine'\n"
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
        entry = by_name(catalogue())["mine"]
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
    assert f["kind"] == "choice" and "property" in [c["value"] for c in f["choices"]]
