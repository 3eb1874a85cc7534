"""Which export of which stage fills which slot: a learner's files as parts of the framework.

A slot is filled by one export, or by a pair of them (`flash`). What a stage exports and no slot
takes (a data loader, a loop) is used by importing it, not by plugging it in.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Exports = tuple[str, ...]
Choice = Iterable[tuple[str, str]]  # (slot, stage)

RULES = (
    *("add", "sub", "mul", "div", "pow", "neg", "matmul", "transpose", "reshape", "broadcast_to"),
    *("sum", "max", "log", "exp", "sin", "cos", "tanh", "relu", "sigmoid", "getitem"),
)
ENGINE = ("unbroadcast", "topological_order", "accumulate")
INITIALISERS = ("kaiming_uniform", "kaiming_normal", "xavier_uniform", "xavier_normal")
LAYERS = {
    "mlp": (
        "Linear Flatten ReLU Sequential Residual Dropout BatchNorm1d LayerNorm CrossEntropyLoss"
    ),
    "cnn": "Conv2d BatchNorm2d LeNet",
    "rnn": "Embedding RNNCell LSTMCell GRUCell RNN LSTM LanguageModel",
    "attention": "LayerNorm MultiHeadAttention TransformerBlock GPT KVCache",
}
OPTIMISERS = ("SGD", "Adam", "clip_grad_norm", "cosine_schedule")
POOLS = ("max_pool2d", "max_pool2d_backward", "avg_pool2d", "avg_pool2d_backward")


def _layers(stage: str) -> dict[str, Exports]:
    return {f"layer:{name}": (name,) for name in LAYERS[stage].split()}


# By stage, by slot: the exports that fill it.
WIRES: dict[str, dict[str, Exports]] = {
    "softmax": {
        "softmax": ("softmax",),
        "logsumexp": ("logsumexp",),
        "cross_entropy": ("softmax_loss", "softmax_grad"),
    },
    "backprop": {"activation": ("activation", "activation_grad")},
    "autodiff": {
        **{f"vjp:{name}": (f"{name}_vjp",) for name in RULES},
        **{f"engine:{name}": (name,) for name in ENGINE},
    },
    "mlp": {
        **_layers("mlp"),
        "layer:MLPResNet": ("mlp_resnet",),
        **{f"init:{name}": (name,) for name in INITIALISERS},
        **{f"optim:{name}": (name,) for name in OPTIMISERS},
    },
    "cnn": {**_layers("cnn"), **{name: (name,) for name in ("conv2d", "conv2d_backward", *POOLS)}},
    "rnn": _layers("rnn"),
    "attention": {**_layers("attention"), "attention": ("attention",)},
    "tiling": {
        "matmul": ("matmul_tiled",),
        "softmax_fused": ("softmax_fused",),
        "layernorm_fused": ("layernorm_fused",),
        "conv2d_direct": ("conv2d_direct",),
    },
    "capstone": {"flash": ("flash_attention_forward", "flash_attention_backward")},
}

# Stages whose files are compiled first, which takes seconds in every box, and compute in float32:
# they are plugged in where the learner asks for it, and the capstone is graded without them.
COMPILED = ("tiling",)

# What is built of others comes first: a part that looks wrong beside a right one is then itself wrong.
KINDS = ("layer", "init", "optim", "", "vjp", "engine", "kernel")


def stages_of(slot: str) -> tuple[str, ...]:
    """The stages that have something for `slot`, the latest first."""
    return tuple(stage for stage in reversed(WIRES) if slot in WIRES[stage])


def wired() -> list[str]:
    """Every slot that some stage can fill, those made of others first."""
    found = dict.fromkeys(slot for wires in WIRES.values() for slot in wires)
    return sorted(found, key=lambda slot: (KINDS.index(kind_of(slot)), slot))


def kind_of(slot: str) -> str:
    """The kind of a slot: "layer" of "layer:Linear"; none of what is adapted ("flash")."""
    return slot.partition(":")[0] if ":" in slot else ""


def fill(slot: str, stage: str, module: Any) -> None:
    """Let what `module`, a learner's file of `stage`, exports run in `slot`.

    Raises:
        KeyError: the stage has nothing for this slot, or there is no such slot.
        AttributeError: the module lacks an export.
    """
    from . import slots

    parts = tuple(getattr(module, name) for name in WIRES[stage][slot])
    slots.fill(slot, parts if len(parts) > 1 else parts[0], owner=stage)
