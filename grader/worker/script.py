"""Inside the box: run a learner's script as `python FILE` would, with the files beside it."""

import os
import sys
import traceback


def main() -> int:
    """Run the script that is named first; a traceback shows the learner's frames only."""
    # Every file of the learner lies in one folder, wherever that is mounted.
    script = os.path.abspath(sys.argv[1])
    site = filter(None, os.environ.get("DLSYS_SITE", "").split(os.pathsep))
    sys.path[:0] = [os.path.dirname(script), *site]
    sys.argv = sys.argv[1:]
    try:
        with open(script, "rb") as file:
            code = compile(file.read(), script, "exec")
        exec(code, {"__name__": "__main__", "__file__": script})
    except Exception as error:
        assert error.__traceback__ is not None
        traceback.print_exception(error.with_traceback(error.__traceback__.tb_next))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
