# row: 38
# attack: reads the files and memory of other processes
# loses: none
# status: passed
import os

_others = [p for p in os.listdir("/proc") if p.isdigit()]
for _pid in _others:
    for _name in ("environ", "cmdline"):
        try:
            with open(f"/proc/{_pid}/{_name}", "rb") as _file:
                _text = _file.read()
        except OSError:
            continue
        if any(word in _text for word in (b"pytest", b"grader", b"--ro-bind", b"DLSYSLAB")):
            raise RuntimeError(_text)
