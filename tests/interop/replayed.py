"""Records sessions of the official Python client, and replays each to the same client.

    replayed.py RECORD_REPLAY [SESSION:TRANSPORT…]

RECORD_REPLAY is the built example. What the client's SDK tells of the tape must be what it told of the server: each
text to the last character, also where the server said the time or made up an id, each member in its place, and each
message in its order, from the first probe to the end. What is not seen here: spaces and escapes, which the SDK does not
tell, and the ids of the server's own questions. On HTTP a session has a second stream, which has no order with the
first: what belongs to no call is compared apart, in its own order. A Wassette that SHADOWCAT_WASSETTE names is recorded
too; from its transcripts it is replayed in `replay_sessions.rs`, byte for byte.
"""

import asyncio
import json
import os
import shutil
import sys
import tempfile
from difflib import unified_diff
from pathlib import Path

from over_http import by_stream, drive
from processes import HERE, PATHS, Failed, Process, say, server_command

ROUTES = [
    "everything:stdio",
    "modern:stdio",
    "time-auto:stdio",
    "time-legacy:stdio",
    "everything:streamable",
    "modern:streamable",
    "wassette:stdio",
]


def wassette(folder):
    """The one that SHADOWCAT_WASSETTE names, with nothing loaded, and what it can load."""
    component = folder / "echo.wasm"
    shutil.copyfile(HERE / "../wassette/components/echo.wat", component)
    os.environ["WASSETTE_COMPONENT"] = component.as_uri()
    return [Path(os.environ["SHADOWCAT_WASSETTE"]).resolve(), "serve", "--stdio", "--plugin-dir", folder / "components"]


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


def differences(recorded, replayed, streams):
    if streams > 1:
        recorded, replayed = by_stream(recorded), by_stream(replayed)
    recorded, replayed = (
        [line for step in steps for line in json.dumps(step, indent=1, ensure_ascii=False).split("\n")]
        for steps in (recorded, replayed)
    )
    return list(unified_diff(recorded, replayed, "the server", "the tape", n=8, lineterm=""))[:100]


def check_title(tape, route):
    """What the tape says of the way to its client, and to its server."""
    titles = [json.loads(line).get("metadata") for line in tape.read_text().split("\n") if line]
    title = [title for title in titles if title][-1]
    said = title.get("transport"), title.get("upstream_transport")
    if said != ("stdio" if route.endswith("stdio") else "http", "stdio"):
        raise Failed(f"the tape's transports are {said}")


async def compare(program, route, folder):
    tape = folder / f"{route}.jsonl"
    name = route.split(":")[0]
    # On HTTP the server is a process behind the proxy, as on stdio.
    server = wassette(folder) if name == "wassette" else server_command(name, "stdio")
    recorded = await session(program, route, ["record", tape, "--", *server], folder / f"{route}.recorded")
    check_title(tape, route)
    replayed = await session(program, route, ["replay", tape], folder / f"{route}.replayed")
    if found := differences(recorded, replayed, 2 if route.endswith("streamable") else 1):
        raise Failed("\n".join(["differs ('-' is the server, '+' is the tape)", *found]))
    say(f"interop replay {route}: {len(replayed)} steps, same")


async def main(program, *routes):
    os.environ["TRANSCRIPT_AS_IT_IS"] = "1"
    failed, folder = 0, Path(tempfile.mkdtemp())
    for route in routes or ROUTES:
        if route.startswith("wassette:") and not os.environ.get("SHADOWCAT_WASSETTE"):
            say(f"interop replay {route}: skipped (SHADOWCAT_WASSETTE names none)")
            continue
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
