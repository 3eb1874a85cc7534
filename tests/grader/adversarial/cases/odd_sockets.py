# row: 42
# attack: uses address families that are not in a namespace
# loses: none
# status: passed
import socket

for _family in (16, 38, 40):  # netlink, crypto, the virtual machine's own
    for _kind in (socket.SOCK_RAW, socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        try:
            socket.socket(_family, _kind)
        except OSError:
            continue
        raise SystemExit(f"family {_family}")
