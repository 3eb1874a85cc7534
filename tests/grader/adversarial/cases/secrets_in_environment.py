# row: 40
# attack: reads the environment and the command line
# loses: none
# status: passed
import os
import sys

for _key, _value in os.environ.items():
    if _key == "PYTHONHASHSEED":
        continue  # fixed, and public
    if any(word in _key.upper() for word in ("SEED", "KEY", "TOKEN", "PYTEST", "HOME_")):
        raise RuntimeError(_key)
if any("seed" in part.lower() for part in sys.argv):
    raise RuntimeError(sys.argv)
