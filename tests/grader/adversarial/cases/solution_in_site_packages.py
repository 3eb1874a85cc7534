# row: 48
# attack: imports the course from installed packages
# loses: none
# status: passed
import importlib.util

for _name in ("grader", "lab", "assignments", "reference", "kernels", "pytest", "textual"):
    if importlib.util.find_spec(_name) is not None:
        raise SystemExit(f"{_name} can be imported")
