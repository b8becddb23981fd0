"""Calls of server-everything that are held for longer than their client waits, by the example `breakpoints`.

    holding.py BREAKPOINTS

What keeps a client waiting is progress, and which of its timeouts begins anew with that differs. The Python SDK
(mcp 2.3) has two: the silence that its HTTP client bears, which any byte ends, and `read_timeout_seconds`, which is
the whole time of a call and runs on whatever comes. The TypeScript SDK's `timeout` begins anew where
`resetTimeoutOnProgress` says so. Each is shown as it is: both kinds of silence are outlived, the whole time is not,
and what was held for a client that gave up is gone.
"""

import asyncio
import json
import sys
import tempfile
import warnings
from pathlib import Path

import httpx2
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
        await self.proxy.tell(f"edit {number} {place} \"again\"")


async def echo(url, message, reports, **options):
    """What a Python client gets that bears a second without a byte."""

    async def report(progress, total, message):
        reports.append(progress)

    silence = httpx2.Timeout(30, read=PATIENCE)
    async with httpx2.AsyncClient(timeout=silence) as http:
        async with Client(streamable_http_client(url, http_client=http), mode="legacy") as client:
            try:
                answer = await client.call_tool("echo", {"message": message}, progress_callback=report, **options)
            except MCPError as error:
                return f"error: {error}"
            return answer.content[0].text


async def outlives_silence(url, person):
    reports = []
    call = asyncio.create_task(echo(url, "as it was", reports))
    await person.edits_late("as it was edited")
    text = await call
    if text != "Echo: as it was edited":
        raise Failed(f"the server received something else: {text}")
    if len(reports) < HELD / PATIENCE - 1 or sorted(set(reports)) != reports:
        raise Failed(f"too little progress, or none: {reports}")
    return f"python: held for {HELD} s, silence of {PATIENCE} s borne, {len(reports)} times progress"


async def gives_up(url, person):
    reports = []
    call = asyncio.create_task(echo(url, "given up", reports, read_timeout_seconds=2 * PATIENCE))
    number = await person.held()
    why = await call
    if "timed out" not in why:
        raise Failed(f"it did not give up: {why}")
    if not reports:
        raise Failed("it gave up without progress")
    # It says that it has given up before it fails, and the proxy may still be reading that.
    async def is_gone():
        before = person.proxy.said("nothing is held")
        await person.proxy.tell("list")
        await asyncio.sleep(0.1)
        return person.proxy.said("nothing is held") > before

    await until("what was given up is held still", is_gone)
    await person.proxy.tell(f"resume {number}")
    await person.sees(f"error: nothing is held under {number}")
    return f"python: read_timeout_seconds is the whole time: {why}"


async def typescript_outlives_its_timeout(url, person):
    command = ["node", HERE / "holding.mjs", url, "as it was"]
    client = await asyncio.create_subprocess_exec(*map(str, command), stdout=asyncio.subprocess.PIPE)
    await person.edits_late("edited again")
    out, _ = await asyncio.wait_for(client.communicate(), 30)
    said = json.loads(out)
    if said.get("text") != "Echo: edited again" or said["reports"] < HELD / PATIENCE - 1:
        raise Failed(f"it got {said}")
    return f"typescript: held for {HELD} s, a timeout of {PATIENCE} s outlived, {said['reports']} times progress"


async def main(proxy):
    logs = Path(tempfile.mkdtemp())
    for far in ("stdio", "streamable"):
        server, target = None, ["--", *server_command("everything", far)]
        if far != "stdio":
            server = await serve("everything", far, logs / f"server-{far}")
            target = ["--upstream", f"http://{server.address.result()}{PATHS[far]}"]
        options = ["--listen", "127.0.0.1:0", "--break", "echo", "--progress", PATIENCE / 4]
        command = [Path(proxy).resolve(), *options, *target]
        running = await Process.start(*command, log=logs / f"breakpoints-{far}", stdin=asyncio.subprocess.PIPE)
        url, person = f"http://{running.address.result()}/mcp", Person(running)
        try:
            for case in (outlives_silence, gives_up, typescript_outlives_its_timeout):
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
