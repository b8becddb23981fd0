"""Records sessions of the official Python client, replays each to the same client, and holds its server against it.

    replayed.py RECORD_REPLAY [SESSION:NEAR-FAR…]

RECORD_REPLAY is the built example; a route names a session of client.py, the transport of the client and that of the
server. What the client's SDK tells of the tape must be what it told of the server: each
text to the last character, also where the server said the time or made up an id, each member in its place, and each
message in its order, from the first probe to the end. What is not seen here: spaces and escapes, which the SDK does not
tell, and the ids of the server's own questions. On HTTP a session has a second stream, which has no order with the
first: what belongs to no call is compared apart, in its own order. A Wassette that SHADOWCAT_WASSETTE names is recorded
too; from its transcripts it is replayed in `replay_sessions.rs`, byte for byte.

Then the tape is verified with the same server, made anew: all is as it was, or the report says why not.
"""

import asyncio
import json
import os
import shutil
import sys
import tempfile
from contextlib import asynccontextmanager
from difflib import unified_diff
from pathlib import Path

from over_http import by_stream, drive
from processes import HERE, PATHS, Failed, Process, say, serve, server_command

ROUTES = [
    "everything:stdio-stdio",
    "modern:stdio-stdio",
    "time-auto:stdio-stdio",
    "time-legacy:stdio-stdio",
    "everything:streamable-stdio",
    "modern:streamable-stdio",
    "everything:streamable-streamable",
    "modern:streamable-streamable",
    "everything:stdio-streamable",
    "modern:stdio-streamable",
    "wassette:stdio-stdio",
]
# The others say the time, or make up ids.
DETERMINISTIC = {"modern"}
# What server-everything says of these is one of eight texts, by chance.
PICKED = "notifications/message (number "


def wassette(folder):
    """The one that SHADOWCAT_WASSETTE names, with nothing loaded, and what it can load."""
    component = folder / "echo.wasm"
    shutil.copyfile(HERE / "../wassette/components/echo.wat", component)
    os.environ["WASSETTE_COMPONENT"] = component.as_uri()
    return [Path(os.environ["SHADOWCAT_WASSETTE"]).resolve(), "serve", "--stdio", "--plugin-dir", folder / "components"]


async def session(program, name, near, arguments, out):
    """One session of the client with the example, on stdio or on HTTP."""
    if near == "stdio":
        return await drive("python", name, "--", [program, *arguments], out)
    command, server = arguments[:2], arguments[2:]
    proxy = await Process.start(program, *command, "--listen", "127.0.0.1:0", *server, log=f"{out}.proxy")
    try:
        url = f"http://{proxy.address.result()}{PATHS[near]}"
        return await drive("python", name, near, [url], out)
    finally:
        await proxy.stop()


@asynccontextmanager
async def upstream(name, far, folder, log):
    """What the example is told of a server that nobody used before."""
    if name == "wassette":
        yield ["--", *wassette(folder)]
    elif far == "stdio":
        yield ["--", *server_command(name, far)]
    else:
        server = await serve(name, far, log)
        try:
            yield ["--upstream", f"http://{server.address.result()}{PATHS[far]}"]
        finally:
            await server.stop()


def differences(recorded, replayed, streams):
    if streams > 1:
        recorded, replayed = by_stream(recorded), by_stream(replayed)
    recorded, replayed = (
        [line for step in steps for line in json.dumps(step, indent=1, ensure_ascii=False).split("\n")]
        for steps in (recorded, replayed)
    )
    return list(unified_diff(recorded, replayed, "the server", "the tape", n=8, lineterm=""))[:100]


def check_title(tape, *transports):
    """What the tape says of the way to its client, and to its server."""
    titles = [json.loads(line).get("metadata") for line in tape.read_text().split("\n") if line]
    title = [title for title in titles if title][-1]
    said = title.get("transport"), title.get("upstream_transport")
    if said != tuple("stdio" if transport == "stdio" else "http" for transport in transports):
        raise Failed(f"the tape's transports are {said}")


async def verify(program, name, tape, server, log):
    """What the report says of the same server, made anew."""
    command = map(str, [program, "verify", tape, *server])
    with open(log, "wb") as stderr:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=stderr, cwd=HERE)
        report = (await process.communicate())[0].decode()
    if process.returncode != (0 if name in DETERMINISTIC else 1):
        raise Failed(f"verify ended with {process.returncode}\n{report}")
    if process.returncode == 1 and not findings(report) or "not listed" in report or "is not whole" in report:
        raise Failed(f"verify does not tell why\n{report}")
    if found := unexplained(report):
        raise Failed("\n".join(["verify finds what nothing explains", *found]))
    return report.split("\n")[0]


def findings(report):
    return [line.strip() for line in report.split("\n") if line.startswith(" " * 6)]


def unexplained(report):
    """Findings that neither time nor chance explains. What is missing or came in addition never is."""
    causes = ("(time)", "(random)", "(time, random)", "(random, time)")
    return [line for line in findings(report) if not line.endswith(causes) and not is_picked(line)]


def is_picked(finding):
    return finding.startswith(PICKED) and (" at /params/level: " in finding or " at /params/data: " in finding)


async def compare(program, route, folder):
    tape = folder / f"{route}.jsonl"
    name, transports = route.split(":")
    near, far = transports.split("-")
    out = {what: folder / f"{route}.{what}" for what in ("recorded", "replayed", "server", "verified", "again")}
    async with upstream(name, far, folder, out["server"]) as server:
        recorded = await session(program, name, near, ["record", tape, *server], out["recorded"])
    check_title(tape, near, far)
    replayed = await session(program, name, near, ["replay", tape], out["replayed"])
    if found := differences(recorded, replayed, 2 if near == "streamable" else 1):
        raise Failed("\n".join(["differs ('-' is the server, '+' is the tape)", *found]))
    say(f"interop replay {route}: {len(replayed)} steps, same")
    if name != "wassette":
        async with upstream(name, far, folder, out["again"]) as server:
            report = await verify(program, name, tape, server, out["verified"])
        say(f"interop verify {route}: {report}")


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
