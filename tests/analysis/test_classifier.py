"""The small classifier: what it says, that it is always the same one, and its place in the cache."""

import io

import numpy as np
import pytest
import torch

from vae_core.analysis import classifier
from vae_core.analysis.classifier import classifier_of, packed, trained, unpacked
from vae_core.data.datasets import load_dataset
from vae_core.data.folders import cache_folder


@pytest.fixture(scope="module")
def weights() -> tuple[torch.Tensor, ...]:
    return trained(load_dataset("digits"))


@pytest.fixture
def place(tmp_path, monkeypatch, weights):
    """An empty cache folder, and a training that takes no time: a list of the trainings that were asked for."""
    asked = []
    monkeypatch.setenv("NOISE_LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(classifier, "trained", lambda data: asked.append(data.name) or weights)
    classifier_of.cache_clear()
    yield asked
    classifier_of.cache_clear()


def kept():
    return cache_folder() / "classifier-digits.npz"


def test_names_the_class_of_test_images(place):
    data, judge = load_dataset("digits"), classifier_of("digits")
    probabilities = judge.class_probabilities(data.test_images)
    assert probabilities.shape == (297, 10) and probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
    assert judge.accuracy == np.mean(probabilities.argmax(1) == data.test_labels) >= 0.96


def test_mnist_in_two_seconds_of_training(mnist):
    classifier_of.cache_clear()
    assert classifier_of(mnist).accuracy >= 0.97


def test_probabilities_are_a_softmax_of_two_layers(place):
    images, judge = load_dataset("digits").test_images[:50], classifier_of("digits")
    hidden_weight, hidden_bias, class_weight, class_bias = (w.numpy().astype(np.float64) for w in judge.weights)
    hidden = np.maximum(0, images.reshape(50, 784) / 255 @ hidden_weight.T + hidden_bias)
    scores = np.exp(hidden @ class_weight.T + class_bias)
    expected = scores / scores.sum(1, keepdims=True)
    for shape in (images, images.reshape(50, 784), torch.from_numpy(images / 255), (images / 255).astype(np.float32)):
        np.testing.assert_allclose(judge.class_probabilities(shape), expected, rtol=1e-3, atol=1e-5)


def test_the_same_seed_gives_the_same_weights_and_leaves_the_global_stream(weights):
    before = torch.get_rng_state()
    again = trained(load_dataset("digits"))
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(weights, again, strict=False))
    assert not any(weight.requires_grad for weight in again)


def test_trained_once_and_then_read(place):
    first = classifier_of("digits")
    classifier_of.cache_clear()  # as in another process
    again = classifier_of("digits")
    assert place == ["digits"] and [p.name for p in cache_folder().iterdir()] == [kept().name]
    assert again.accuracy == first.accuracy
    assert all(torch.equal(a, b) for a, b in zip(first.weights, again.weights, strict=False))


def with_object(raw: bytes) -> bytes:
    """What only unpickling could read."""
    out = io.BytesIO()
    np.savez(out, **{name: np.array([{}]) for name in (*classifier.NAMES, "checksum")})
    return out.getvalue()


def other(raw: bytes, name: str, change) -> bytes:
    """The file with one array changed, otherwise sound."""
    with np.load(io.BytesIO(raw)) as archive:
        arrays = {n: archive[n] for n in archive.files}
    arrays[name] = change(arrays[name])
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


DAMAGE = {
    "empty": lambda raw: b"",
    "cut": lambda raw: raw[: len(raw) // 2],
    "text": lambda raw: b"<html>not found</html>",
    "an array": lambda raw: b"\x93NUMPY" + raw[6:200],
    "pickled": with_object,
    "shape": lambda raw: other(raw, "class_bias", lambda a: a[:5]),
    "type": lambda raw: other(raw, "class_bias", lambda a: a.astype(np.float64)),
    "value": lambda raw: other(raw, "hidden_weight", lambda a: a + (np.arange(784) == 300)),
    "settings": lambda raw: other(raw, "checksum", lambda a: np.array("0" * 64)),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_trained_again(place, damage):
    good = classifier_of("digits").accuracy
    raw = kept().read_bytes()
    kept().write_bytes(DAMAGE[damage](raw))
    classifier_of.cache_clear()
    assert classifier_of("digits").accuracy == good
    assert place == ["digits", "digits"]
    classifier_of.cache_clear()
    classifier_of("digits")
    assert len(place) == 2  # the file is whole again


def test_no_flipped_byte_is_taken_for_weights(weights):
    """Wherever a byte is flipped, the file is refused or holds the same weights."""
    raw = packed(weights)
    refused = 0
    for at in [*range(0, 200, 7), *range(1000, len(raw), len(raw) // 60), *range(len(raw) - 400, len(raw), 7)]:
        bad = bytearray(raw)
        bad[at] ^= 0x10
        try:
            found = unpacked(bytes(bad), 10)
        except Exception:
            refused += 1
        else:
            assert all(torch.equal(a, b) for a, b in zip(weights, found, strict=False)), at
    assert refused > 60


def test_without_a_cache_it_is_trained_and_works(place, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert classifier_of("digits").accuracy >= 0.96 and place == ["digits"]
