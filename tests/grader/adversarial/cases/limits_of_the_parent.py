# row: 33
# attack: changes the limits of the process above
# loses: none
# status: passed
import os
import resource

try:
    resource.prlimit(os.getppid() or 1, resource.RLIMIT_CPU, (1, 1))
except (OSError, ValueError):
    pass
try:
    resource.setrlimit(resource.RLIMIT_NOFILE, (10**6, 10**6))
    raise SystemExit("raised a limit")
except (OSError, ValueError):
    pass
