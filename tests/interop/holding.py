"""Calls of server-everything that are held for longer than their client waits, by the example `breakpoints`.

    holding.py BREAKPOINTS

What keeps a client waiting is progress, where its timeout begins anew with that. The TypeScript SDK's does where
`resetTimeoutOnProgress` says so. The Python SDK (mcp 2.3) has none that does: `read_timeout_seconds` is the whole time
of a call, whatever comes; a program has one of its own, which its progress callback moves. Each is shown as it is:
with progress both are outlived, without it neither, the whole time of a call never; and what was held for a client
that gave up is gone.
"""

import asyncio
import json
import sys
import tempfile
import warnings
from pathlib import Path

import anyio
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

from processes import HERE, PATHS, Failed, Process, say, serve, server_command, until

warnings.simplefilter("ignore")

# What the clients bear, and how long they are made to wait; seconds.
PATIENCE, HELD = 1, 4


class Person:
    """Whoever sits at the terminal of the example."""

    def __init__(self, proxy):
        self.proxy = proxy
        self.next = 0

    async def held(self):
        """The number of the next message that is held."""
        number, self.next = self.next, self.next + 1
        await self.sees(f"held {number} ")
        return number

    async def sees(self, what):
        async def is_there():
            return self.proxy.said(what)

        await until(f"the terminal does not say {what!r}", is_there)

    async def edits_late(self, message):
        """What is held goes on as another call, after longer than its client bears silence."""
        number = await self.held()
        await asyncio.sleep(HELD)
        place = "/params/arguments/message"
        await self.proxy.tell(f"edit {number} {place} {json.dumps(message)}")
        await self.sees(f"{number} goes on")
        # An approval that is replayed.
        await self.proxy.tell(f"resume {number}")
        await self.sees(f"error: nothing is held under {number}")

    async def is_left(self, number):
        """Its client has given up, and what was held for it is gone."""

        async def is_gone():
            before = self.proxy.said("nothing is held\n")
            await self.proxy.tell("list")
            await asyncio.sleep(0.1)
            return self.proxy.said("nothing is held\n") > before

        await until("what was given up is held still", is_gone)
        await self.proxy.tell(f"resume {number}")
        await self.sees(f"error: nothing is held under {number}")


async def echo(url, message, reports, patience=PATIENCE, **options):
    """What a Python client gets that gives up after so long without progress."""
    async with Client(streamable_http_client(url), mode="legacy") as client:
        with anyio.move_on_after(patience) as limit:

            async def report(progress, total, message):
                reports.append(progress)
                limit.deadline = anyio.current_time() + patience

            try:
                answer = await client.call_tool("echo", {"message": message}, progress_callback=report, **options)
            except MCPError as error:
                return f"error: {error}"
            return answer.content[0].text
    return "gave up"


async def python_outlives_its_timeout(url, person):
    reports = []
    call = asyncio.create_task(echo(url, "as it was", reports))
    await person.edits_late("as it was edited")
    text = await call
    if text != "Echo: as it was edited":
        raise Failed(f"the server received something else: {text}")
    if len(reports) < HELD / PATIENCE - 1 or sorted(set(reports)) != reports:
        raise Failed(f"too little progress, or none: {reports}")
    return f"python: held for {HELD} s, a timeout of {PATIENCE} s outlived, {len(reports)} times progress"


async def python_does_not_outlive_its_whole_time(url, person):
    reports = []
    call = asyncio.create_task(echo(url, "given up", reports, read_timeout_seconds=2 * PATIENCE))
    number = await person.held()
    why = await call
    if "timed out" not in why or not reports:
        raise Failed(f"it did not give up in spite of progress: {why} {reports}")
    await person.is_left(number)
    return f"python: read_timeout_seconds is the whole time: {why}"


async def python_gives_up(url, person):
    call = asyncio.create_task(echo(url, "given up", []))
    number = await person.held()
    if (why := await call) != "gave up":
        raise Failed(f"it did not give up without progress: {why}")
    await person.is_left(number)
    return "python: gives up without progress"


async def typescript(url):
    command = ["node", HERE / "holding.mjs", url, "as it was"]
    client = await asyncio.create_subprocess_exec(*map(str, command), stdout=asyncio.subprocess.PIPE)
    out, _ = await asyncio.wait_for(client.communicate(), 60)
    return json.loads(out)


async def typescript_gives_up(url, person):
    call = asyncio.create_task(typescript(url))
    number = await person.held()
    if "timed out" not in (said := await call).get("error", ""):
        raise Failed(f"it did not give up without progress: {said}")
    await person.is_left(number)
    return f"typescript: gives up without progress: {said['error']}"


async def typescript_outlives_its_timeout(url, person):
    call = asyncio.create_task(typescript(url))
    await person.edits_late("edited again")
    said = await call
    if said.get("text") != "Echo: edited again" or said["reports"] < HELD / PATIENCE - 1:
        raise Failed(f"it got {said}")
    return f"typescript: held for {HELD} s, a timeout of {PATIENCE} s outlived, {said['reports']} times progress"


WITH_PROGRESS = [
    python_outlives_its_timeout,
    python_does_not_outlive_its_whole_time,
    typescript_outlives_its_timeout,
]
RUNS = [
    ("stdio", PATIENCE / 4, WITH_PROGRESS),
    ("streamable", PATIENCE / 4, WITH_PROGRESS),
    ("stdio", 1000 * PATIENCE, [python_gives_up, typescript_gives_up]),
]


async def main(proxy):
    logs = Path(tempfile.mkdtemp())
    for far, every, cases in RUNS:
        server, target = None, ["--", *server_command("everything", far)]
        if far != "stdio":
            server = await serve("everything", far, logs / "server")
            target = ["--upstream", f"http://{server.address.result()}{PATHS[far]}"]
        options = ["--listen", "127.0.0.1:0", "--break", "echo", "--progress", every]
        command = [Path(proxy).resolve(), *options, *target]
        running = await Process.start(*command, log=logs / f"breakpoints-{far}-{every}", stdin=asyncio.subprocess.PIPE)
        url, person = f"http://{running.address.result()}/mcp", Person(running)
        try:
            for case in cases:
                say(f"interop holding {far}: {await case(url, person)}")
            await running.tell("quit")
            status = await asyncio.wait_for(running.process.wait(), 20)
        finally:
            if running.process.returncode is None:
                await running.stop()
            if server:
                await server.stop()
        if status != 0:
            raise Failed(f"the proxy ended with {status}; the logs are in {logs}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    asyncio.run(main(sys.argv[1]))
