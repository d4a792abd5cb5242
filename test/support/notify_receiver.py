"""The receiving end of sd_notify, as systemd has it: Node has no datagram sockets of the unix family.

Prints each message as one line of JSON. A descriptor that comes with a message (the barrier) is closed.
With a second argument, `late`: whose word it is counts when it is looked at, a while after it came, and the
word of a process that is gone by then is lost. So it is with a busy systemd whose systemd-notify does not
wait for it, before 246.
"""

import json
import os
import socket
import struct
import sys

receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o777)
is_late = sys.argv[2:] == ["late"]
if is_late:
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def sender(ancillary):
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
            return struct.unpack("iii", data)[0]
    return 0


def read():
    message, ancillary, _, _ = receiver.recvmsg(65536, socket.CMSG_SPACE(12) if is_late else 0)
    return message.decode(), sender(ancillary)


def read_until_quiet():
    """What came, barriers too, before anybody looks whose word it is."""
    receiver.settimeout(None)
    messages = [read()]
    receiver.settimeout(0.3)
    try:
        while True:
            messages.append(read())
    except TimeoutError:
        return messages


print(json.dumps("listening"), flush=True)
while True:
    for message, pid in read_until_quiet() if is_late else [read()]:
        if not is_late or is_alive(pid):
            print(json.dumps(message), flush=True)
