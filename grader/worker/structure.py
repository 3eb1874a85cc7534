"""Inside the box: compile a learner's file of GPU kernels, without a GPU, and tell their structure.

Unlike the checks this runs the file: nothing depends on what it says, no points and no finding.
One JSON line for each kernel goes to the answers.
"""

from __future__ import annotations

import json
import os
import site
import sys
import types
import warnings
from typing import Any

UNWRITTEN = "NotImplementedError"


def main() -> None:
    """Read the question, answer kernel by kernel."""
    question = json.loads(sys.stdin.readline())
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the file prints is no answer
    folders = list(filter(None, os.environ.get("DLSYS_SITE", "").split(os.pathsep)))
    sys.path[:0] = folders
    # NVIDIA's packages look for their libraries where Python says that packages are installed.
    site.getsitepackages = lambda prefixes=None: folders
    warnings.simplefilter("ignore")
    from kernels.cuda import compiler

    compiler()
    # The compiler names files by their whole path.
    module = _loaded(os.path.abspath(question["filename"]), question["source"])
    for name, shapes in question["kernels"].items():
        try:
            said = _examined(module, name, shapes, question["arch"])
        except Exception as error:  # of the learner's file, or of the compiler's on it
            said = {"reason": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps({"kernel": name, **said}) + "\n")
        answers.flush()


def _loaded(filename: str, source: str) -> types.ModuleType:
    module = types.ModuleType("learner")
    module.__file__ = filename
    sys.modules["learner"] = module
    exec(compile(source, filename, "exec"), module.__dict__)
    return module


def _examined(module: types.ModuleType, name: str, shapes: list[Any], arch: str) -> dict[str, Any]:
    import numpy as np
    from numba import float32, int64

    from kernels.cuda_structure import NotAssessed, examine

    kernel: Any = getattr(module, name, None)
    if not hasattr(kernel, "targetoptions"):
        return {"reason": f"the file has no kernel {name}."}
    if kernel.py_func.__code__.co_names == (UNWRITTEN,):
        return {"reason": "it is not written yet."}
    arrays = [np.zeros(one, np.float32) if isinstance(one, list) else one for one in shapes]
    try:
        _, block = module.launch(name, *arrays)
    except NotImplementedError:
        return {"reason": "launch has no grid and block for it yet."}
    kinds = {1: float32[::1], 2: float32[:, ::1]}
    signature = [kinds[one.ndim] if isinstance(one, np.ndarray) else int64 for one in arrays]
    found = examine(kernel, signature, arch=arch, threads=int(np.prod(block)))
    if isinstance(found, NotAssessed):
        return {"reason": found.reason}
    return {"structure": found.to_json()}


if __name__ == "__main__":
    main()
