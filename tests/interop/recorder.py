"""A server that writes down every byte that it receives, and its environment, and lets another answer.

    recorder.py FILE COMMAND ARGS…
"""

import os
import subprocess
import sys
import threading

record = open(sys.argv[1], "ab", buffering=0)
record.write(repr(dict(os.environ)).encode() + b"\n")
server = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE)


def forward():
    while chunk := os.read(0, 65536):
        record.write(chunk)
        server.stdin.write(chunk)
        server.stdin.flush()
    server.stdin.close()


threading.Thread(target=forward, daemon=True).start()
sys.exit(server.wait())
