# row: 75
# attack: sets the system's clock
# loses: none
# status: passed
import time

try:
    time.clock_settime(time.CLOCK_REALTIME, 0)
    raise SystemExit("set the clock")
except OSError:
    pass
