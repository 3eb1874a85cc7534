# row: 87
# attack: holds a constant that takes for ever to fold
# loses: all
# status: any
def _never():
    return 10**10**8


_never()
