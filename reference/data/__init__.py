"""Data sets, made or shipped, and the loader that cuts them into batches; nothing is downloaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..parts import lazy_parts

if TYPE_CHECKING:
    from .images import cifar10 as cifar10
    from .images import digits as digits
    from .images import mnist as mnist
    from .loader import DataLoader as DataLoader
    from .points import blobs as blobs
    from .points import spirals as spirals
    from .points import xor as xor
    from .sequences import addition_task as addition_task
    from .sequences import brackets_task as brackets_task
    from .sequences import copy_task as copy_task
    from .texts import decode as decode
    from .texts import encode as encode
    from .texts import stdlib_text as stdlib_text
    from .texts import text as text
    from .texts import unicode_names as unicode_names

HOMES = {
    "digits": "images",
    "mnist": "images",
    "cifar10": "images",
    "spirals": "points",
    "blobs": "points",
    "xor": "points",
    "copy_task": "sequences",
    "addition_task": "sequences",
    "brackets_task": "sequences",
    "unicode_names": "texts",
    "stdlib_text": "texts",
    "text": "texts",
    "encode": "texts",
    "decode": "texts",
    "DataLoader": "loader",
}
__all__ = list(HOMES)

__getattr__ = lazy_parts(__name__, HOMES)
