"""What over_http.py and inspector.py are built on: servers and proxies as processes, and how a run ends."""

import asyncio
import os
import re
from pathlib import Path

HERE = Path(__file__).parent.resolve()
PEERS = HERE / ".peers"
PYTHON = PEERS / "venv/bin/python"
EVERYTHING = PEERS / "node_modules/@modelcontextprotocol/server-everything/dist/index.js"
PATHS = {"streamable": "/mcp", "sse": "/sse"}


class Failed(Exception):
    pass


def say(*what, sep=" "):
    print(*what, sep=sep, flush=True)


def server_command(session, transport):
    if session == "everything":
        return ["node", EVERYTHING, {"streamable": "streamableHttp"}.get(transport, transport)]
    if session == "modern":
        return ["node", HERE / "server.mjs"] + (["http"] if transport == "streamable" else [])
    return [PYTHON, "-m", "mcp_server_time", "--local-timezone", "UTC"]


class Process:
    """A server or a proxy that says on stderr where it listens."""

    def __init__(self, process, log):
        self.process, self.log, self.lines = process, log, []

    @classmethod
    async def start(cls, *command, log, stdin=asyncio.subprocess.DEVNULL):
        process = await asyncio.create_subprocess_exec(
            *map(str, command),
            stdin=stdin,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PORT": "0"},
            cwd=HERE,
        )
        self = cls(process, open(log, "wb"))
        self.address = asyncio.get_running_loop().create_future()
        self.readers = [asyncio.create_task(self.read(pipe)) for pipe in (process.stdout, process.stderr)]
        await asyncio.wait_for(asyncio.shield(self.address), 20)
        return self

    async def read(self, pipe):
        async for line in pipe:
            self.log.write(line)
            self.log.flush()
            line = line.decode()
            self.lines.append(line)
            found = re.match(r"listening on http://([\w.]+:\d+)", line)
            if found and not self.address.done():
                # "localhost" is what the server binds, and maybe on ::1 alone
                self.address.set_result(found[1])

    async def tell(self, line):
        """A line for its stdin, where that is a pipe."""
        self.process.stdin.write(f"{line}\n".encode())
        await self.process.stdin.drain()

    def said(self, what):
        return sum(what in line for line in self.lines)

    async def stop(self):
        if self.process.returncode is None:
            self.process.terminate()
        try:
            return await asyncio.wait_for(self.process.wait(), 10)
        except TimeoutError:
            self.process.kill()
            raise Failed(f"did not end 10 s after SIGTERM, see {self.log.name}") from None


async def children(process, command):
    """The processes of a command that a process has."""
    args = ("ps", "-A", "-o", "ppid=,pid=,args=")
    listing = await asyncio.create_subprocess_exec(*args, stdout=asyncio.subprocess.PIPE)
    output, _ = await listing.communicate()
    lines = [line.split(maxsplit=2) for line in output.decode().splitlines()]
    own, sought = str(process.process.pid), " ".join(map(str, command))
    return [child for parent, child, args in lines if parent == own and args == sought]


async def until(what, holds):
    for _ in range(100):
        if await holds():
            return
        await asyncio.sleep(0.1)
    raise Failed(what)


async def serve(session, transport, log):
    """A server on HTTP."""
    command = ["node", "--import", HERE / "announce.mjs", *server_command(session, transport)[1:]]
    return await Process.start(*command, log=log)
