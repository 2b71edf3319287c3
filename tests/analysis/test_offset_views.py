"""What the Offset lab shows, against the rule and the networks themselves; its figures."""

import numpy as np
import plotly.graph_objects as go
import pytest
import torch

from tests.conftest import small
from vae_core.analysis.views import encoder_members, offset_codes, offset_gap, offset_merged, offset_twice
from vae_core.analysis.views.offset import seen
from vae_core.figures.offset import (
    arrows_figure,
    blocks_figure,
    edge_for,
    members_figure,
    twice_figure,
)
from vae_core.run.widths import parameters, wider
from vae_core.trainer.networks import Encoder
from vae_core.trainer.trainer import Trainer


def trained(steps: int = 20, knobs: dict | None = None, **fields) -> Trainer:
    trainer = Trainer(small(rule="offset", knobs=knobs or {}, **fields), points=100)
    trainer.train(steps)
    return trainer


@pytest.fixture(scope="module")
def table_run() -> Trainer:
    """Large offsets, and zero for unseen images."""
    return trained(300, {"f": "table", "a": 2.0}, train_size=200)


class TestCodes:
    def test_the_arrow_is_the_offset(self, table_run):
        view = offset_codes(table_run, 50)
        rows = seen(table_run, 50)[0].rows
        moved = view["seen"]["after"] - view["seen"]["before"]
        np.testing.assert_allclose(moved, 2 * table_run.rule.table[rows], rtol=1e-3, atol=1e-4)
        assert view["seen"]["moved"] == pytest.approx(np.linalg.norm(moved, axis=1).mean(), rel=1e-4)
        np.testing.assert_array_equal(view["unseen"]["before"], view["unseen"]["after"])

    def test_labels_and_codes_belong_to_the_images(self, table_run):
        view = offset_codes(table_run, 200)
        rows = table_run.training_set.rows[seen(table_run, 200)[0].rows.numpy()]
        assert len(set(rows)) == 200
        np.testing.assert_array_equal(view["seen"]["labels"], table_run.dataset.train_labels[rows])
        images = table_run.dataset.train_images[rows]
        np.testing.assert_allclose(view["seen"]["after"], table_run.encode(images).z, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(view["seen"]["properties"]["ink"], images.mean((1, 2)) / 255, rtol=1e-4)
        np.testing.assert_array_equal(view["unseen"]["labels"], table_run.points.labels)

    def test_plain_data(self, table_run):
        for view in (offset_codes(table_run), offset_gap(table_run), offset_twice(table_run), offset_merged(table_run)):
            assert not has_tensors(view)

    def test_training_goes_on_as_if_nobody_looked(self):
        seen, alone = trained(10), trained(10)
        offset_codes(seen), offset_gap(seen), offset_twice(seen), offset_merged(seen)
        seen.train(5), alone.train(5)
        assert np.array_equal(seen.frame().z, alone.frame().z)

    def test_another_rule_is_told(self):
        trainer = trained(1)
        trainer.switch(rule="vae")
        for view in (offset_codes, offset_gap, offset_twice, offset_merged):
            with pytest.raises(ValueError, match="switch it to Deterministic offset first"):
                view(trainer)


def has_tensors(value) -> bool:
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return isinstance(value, torch.Tensor) or any(map(has_tensors, values))


def test_gap_is_the_difference_of_two_means(table_run):
    view = offset_gap(table_run, 100)
    codes = offset_codes(table_run, 100)
    for side in ("seen", "unseen"):
        assert view[side] == pytest.approx(codes[side]["nats"].mean(), rel=1e-4)
    assert view["gap"] == pytest.approx(view["unseen"] - view["seen"])
    variances = [codes[side]["nats"].astype(float).var() / 100 for side in ("seen", "unseen")]
    assert view["error"] == pytest.approx(sum(variances) ** 0.5, rel=1e-3)


@pytest.mark.parametrize("knobs", [{"f": "table"}, {"f": "second_encoder", "normalise": True}, {"f": "property"}])
def test_twice_gives_equal_codes(knobs):
    view = offset_twice(trained(20, knobs))
    assert view["difference"] == 0 and np.array_equal(view["first"], view["again"])
    assert not np.array_equal(view["first"], view["before"])
    assert view["images"].shape == view["reconstructions"].shape == (6, 28, 28)


class TestMerged:
    @pytest.mark.parametrize("hidden", [(32,), (24, 12), (20, 10, 5)])
    @pytest.mark.parametrize("normalise", [False, True])
    @pytest.mark.parametrize("encoders", [1, 3])
    def test_outputs_equal_the_sum(self, hidden, normalise, encoders):
        trainer = trained(30, {"a": 0.7, "normalise": normalise}, hidden=hidden, encoders=encoders)
        view = offset_merged(trainer)
        assert view["difference"] < 1e-5 * max(1, view["largest"])
        assert view["largest"] > 0.1
        assert view["merged"] == [(encoders + 1) * width for width in hidden]

    def test_parameters_are_those_of_the_networks(self):
        view = offset_merged(trained(1, hidden=(24, 12)))
        count = sum(p.numel() for p in Encoder((24, 12), "silu", 0).parameters())
        assert parameters((24, 12)) == count
        assert view["parameters"]["together"] == 2 * count
        merged = Encoder((48, 24), "silu", 0)
        assert view["parameters"]["merged"] == sum(p.numel() for p in merged.parameters())
        assert view["zeros"] * view["parameters"]["merged"] == pytest.approx(2 * 24 * 12)

    def test_blocks(self):
        view = offset_merged(trained(1, hidden=(24, 12)))
        assert view["blocks"].shape == (24, 48)
        assert (view["blocks"][:12, 24:] == 0).all() and (view["blocks"][12:, :24] == 0).all()
        assert (view["blocks"][:12, :24] > 0).any()
        assert offset_merged(trained(1))["blocks"] is None

    @pytest.mark.parametrize("widths", [(400,), (256, 128, 64), (10, 10)])
    def test_wider_has_about_as_many_parameters(self, widths):
        grown = wider(widths)
        assert parameters(grown) == pytest.approx(2 * parameters(widths), rel=0.03)
        assert all(new >= old for new, old in zip(grown, widths, strict=False))

    def test_a_recipe_trains_it_with_the_same_decoder(self):
        one, two = (Trainer(small(rule="autoencoder", wider=wide), points=20) for wide in (False, True))
        counts = [sum(p.numel() for p in trainer.encoder.parameters()) for trainer in (one, two)]
        assert counts == [parameters((32,)), parameters(wider((32,)))] and counts[1] == pytest.approx(
            2 * counts[0], rel=0.03
        )
        decoders = [trainer.decoder.state_dict() for trainer in (one, two)]
        assert all((decoders[0][name] == decoders[1][name]).all() for name in decoders[0])
        assert two.advance(20).metrics["reconstruction"] < one.frame().metrics["reconstruction"]


def test_the_mean_of_several_encoders():
    trainer = trained(10, encoders=3)
    view = encoder_members(trainer, 20)
    assert view["each"].shape == (3, 20, 2)
    np.testing.assert_allclose(view["each"].mean(0), view["mean"], rtol=1e-4, atol=1e-5)
    assert view["spread"] > 0
    assert len(members_figure(view).data) == 2 + 3 + 1
    assert encoder_members(trained(1))["spread"] == 0


class TestFigures:
    def test_arrows_point_from_before_to_after(self, table_run):
        view = offset_codes(table_run, 40)
        figure = arrows_figure(view["seen"], "class", 8)
        lines = [trace for trace in figure.data if trace.marker.symbol == "arrow"]
        places = {(x, y) for trace in lines for x, y in zip(trace.x, trace.y, strict=False) if x is not None}
        for codes in (view["seen"]["before"], view["seen"]["after"]):
            for code in codes:  # rounded to three places in the figure
                assert min(np.hypot(x - code[0], y - code[1]) for x, y in places) < 0.001
        assert figure.layout.xaxis.range == figure.layout.yaxis.range == (-8, 8)

    def test_colour_by_property(self, table_run):
        side = offset_codes(table_run, 40)["seen"]
        dots = arrows_figure(side, "slant", 8).data[-1]
        np.testing.assert_allclose(dots.marker.color, side["properties"]["slant"], atol=1e-3)

    def test_codes_outside_are_counted(self, table_run):
        side = dict(offset_codes(table_run, 40)["seen"])
        side["after"] = side["after"] * 0
        side["after"][:3] = 9
        assert "3 of 40" in arrows_figure(side, "class", 8).layout.annotations[0].text
        assert not arrows_figure(side, "class", 16).layout.annotations

    def test_edge_holds_the_codes(self, table_run):
        view = offset_codes(table_run)
        codes = np.concatenate([view["seen"]["after"], view["unseen"]["after"]])
        edge = edge_for(view)
        assert np.mean(np.abs(codes).max(1) <= edge) > 0.9
        assert edge_for(view, 2 * edge) == 2 * edge  # holds them: it stays
        assert edge_for(view, 4 * edge) == edge_for(view, edge // 2) == edge

    def test_others_are_figures(self, table_run):
        texts = [note.text for note in twice_figure(offset_twice(table_run)).layout.annotations]
        assert {"μ(x)", "z", "z again"} <= set(texts)
        assert isinstance(blocks_figure(offset_merged(trained(1, hidden=(24, 12)))), go.Figure)
