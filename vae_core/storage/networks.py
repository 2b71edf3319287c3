"""Networks for other programs: weights as safetensors, the decoder as ONNX. It loads torch: a lane is asked."""

import json
from typing import Any

import numpy as np

from vae_core.storage.export import ExportError
from vae_core.trainer.trainer import Trainer

KIND = "noise-lab weights 1"
OPSET, IR = 20, 9  # the first with Gelu; what ONNX 1.15 of 2023 and later read


def weights(trainer: Trainer) -> bytes:
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


def decoder(trainer: Trainer) -> bytes:
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
