"""The only place that meets the kernels: `backend.softmax(x)` runs the kernel called softmax.

A kernel is looked up when it is first used and then is an attribute of this module, so a call costs
no more than a function's. Each is a slot, `kernel:softmax`; filling it replaces the attribute.
"""

from __future__ import annotations

from typing import Any

import kernels

from . import plain, slots


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    part: Any
    try:
        part = kernels.get(name)
    except (KeyError, ImportError) as error:
        # In a stage that hides the kernel, NumPy serves the ops that the stage leaves visible.
        part = getattr(plain, name, None)
        if part is None:
            raise AttributeError(f"reference.backend.{name}: {error.args[0]}") from error
    globals()[name] = part
    return part


def _install(name: str) -> Any:
    def install(part: Any) -> None:
        if part is None:
            globals().pop(name, None)
        else:
            globals()[name] = slots.named(f"kernel:{name}", part)

    return install


for _names in kernels.HOMES.values():
    for _name in _names:
        slots.register(f"kernel:{_name}", None, _install(_name))
