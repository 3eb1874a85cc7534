"""Inside the box: run a learner's script as `python FILE` would, with the files beside it."""

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    work = Path(__file__).parent / "work"
    sys.path.insert(0, str(work))
    sys.argv = sys.argv[1:]
    runpy.run_path(str(work / sys.argv[0]), run_name="__main__")
