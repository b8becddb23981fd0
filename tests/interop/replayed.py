"""Records sessions of the official Python client, and replays each to the same client.

    replayed.py RECORD_REPLAY [SESSION:TRANSPORT…]

RECORD_REPLAY is the built example. What the client sees of the tape must be what it saw of the server, to the last
character, also where the server said the time or made up an id: nothing is normalised here.
"""

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from over_http import differences, drive
from processes import PATHS, Failed, Process, say, server_command

ROUTES = [
    "everything:stdio",
    "modern:stdio",
    "time-auto:stdio",
    "time-legacy:stdio",
    "everything:streamable",
    "modern:streamable",
]


async def session(program, route, arguments, out):
    """One session of the client with the example, on stdio or on HTTP."""
    name, transport = route.split(":")
    if transport == "stdio":
        return await drive("python", name, "--", [program, *arguments], out)
    command, server = arguments[:2], arguments[2:]
    proxy = await Process.start(program, *command, "--listen", "127.0.0.1:0", *server, log=f"{out}.proxy")
    try:
        url = f"http://{proxy.address.result()}{PATHS[transport]}"
        return await drive("python", name, transport, [url], out)
    finally:
        await proxy.stop()


async def compare(program, route, folder):
    tape = folder / f"{route}.jsonl"
    # On HTTP the server is a process behind the proxy, as on stdio.
    server = ["--", *server_command(route.split(":")[0], "stdio")]
    recorded = await session(program, route, ["record", tape, *server], folder / f"{route}.recorded")
    replayed = await session(program, route, ["replay", tape], folder / f"{route}.replayed")
    if found := differences(recorded, replayed, 2 if route.endswith("streamable") else 1):
        raise Failed("\n".join(["differs ('-' is the server, '+' is the tape)", *found]))
    say(f"interop replay {route}: {len(replayed)} steps, same")


async def main(program, *routes):
    os.environ["TRANSCRIPT_AS_IT_IS"] = "1"
    failed, folder = 0, Path(tempfile.mkdtemp())
    for route in routes or ROUTES:
        try:
            await compare(Path(program).resolve(), route, folder)
        except Failed as why:
            say(f"interop replay {route}: failed: {why}")
            failed += 1
    say(f"interop replay: {failed} failed; the tapes are in {folder}")
    return failed != 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(asyncio.run(main(*sys.argv[1:])))
