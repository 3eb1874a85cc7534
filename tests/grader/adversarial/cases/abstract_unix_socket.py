# row: 41
# attack: talks to the system over abstract sockets
# loses: none
# status: passed
import socket

_talk = socket.socket(socket.AF_UNIX)
for _name in ("\0/org/freedesktop/systemd1", "/run/dbus/system_bus_socket", "/var/run/docker.sock"):
    try:
        _talk.connect(_name)
        raise SystemExit("connected")
    except OSError:
        pass
