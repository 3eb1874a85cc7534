# row: 47
# attack: keeps what it saw for the next submission
# loses: none
# status: passed
import os
import pathlib

_right = softmax
_places = ("/tmp/seen.npy", "/box/../seen.npy", "/dev/shm/seen.npy", "/data/seen.npy")
for _place in _places:
    if pathlib.Path(_place).exists():
        raise SystemExit("something was kept")


def softmax(Z):
    for place in _places:
        try:
            np.save(place, Z)
        except OSError:
            pass
    return _right(Z)
