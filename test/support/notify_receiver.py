"""The receiving end of sd_notify, as systemd has it: Node has no datagram sockets of the unix family.

Prints each message as one line of JSON. A descriptor that comes with a message (the barrier) is closed.
"""

import json
import os
import socket
import sys

receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o777)
print(json.dumps("listening"), flush=True)
while True:
    print(json.dumps(receiver.recv(65536).decode()), flush=True)
