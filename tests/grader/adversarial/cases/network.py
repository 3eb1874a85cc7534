# row: 41
# attack: connects to the network
# loses: none
# status: passed
import socket

for _address in (("127.0.0.1", 22), ("1.1.1.1", 53)):
    try:
        with socket.create_connection(_address, timeout=0.2):
            raise SystemExit("connected")
    except OSError:
        pass
