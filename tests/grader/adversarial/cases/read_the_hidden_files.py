# row: 38
# attack: searches the disk for suites, solutions and reports
# loses: none
# status: passed
import os


def _of_the_course(path):
    try:
        with open(path, "rb") as file:
            text = file.read()
    except OSError:
        return False
    return b"grader.check" in text or b"softmax_regression_epoch" in text or b"dlsyslab" in text


_names = ("test_softmax.py", "pyproject.toml", "ledger.sqlite", "assignment.toml", "softmax.py")
_found = []
for _root, _folders, _files in os.walk("/"):
    if _root in ("/proc", "/sys", "/box"):  # /box holds this very file
        _folders[:] = []
        continue
    _found += [
        os.path.join(_root, f)
        for f in _files
        if f in _names and _of_the_course(os.path.join(_root, f))
    ]
if _found:
    raise RuntimeError(f"found {_found[:5]}")
