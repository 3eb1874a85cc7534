"""Layers, losses and models: one file per idea, loaded when asked for.

Every name here is a slot `layer:NAME`: what fills it is what `nn.NAME` means, also inside the
models and layers that are made of others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..parts import lazy_parts, load_parts

if TYPE_CHECKING:
    from .activation import GELU as GELU
    from .activation import ReLU as ReLU
    from .activation import Sigmoid as Sigmoid
    from .activation import Tanh as Tanh
    from .attention import MultiHeadAttention as MultiHeadAttention
    from .batchnorm import BatchNorm1d as BatchNorm1d
    from .batchnorm import BatchNorm2d as BatchNorm2d
    from .cells import GRUCell as GRUCell
    from .cells import LSTMCell as LSTMCell
    from .cells import RNNCell as RNNCell
    from .container import Flatten as Flatten
    from .container import Identity as Identity
    from .container import Residual as Residual
    from .container import Sequential as Sequential
    from .conv import Conv2d as Conv2d
    from .dropout import Dropout as Dropout
    from .embedding import Embedding as Embedding
    from .generation import generate as generate
    from .gpt import GPT as GPT
    from .kv_cache import KVCache as KVCache
    from .language_model import LanguageModel as LanguageModel
    from .language_model import batchify as batchify
    from .language_model import detach as detach
    from .language_model import get_batch as get_batch
    from .language_model import sample as sample
    from .language_model import train_epoch as train_epoch
    from .layernorm import LayerNorm as LayerNorm
    from .lenet import LeNet as LeNet
    from .linear import Linear as Linear
    from .losses import BCEWithLogitsLoss as BCEWithLogitsLoss
    from .losses import CrossEntropyLoss as CrossEntropyLoss
    from .losses import MSELoss as MSELoss
    from .masks import causal_mask as causal_mask
    from .mlp import MLP as MLP
    from .mlp_resnet import MLPResNet as MLPResNet
    from .module import Module as Module
    from .pool import AvgPool2d as AvgPool2d
    from .pool import MaxPool2d as MaxPool2d
    from .recurrent import GRU as GRU
    from .recurrent import LSTM as LSTM
    from .recurrent import RNN as RNN
    from .resnet9 import ResNet9 as ResNet9
    from .seq2seq import Seq2Seq as Seq2Seq
    from .transformer import TransformerBlock as TransformerBlock
    from .transformer import TransformerEncoder as TransformerEncoder

LAYERS = {
    "Linear": "linear",
    "Conv2d": "conv",
    "Embedding": "embedding",
    "Sequential": "container",
    "Residual": "container",
    "Flatten": "container",
    "Identity": "container",
    "ReLU": "activation",
    "GELU": "activation",
    "Tanh": "activation",
    "Sigmoid": "activation",
    "Dropout": "dropout",
    "BatchNorm1d": "batchnorm",
    "BatchNorm2d": "batchnorm",
    "LayerNorm": "layernorm",
    "MaxPool2d": "pool",
    "AvgPool2d": "pool",
    "RNNCell": "cells",
    "LSTMCell": "cells",
    "GRUCell": "cells",
    "RNN": "recurrent",
    "LSTM": "recurrent",
    "GRU": "recurrent",
    "MultiHeadAttention": "attention",
    "TransformerBlock": "transformer",
    "TransformerEncoder": "transformer",
    "CrossEntropyLoss": "losses",
    "MSELoss": "losses",
    "BCEWithLogitsLoss": "losses",
    "MLP": "mlp",
    "MLPResNet": "mlp_resnet",
    "LeNet": "lenet",
    "ResNet9": "resnet9",
    "LanguageModel": "language_model",
    "Seq2Seq": "seq2seq",
    "GPT": "gpt",
    "KVCache": "kv_cache",
}
OTHERS = {
    "Module": "module",
    "causal_mask": "masks",
    "batchify": "language_model",
    "get_batch": "language_model",
    "detach": "language_model",
    "train_epoch": "language_model",
    "sample": "language_model",
    "generate": "generation",
}
__all__ = [*LAYERS, *OTHERS]

_layer = lazy_parts(__name__, LAYERS, "layer")
_other = lazy_parts(__name__, OTHERS)


def __getattr__(name: str) -> Any:
    return _layer(name) if name in LAYERS else _other(name)


def load_all() -> None:
    """Load all layers that are there, so that their slots are known."""
    load_parts(__name__, LAYERS)
