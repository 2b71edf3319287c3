"""Parts of a run for other programs: weights as safetensors, the decoder as ONNX, the metrics as CSV."""

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from vae_core.run.recipe import Recipe, parse_knobs
from vae_core.run.recording import Run

if TYPE_CHECKING:
    from vae_core.trainer.trainer import Trainer

KIND = "noise-lab weights 1"
OPSET, IR = 20, 9  # the first with Gelu; what ONNX 1.15 of 2023 and later read


class ExportError(ValueError):
    """A file that cannot be written or read: one sentence."""


def weights(trainer: "Trainer") -> bytes:
    """Encoder, decoder and the rules' own parts as a safetensors file.

    Tensors have the names of ``trainer.networks.state_dict()``: ``encoder.layers.0.weight`` (out, in),
    ``decoder.layers.0.bias`` (out,), ``rules.offset.…``. The metadata holds format, recipe, rule, noise, knobs,
    step and events, as JSON each.
    """
    from safetensors.numpy import save

    about = {
        "format": KIND,
        "recipe": trainer.recipe.model_dump(),
        "rules": trainer.rules,
        "rule": trainer.rule_name,
        "noise": trainer.noise,
        "knobs": trainer.knobs.model_dump(),
        "step": trainer.step_count,
        "events": [event.model_dump() for event in trainer.events],
    }
    arrays = {name: np.ascontiguousarray(t.cpu().numpy()) for name, t in trainer.networks.state_dict().items()}
    return save(arrays, {name: json.dumps(value) for name, value in about.items()})


def read_weights(data: bytes, name: str = "The file") -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Tensors and metadata of a file that `weights` wrote.

    Raises:
        ExportError: it is no whole safetensors file, not one of ours, or one of another version.
    """
    from safetensors.numpy import load

    try:
        arrays = load(data)
        length = int.from_bytes(data[:8], "little")
        about = json.loads(data[8 : 8 + length]).get("__metadata__", {})
    except Exception:  # safetensors raises several of its own, and those of the JSON inside
        raise ExportError(f"{name} is not a whole safetensors file; export the weights again.") from None
    try:
        about = {key: json.loads(value) for key, value in about.items()}
    except ValueError:
        about = {}
    if about.get("format") != KIND:
        raise ExportError(f"{name} holds weights of {about.get('format', 'another program')!r}, not {KIND!r}.")
    return arrays, about


def load_weights(data: bytes, name: str = "The file", device: str = "auto") -> "Trainer":
    """A trainer with the weights of a file, to encode and decode with; its optimiser starts anew.

    Raises:
        ExportError: see `read_weights`; or the weights do not fit the recipe beside them.
    """
    import torch

    from vae_core.trainer.trainer import Trainer

    arrays, about = read_weights(data, name)
    try:
        trainer = Trainer(Recipe(**about["recipe"]), device)
        for rule in about["rules"]:
            trainer.switch(rule)
        trainer.switch(about["rule"], about["noise"], parse_knobs(about["rule"], about["knobs"]).model_dump())
        trainer.events.clear()
        trainer.networks.load_state_dict({key: torch.from_numpy(value) for key, value in arrays.items()})
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        text = str(error).split("\n")[0]
        raise ExportError(f"The weights in {name} do not fit their recipe ({text}); export them again.") from None
    return trainer


def decoder(trainer: "Trainer") -> bytes:
    """The decoder as ONNX: input ``z`` (n, 2) float32, output ``image`` (n, 28, 28), probabilities of ink.

    The graph is written node by node: it is a chain of a few, and torch's own exporter takes ten seconds,
    in which no run could train.

    Raises:
        ExportError: the package onnx is not installed.
    """
    try:
        import onnx
    except ImportError:
        raise ExportError("ONNX needs the package onnx. Install it: pip install 'noise-lab[export]'.") from None
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants, x = [], [], "z"
    layers = trainer.decoder.layers
    for i, layer in enumerate(layers):
        for part in ("weight", "bias"):
            values = getattr(layer, part).detach().cpu().numpy()
            constants.append(numpy_helper.from_array(values, f"decoder.{i}.{part}"))
        nodes.append(helper.make_node("Gemm", [x, f"decoder.{i}.weight", f"decoder.{i}.bias"], [f"layer{i}"], transB=1))
        if i < len(layers) - 1:
            nodes += activated(trainer.recipe.activation, f"layer{i}", x := f"hidden{i}")
    constants.append(numpy_helper.from_array(np.array([-1, 28, 28]), "shape"))
    nodes.append(helper.make_node("Sigmoid", [f"layer{len(layers) - 1}"], ["ink"]))
    nodes.append(helper.make_node("Reshape", ["ink", "shape"], ["image"]))
    inputs = [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["n", 2])]
    outputs = [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 28, 28])]
    graph = helper.make_graph(nodes, "decoder", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
    model.producer_name = "noise-lab"
    about = {"recipe": trainer.recipe.model_dump(), "rule": trainer.rule_name, "step": trainer.step_count}
    helper.set_model_props(model, {name: json.dumps(value) for name, value in about.items()})
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString()
    return data


def activated(activation: str, x: str, y: str) -> list[Any]:
    """ONNX nodes of an activation, from tensor x to tensor y."""
    from onnx.helper import make_node

    if activation == "silu":  # x σ(x): an operator of its own only in later versions
        return [make_node("Sigmoid", [x], [f"{y}/sigmoid"]), make_node("Mul", [x, f"{y}/sigmoid"], [y])]
    if activation == "gelu":
        return [make_node("Gelu", [x], [y], approximate="tanh")]
    return [make_node({"relu": "Relu", "tanh": "Tanh"}[activation], [x], [y])]


def metrics_csv(run: Run) -> str:
    """One row for each frame ever recorded: step, epoch, all metrics (nats per image; empty where not defined)
    and the events since the row before."""
    epochs = {step: run.packed(step).header()["epoch"] for step in run.steps}
    last = run.steps[-1]
    per_step = epochs[last] / last if last else 0.0  # for frames that were thinned out
    steps = sorted(run.history)
    names = list(dict.fromkeys(name for step in steps for name in run.history[step]))
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["step", "epoch", *names, "events"])
    events = list(run.events)
    for step in steps:
        labels = []
        while events and events[0].step <= step:
            labels.append(events.pop(0).label)
        epoch = epochs.get(step, round(step * per_step, 4))
        writer.writerow([step, epoch, *(run.history[step].get(name) for name in names), "; ".join(labels)])
    return file.getvalue()
