# row: 65
# attack: takes more processors than it was given
# loses: none
# status: passed
import os

_before = os.sched_getaffinity(0)
try:
    os.sched_setaffinity(0, range(os.cpu_count()))
except OSError:
    pass
else:
    if os.cpu_count() > 1:
        raise SystemExit("the mask was changed")
