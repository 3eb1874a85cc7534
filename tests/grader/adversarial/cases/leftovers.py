# row: 39
# attack: looks for what an earlier run left in temporary folders
# loses: none
# status: passed
import os

for _folder in ("/tmp", "/dev/shm", "/var/tmp"):
    if os.path.isdir(_folder) and os.listdir(_folder):
        raise RuntimeError(f"{_folder} holds {os.listdir(_folder)}")
