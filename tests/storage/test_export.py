"""Files for other programs, held against independent readers: safetensors, ONNX Runtime, csv, a browser's parser."""

import csv
import io
import json
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from safetensors.numpy import load

from tests.browser.server import find_chromium
from tests.conftest import small
from tests.storage.test_archive import RUN, STATE, TRAINER, record
from vae_core.__main__ import main
from vae_core.run.recipe import Event, Recipe
from vae_core.run.recording import Run
from vae_core.storage import export, networks
from vae_core.storage.export import ExportError
from vae_core.storage.report import codes_figure, curves_figure, report
from vae_core.trainer.trainer import Trainer

Z = np.random.default_rng(0).normal(scale=3, size=(37, 2)).astype(np.float32)


def read_back(data: bytes) -> Trainer:
    """A trainer with the weights of a file, read by safetensors alone."""
    about = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
    about = {name: json.loads(text) for name, text in about.items()}
    trainer = Trainer(Recipe(**about["recipe"]))
    for rule in about["rules"]:
        trainer.switch(rule)
    trainer.switch(about["rule"], about["noise"], about["knobs"])
    trainer.networks.load_state_dict({name: torch.from_numpy(array) for name, array in load(data).items()})
    return trainer


class TestWeights:
    @pytest.mark.parametrize(
        "rule", ["vae", "offset", "flow", "continuous_flow", "normalised_noise", "full_covariance"]
    )
    def test_encode_and_decode_as_before(self, rule):
        trainer = Trainer(small(rule=rule, hidden=(16, 8)), points=20)
        trainer.train(30)
        trainer.switch(noise=0.5)
        again = read_back(networks.weights(trainer))
        assert (again.rule_name, again.noise, again.knobs) == (trainer.rule_name, trainer.noise, trainer.knobs)
        images, eps = trainer.dataset.test_images[:20], np.ones((20, 2), np.float32)
        assert torch.equal(again.encode(images, eps).z, trainer.encode(images, eps).z)
        assert torch.equal(again.decode(Z), trainer.decode(Z))

    def test_several_rules_of_one_run(self):
        again = read_back(networks.weights(TRAINER))
        assert torch.equal(again.decode(Z), TRAINER.decode(Z)) and set(again.rules) == {"vae", "offset"}

    def test_others_read_it(self, tmp_path):
        from safetensors import safe_open

        (tmp_path / "w.safetensors").write_bytes(networks.weights(TRAINER))
        with safe_open(tmp_path / "w.safetensors", "pt") as file:
            about = file.metadata()
            assert torch.equal(file.get_tensor("decoder.layers.0.weight"), TRAINER.decoder.layers[0].weight)
            assert set(file.keys()) == set(TRAINER.networks.state_dict())
        assert json.loads(about["recipe"])["hidden"] == [16] and json.loads(about["step"]) == 24
        assert [event["label"] for event in json.loads(about["events"])] == [event.label for event in TRAINER.events]


class TestDecoder:
    @pytest.mark.parametrize("activation", ["silu", "relu", "tanh", "gelu"])
    @pytest.mark.parametrize("hidden", [(16,), (32, 16, 8)])
    def test_equals_ours_for_any_number_of_codes(self, activation, hidden):
        runtime = pytest.importorskip("onnxruntime")
        trainer = Trainer(small(activation=activation, hidden=hidden), points=20)
        trainer.train(200)
        session = runtime.InferenceSession(networks.decoder(trainer), providers=["CPUExecutionProvider"])
        assert session.get_inputs()[0].shape == ["n", 2] and session.get_outputs()[0].shape == ["n", 28, 28]
        for z in (Z, Z[:1], 30 * Z, np.zeros((0, 2), np.float32)):
            (image,) = session.run(["image"], {"z": z})
            assert image.shape == (len(z), 28, 28) and image.dtype == np.float32
            np.testing.assert_allclose(image, trainer.decode(z).numpy(), atol=1e-5)

    def test_says_what_it_is(self):
        onnx = pytest.importorskip("onnx")
        model = onnx.load_from_string(networks.decoder(TRAINER))
        about = {p.key: json.loads(p.value) for p in model.metadata_props}
        assert about["step"] == 24 and about["recipe"]["dataset"] == "digits"

    def test_without_onnx_it_is_a_sentence(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "onnx", None)
        with pytest.raises(ExportError, match="pip install"):
            networks.decoder(TRAINER)


class TestMetrics:
    def rows(self, run: Run) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(export.metrics_csv(run))))

    def test_every_recorded_frame_is_a_row(self):
        rows = self.rows(RUN)
        assert [int(row["step"]) for row in rows] == sorted(RUN.history) == [0, 8, 16, 24]
        for row in rows:
            frame = RUN.frame(int(row["step"]))
            assert float(row["epoch"]) == frame.epoch
            for name, value in frame.metrics.items():
                assert (float(row[name]) == value) if value is not None else row[name] == ""
        assert [row["events"] for row in rows] == ["", "noise off", "Deterministic offset", ""]

    def test_frames_that_were_thinned_out_keep_their_epoch(self):
        run, _ = record()
        before = self.rows(run)
        run.keep({0, 24})
        assert [float(row["epoch"]) for row in self.rows(run)] == pytest.approx(
            [float(row["epoch"]) for row in before], abs=1e-4
        )

    def test_words_are_quoted(self):
        run, _ = record()
        run.events = [Event(step=3, rule="vae", noise=1.0, knobs={}, label='β = 2, "noise off"\n')]
        assert [row["events"] for row in self.rows(run)] == ["", 'β = 2, "noise off"\n', "", ""]


class Parts(HTMLParser):
    """Tags with their attributes, and the text of cells."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.cells: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "td":
            self.cells.append("")

    def handle_data(self, data):
        if self.cells and self.tags[-1][0] == "td":
            self.cells[-1] += data.strip()


class TestCharts:
    def test_codes(self):
        frame = RUN.frame(24)
        figure = codes_figure(frame)
        dots = {trace.name: np.stack([trace.x, trace.y], 1) for trace in figure.data if trace.mode == "markers"}
        for label in np.unique(frame.labels):
            np.testing.assert_allclose(dots[str(label)], frame.z[frame.labels == label], atol=6e-4)

    def test_curves(self):
        traces = {trace.name: trace for trace in curves_figure(RUN).data}
        at_draw = traces["reconstruction, at a draw of z"]
        assert list(at_draw.x) == [0, 8, 16, 24]
        assert list(at_draw.y) == [RUN.history[step]["reconstruction"] for step in at_draw.x]
        assert traces["−ELBO"].y[0] == -RUN.history[0]["elbo"] and traces["−ELBO"].y[-1] is None

    def test_the_page_stands_alone(self):
        run, _ = record()
        run.events = [run.events[0].model_copy(update={"label": "<script>alert(1)</script>"})]
        page = report(run, "<b>mine</b>")
        parts = Parts(page)
        assert not [tag for tag in parts.tags if "src" in tag[1] or tag[0] == "link"]
        assert "<script>alert(1)" not in page.replace("\\u003c", "<").split("<section>")[1] and "<b>mine" not in page
        cells = dict(zip(parts.cells[::2], parts.cells[1::2], strict=True))
        last = run.history[24]
        assert cells["hidden"] == "16" and cells["reconstruction"] == f"{last['reconstruction']:.3f}"
        assert cells["kl"] == "not defined" and cells["8"] == "<script>alert(1)</script>"


class TestCommand:
    @pytest.fixture
    def folder(self, tmp_path):
        RUN.save(tmp_path / "run")
        (tmp_path / "run" / "state.npz").write_bytes(STATE)
        return tmp_path / "run"

    def made(self, folder, kind: str) -> bytes:
        assert main(["export", str(folder), "--to", kind]) == 0
        return folder.with_name(f"run.{kind}").read_bytes()

    def test_zip(self, folder):
        from vae_core.storage import archive

        assert self.made(folder, "zip") == archive.packed(RUN, STATE)

    @pytest.mark.parametrize("with_state", [True, False])
    def test_weights_and_decoder(self, folder, with_state):
        if not with_state:
            (folder / "state.npz").unlink()
        again = read_back(self.made(folder, "safetensors"))
        assert torch.equal(again.decode(Z), TRAINER.decode(Z))
        assert self.made(folder, "onnx") == networks.decoder(TRAINER)

    def test_a_damaged_state_is_told_and_trained_again(self, folder, capsys):
        (folder / "state.npz").write_bytes(STATE[:-99])
        assert torch.equal(read_back(self.made(folder, "safetensors")).decode(Z), TRAINER.decode(Z))
        assert "training again up to there" in capsys.readouterr().err

    def test_metrics_and_page(self, folder):
        assert self.made(folder, "csv").decode() == export.metrics_csv(RUN)
        assert self.made(folder, "html").startswith(b"<!doctype html>")

    @pytest.mark.skipif(find_chromium() is None, reason="needs Chromium")
    def test_pictures(self, folder):
        pytest.importorskip("kaleido")
        assert self.made(folder, "svg").startswith(b"<svg")
        assert self.made(folder, "png").startswith(b"\x89PNG")

    def test_without_kaleido_it_is_a_sentence(self, folder, monkeypatch, capsys):
        monkeypatch.setattr("plotly.graph_objects.Figure.to_image", lambda *a, **o: 1 / 0)
        assert main(["export", str(folder), "--to", "svg"]) == 2
        assert "needs kaleido" in capsys.readouterr().err and not folder.with_name("run.svg").exists()

    def test_out_and_bad_input(self, folder, tmp_path, capsys):
        assert main(["export", str(folder), "--to", "csv", "--out", str(tmp_path / "mine.csv")]) == 0
        assert (tmp_path / "mine.csv").exists()
        assert main(["export", str(tmp_path / "nothing"), "--to", "csv"]) == 2
        assert "There is no recording" in capsys.readouterr().err
        (tmp_path / "file").write_text("")
        assert main(["export", str(folder), "--to", "csv", "--out", str(tmp_path / "file" / "x.csv")]) == 2
        assert "cannot be written" in capsys.readouterr().err

    def test_runs_as_a_command(self, folder):
        command = [sys.executable, "-m", "vae_core", "export", str(folder), "--to", "csv"]
        assert "Wrote" in subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
