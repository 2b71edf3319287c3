"""The offset rule: where its vectors come from, and what unseen images get."""

import numpy as np
import pytest
import torch

from tests.conftest import small
from tests.rules.applied import apply, build, make_batch
from vae_core.data.tables import TableError, store
from vae_core.rule.image_properties import measure
from vae_core.run.recipe import parse_knobs
from vae_core.trainer.random_streams import stream
from vae_core.trainer.trainer import Trainer


class TestOffset:
    @pytest.mark.parametrize("f", ["second_encoder", "random_network", "table", "property"])
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
        torch.testing.assert_close(apply(rule, encoder, {"f": "second_encoder", "a": 0.5}).z, expected)

    def test_random_network_is_standardised_and_frozen(self):
        rule, _ = build("offset")
        images = make_batch(torch.rand(50, 784, generator=stream(0, "x")), torch.arange(50))
        torch.manual_seed(0)
        own = make_batch(torch.rand(50, 784), torch.arange(50))  # those of its setting
        f = rule.f_from_random_network(own, None)
        torch.testing.assert_close(f.mean(0), torch.zeros(2), atol=1e-4, rtol=0)
        torch.testing.assert_close(f.std(0), torch.ones(2), atol=1e-4, rtol=0)
        assert not any(p.requires_grad for p in rule.random_network.parameters())
        assert rule.f_from_random_network(images, None).std() > 0

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

    def test_nearest_is_the_row_of_the_nearest_image(self):
        rule, encoder = build("offset")
        x = rule.neighbours.images[[3, 17, 5]]
        unseen = make_batch((x + 0.01).clamp(max=1), torch.full((3,), -1))
        knobs = {"f": "table", "unseen": "nearest"}
        for _ in range(2):  # found, and remembered
            offset = apply(rule, encoder, knobs, batch=unseen).z - encoder(unseen.images)["mean"]
            torch.testing.assert_close(offset, rule.table[[3, 17, 5]], rtol=1e-4, atol=1e-5)
        mixed = make_batch(unseen.images, torch.tensor([7, -1, -1]))  # a known image keeps its own row
        offset = apply(rule, encoder, knobs, batch=mixed).z - encoder(unseen.images)["mean"]
        torch.testing.assert_close(offset, rule.table[[7, 17, 5]], rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize("name", ["ink", "slant", "height", "width"])
    def test_property_moves_sideways(self, name):
        rule, encoder = build("offset")
        x = torch.rand(8, 784, generator=stream(1))
        offset = apply(rule, encoder, {"f": "property", "property": name, "a": 2.0}).z - encoder(x)["mean"]
        raw = measure(x, name)
        assert offset[:, 1].abs().max() < 1e-6 and offset[:, 0].std() > 0
        slope = (offset[1:, 0] - offset[0, 0]) / (raw[1:] - raw[0])
        torch.testing.assert_close(slope, slope[:1].expand(7), rtol=1e-2, atol=0)

    def test_normalise_comes_before_the_offset(self):
        rule, encoder = build("offset")
        latent = apply(rule, encoder, {"normalise": True, "f": "table"})
        torch.testing.assert_close((latent.z - rule.table[:8]).mean(0), torch.zeros(2), rtol=0, atol=1e-5)
        rule.eval()
        kept = rule.normalisation
        again = apply(rule, encoder, {"normalise": True, "a": 0.0})
        raw = encoder(torch.rand(8, 784, generator=stream(1)))["mean"]
        expected = (raw - kept.running_mean) / (kept.running_variance + 1e-5).sqrt()
        torch.testing.assert_close(again.z, expected, rtol=1e-4, atol=1e-5)

    def test_own_table_is_used_row_by_row(self, tmp_path, monkeypatch):
        monkeypatch.setenv("NOISE_LAB_CACHE", str(tmp_path))
        own = torch.randn(40, 2, generator=stream(9))
        np.save(tmp_path / "own.npy", own.numpy())
        rule, encoder = build("offset")
        knobs = {"f": "own_table", "table": store(tmp_path / "own.npy")}
        rule.prepare(parse_knobs("offset", knobs))
        offset = apply(rule, encoder, knobs).z - encoder(torch.rand(8, 784, generator=stream(1)))["mean"]
        torch.testing.assert_close(offset, own[:8], rtol=1e-4, atol=1e-5)

    def test_a_bad_table_leaves_the_old_offset(self, tmp_path, monkeypatch):
        monkeypatch.setenv("NOISE_LAB_CACHE", str(tmp_path))
        trainer, straight = (Trainer(small(rule="offset", knobs={"f": "table"}), points=50) for _ in range(2))
        trainer.train(5)
        np.save(tmp_path / "short.npy", np.zeros((7, 2), np.float32))
        for table in ("", "no table", "0" * 12, store(tmp_path / "short.npy")):
            with pytest.raises(TableError):
                trainer.switch(knobs={"f": "own_table", "table": table, "a": 3.0})
        assert trainer.knobs.f == "table" and trainer.knobs.a == 1 and not trainer.events
        trainer.train(5)
        straight.train(10)
        assert np.array_equal(trainer.frame().z, straight.frame().z)

    def test_a_run_with_an_own_table_is_saved_and_brought_back(self, tmp_path, monkeypatch):
        monkeypatch.setenv("NOISE_LAB_CACHE", str(tmp_path))
        np.save(tmp_path / "own.npy", np.random.default_rng(0).normal(size=(50, 2)))
        knobs = {"f": "own_table", "table": store(tmp_path / "own.npy"), "unseen": "nearest", "normalise": True}
        trainer = Trainer(small(rule="offset", train_size=50, knobs=knobs), points=50)
        trainer.train(10)
        again = Trainer.from_state(trainer.state())
        assert np.array_equal(trainer.frame().z, again.frame().z)

    def test_penalty_is_half_the_square_of_z(self):
        latent = apply(*build("offset"), {"beta": 2.0})
        torch.testing.assert_close(latent.penalty["half_square"], latent.z.square().sum(1))
        assert not apply(*build("offset")).penalty
