"""Lean messages: what a class sees of a run, at most 15 kB a frame, each made once for all who watch.

Measured for the default recipe with 2,000 points: a frame has 87 kB, of which codes do not compress (they are
noise to zlib) and images do. So viewers get a fixed part of the points, codes as whole numbers of 16 bits over
their range, the posterior's scale only where an ellipse is drawn, and images in sixteen greys.
"""

import zlib
from typing import Any

import numpy as np

from vae_core.engine.live_measures import LiveMeasures
from vae_core.run.frame import PackedFrame
from vae_core.run.packing import pack, unpack
from vae_core.run.recording import Run

POINTS = 750  # of the points that a run shows; codes are 8 bytes a point
TOP = 2**16 - 1  # codes are whole numbers from 0 to this
GREYS = (np.round(np.arange(256) / 17) * 17).astype(np.uint8)  # 16 greys: fewer bytes, and nothing to undo
ROWS = 400  # of the history
LEVELS = 63  # of a decoder's weight on either side of 0: pixels are off by 0.3 of 255 in the mean, 40 % of the bytes
IMAGES = ("strip_at_mean", "strip_at_draw", "prior", "uncertainty")


def compressed(header: dict[str, Any], arrays: dict[str, np.ndarray] | None = None) -> bytes:
    """A message as `pack` packs it, with zlib around it."""
    return zlib.compress(pack(header, arrays or {}), 6)


def envelope(body: bytes, **about: Any) -> bytes:
    """A compressed message with what is told of it outside; the browser merges both."""
    return pack({"kind": "packed", **about}, {"body": np.frombuffer(body, np.uint8)})


class Lens:
    """What viewers see of one run: always the same points, those of the strip first.

    In a lean frame row i is ``rows[i]`` of the run's points, and one more row, the last, is the chosen image,
    whichever it is.

    Attributes:
        rows: (n,) int, indices of the points that are shown.
    """

    def __init__(self, probe: bytes, images: bytes, strip: tuple[int, ...]) -> None:
        """
        Args:
            probe, images: of a `LiveRun`. strip: of any of its frames.
        """
        self._labels = unpack(probe)[1]["labels"]
        self._images = unpack(images)[1]["images"].reshape(len(self._labels), -1)
        self._strip = np.array(strip[:-1], int)  # the last is the chosen one, which changes
        others = np.setdiff1d(np.arange(len(self._labels)), self._strip)
        room = max(0, min(POINTS - len(self._strip), len(others)))
        spread = np.linspace(0, len(others) - 1, room).round().astype(int)  # all along the points, which are sorted
        self.rows = np.concatenate([self._strip, others[spread]])

    def probe(self) -> bytes:
        """Labels of the shown points, their numbers, and the images of the strip. Compressed."""
        strip = {"strip_images": GREYS[self._images[self._strip]]}
        return compressed({"kind": "probe"}, {"labels": self._labels[self.rows], **strip})

    def images(self) -> bytes:
        """The images of all shown points. Compressed."""
        return compressed({"kind": "images"}, {"images": GREYS[self._images[self.rows]]})

    def frame(self, packed: PackedFrame) -> bytes:
        """A frame. Compressed.

        The header is a frame's, and ``number``, ``label`` of the chosen image, ``low``, ``high`` (2 each) of the
        codes. Arrays: mean, z (n + 1, 2) and repeats (50, 2), prior_z (m, 2) uint16, code = low + value
        · (high − low) / 65535 on each axis; scale (k + 1, 2), correlation (k + 1,) float16 of the strip and the
        chosen image, where defined; the images of `IMAGES` and ``input``, uint8.
        """
        header, arrays = unpack(packed.view)
        chosen, strip = header.pop("chosen"), header.pop("strip")
        rows = np.append(self.rows, chosen)
        codes = {name: arrays[name][rows] for name in ("mean", "z")}
        codes |= {"repeats": arrays["repeats"][-1], "prior_z": arrays["prior_z"]}
        low = np.min([array.min(0) for array in codes.values()], axis=0).astype(float)
        high = np.max([array.max(0) for array in codes.values()], axis=0).astype(float)
        high = np.where(high > low, high, low + 1)
        lean = {name: quantised(array, low, high) for name, array in codes.items()}
        for name in ("scale", "correlation"):
            if name in arrays:
                lean[name] = np.clip(arrays[name][list(strip)], -6e4, 6e4).astype(np.float16)
        lean |= {name: GREYS[arrays[name]] for name in IMAGES}
        lean["input"] = GREYS[self._images[chosen]]
        about = {"number": chosen, "label": int(self._labels[chosen]), "low": low.tolist(), "high": high.tolist()}
        return compressed({**header, **about}, lean)


def quantised(codes: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """(n, 2) codes within low and high as uint16."""
    return np.round((codes - low) * (TOP / (high - low))).astype(np.uint16)


def history(record: Run, measures: LiveMeasures) -> bytes:
    """The metrics for the curves, at up to 400 steps, NaN where not defined; exact log p(x) likewise. Compressed."""
    steps = sorted(record.history)
    steps = [steps[i] for i in np.unique(np.linspace(0, len(steps) - 1, min(ROWS, len(steps))).round().astype(int))]
    names = list(record.history[steps[-1]])
    rows = [[record.history[step].get(name) for name in names] for step in steps]
    measured = measures.columns()
    arrays = {
        "steps": np.array(steps, np.int32),
        "values": np.array(rows, np.float32).T,  # None is NaN
        "measured_steps": np.array(measured["steps"], np.int32),
        "measured": np.array(measured["log_marginal"], np.float32),
    }
    return compressed({"kind": "history", "names": names}, arrays)


def decoder(packed: PackedFrame) -> bytes:
    """A frame's decoder, for hovering; of the matrices, rows as int8 with one float32 factor each. Compressed."""
    header, arrays = unpack(packed.decoder)
    del arrays["labels"]
    lean = {}
    for name, array in arrays.items():
        if array.ndim == 1 or array.shape[1] <= 2:  # biases and what the plane itself meets: few bytes, much effect
            lean[name] = array
            continue
        factor = np.maximum(np.abs(array).max(1).astype(np.float32), 1e-30) / LEVELS
        lean[name] = np.round(array.astype(np.float32) / factor[:, None]).astype(np.int8)
        lean[f"factor_{name}"] = factor
    return compressed(header, lean)
