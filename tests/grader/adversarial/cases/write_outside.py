# row: 78
# attack: writes to the system's folders
# loses: none
# status: passed
for _place in ("/x", "/usr/x", "/etc/x", "/opt/x", "/opt/box/main.py", "/data/x"):
    try:
        open(_place, "a").close()
    except OSError:
        continue
    raise SystemExit(f"wrote {_place}")
