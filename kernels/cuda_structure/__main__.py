"""`python -m kernels.cuda_structure [ARCHITECTURE]`: our own kernels, one JSON line each."""

from __future__ import annotations

import json
import os
import sys

from .architectures import DEFAULT, architecture
from .structure import Structure
from .toolchain import missing


def main(arguments: list[str]) -> int:
    """Print what is known; 0 even where nothing is, which is then said."""
    try:
        arch = architecture(arguments[0] if arguments else DEFAULT).name
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if reason := missing():
        print(f"not assessed: {reason}")
        return 0
    os.environ["LAB_CUDA"] = "numba"
    from .own import structures

    for name, found in structures(arch):
        known = found.to_json() if isinstance(found, Structure) else {"reason": found.reason}
        print(json.dumps({"kernel": name, **known}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
