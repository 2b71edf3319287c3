"""The Draw page's picture, packed for its component, and a walk as an animation: `vae_core.analysis.views.drawing`."""

import io
from typing import Any

import numpy as np
from PIL import Image

from vae_core.run.frame import Frame
from vae_core.run.packing import pack

NEAREST = 10  # codes around a drawing's code whose classes are counted
ZOOM, MILLISECONDS = 8, 90  # of the animation: its size, and how long each image stays


def scene(
    frame: Frame,
    classes: list[str],
    drawing: dict[str, Any] | None = None,
    image: np.ndarray | None = None,
    nearest: dict[str, Any] | None = None,
    walk: dict[str, Any] | None = None,
    ends: tuple[np.ndarray, np.ndarray] | None = None,
    **header: Any,
) -> bytes:
    """All that the Draw page shows, as `frame.pack` packs it.

    Args:
        frame: the run's newest, for the codes of the test images.
        classes: names of the labels.
        drawing, image: the view `encode_drawing` and what it was asked of, or None while nothing is drawn.
        nearest: the view `nearest_training`; left out while a pen is down.
        walk, ends: the view `walk` and the two images that it leads between.
        header: more for the browser, JSON-ready.
    """
    arrays = {"codes": frame.mean, "labels": frame.labels}
    header |= {"step": frame.step, "classes": classes}
    if drawing is not None and image is not None:
        scale = drawing["scale"]
        header["drawing"] = {
            "mean": drawing["mean"].tolist(),
            "scale": None if scale is None else scale.tolist(),
            "correlation": drawing["correlation"],
            "logLikelihood": drawing["log_likelihood"],
            "near": [[classes[k], n] for k, n in classes_near(frame.mean, frame.labels, drawing["mean"])],
        }
        arrays |= {"draws": drawing["draws"]}
        arrays |= {"painted": np.stack([image, drawing["at_mean"], drawing["at_draw"]])}
    if nearest is not None:
        header["nearest"] = [classes[k] for k in nearest["labels"]]
        arrays["nearestImages"] = nearest["images"]
    if walk is not None and ends is not None:
        header["gap"] = walk["gap"]
        arrays |= {"places": walk["places"].astype(np.float32), "walk": walk["images"], "ends": np.stack(ends)}
    return pack(header, arrays)


def classes_near(codes: np.ndarray, labels: np.ndarray, place: np.ndarray) -> list[tuple[int, int]]:
    """The classes of the 10 codes (n, 2) nearest to a place, and how often each, the most frequent first;
    of equally frequent ones the lower label first."""
    nearest = np.square(codes - place).sum(1).argsort(kind="stable")[:NEAREST]
    found, counts = np.unique(labels[nearest], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return [(int(found[k]), int(counts[k])) for k in order]


def animation(images: np.ndarray) -> bytes:
    """A GIF of images (n, 28, 28) uint8, there and back without an end; ink is dark on white."""
    there_and_back = [*images, *images[-2:0:-1]]
    frames = [Image.fromarray(np.kron(255 - image, np.ones((ZOOM, ZOOM), np.uint8))) for image in there_and_back]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=MILLISECONDS, loop=0)
    return buffer.getvalue()
