# row: 41
# attack: opens a server for another submission to talk to
# loses: none
# status: passed
import socket

try:
    _server = socket.socket()
    _server.bind(("127.0.0.1", 45999))
except OSError:
    pass
else:
    raise SystemExit("a socket was made")
