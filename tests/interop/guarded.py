"""Policy, stripping and the audit before server-everything, through the example `guard`, on stdio and on HTTP.

    guarded.py GUARD

What is denied is neither listed nor called, and a key of the client's reaches the server in no way: not in arguments,
headers or environment. Every byte that the server receives is recorded, and searched.
"""

import os
import sys
import tempfile
import warnings
from pathlib import Path

import anyio
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from processes import EVERYTHING, HERE, PYTHON, Failed, Process, say

warnings.simplefilter("ignore")

KEY = "ghp_" + "Zk3v9QpLw7Rt2XyB5NcM8HdJ4GfS6TaVuE1o"
POLICY = """
default: allow
rules:
  - {id: no-sums, effect: deny, tool: get-sum}
"""


def expect(what, holds):
    if not holds:
        raise Failed(what)


async def session(client):
    names = [tool.name for tool in (await client.list_tools()).tools]
    expect(f"the list is {names}", "echo" in names and "get-sum" not in names)
    for name in ("get-sum", "Get-Sum"):
        try:
            await client.call_tool(name, {"a": 1, "b": 2})
        except Exception as error:
            expect(f"a denied tool says {error}", f"Unknown tool: {name}" in str(error))
        else:
            raise Failed(f"{name} was called")
    said = (await client.call_tool("echo", {"message": f"the key is {KEY}"})).content[0].text
    expect(f"echo said {said!r}", KEY not in said and "REDACTED" in said)
    environment = (await client.call_tool("get-env", {})).content[0].text
    expect("the client's environment came through", "SECRET_OF_CLIENT" not in environment and KEY not in environment)


def searched(where, folder):
    received = Path(folder, "received").read_bytes()
    expect(f"{where}: nothing was recorded", b"tools/call" in received)
    expect(f"{where}: the key reached the server", KEY.encode() not in received)
    expect(f"{where}: a denied tool reached the server", b"get-sum" not in received.lower())
    audit = Path(folder, "audit").read_text()
    expect(f"{where}: the key is in the audit", KEY not in audit)
    expect(f"{where}: the audit knows no denial", "no-sums" in audit)


def arguments(folder):
    policy = Path(folder, "policy.yaml")
    policy.write_text(POLICY)
    recorder = [str(PYTHON), str(HERE / "recorder.py"), str(Path(folder, "received"))]
    server = ["node", str(EVERYTHING), "stdio"]
    return [str(policy), "--audit", str(Path(folder, "audit"))], ["--", *recorder, *server]


async def on_stdio(guard):
    with tempfile.TemporaryDirectory() as folder:
        options, server = arguments(folder)
        environment = {**os.environ, "SECRET_OF_CLIENT": KEY, "RUST_LOG": "warn"}
        command = StdioServerParameters(command=guard, args=[*options, *server], env=environment)
        async with Client(stdio_client(command), mode="legacy") as client:
            await session(client)
        searched("stdio", folder)


async def on_http(guard):
    with tempfile.TemporaryDirectory() as folder:
        options, server = arguments(folder)
        os.environ["SECRET_OF_CLIENT"] = KEY
        proxy = await Process.start(guard, *options, "--listen", "127.0.0.1:0", *server, log=Path(folder, "log"))
        address = await proxy.address
        headers = {"Authorization": f"Bearer {KEY}", "Cookie": f"session={KEY}", "X-Api-Key": KEY}
        async with create_mcp_http_client(headers=headers) as http:
            transport = streamable_http_client(f"http://{address}/mcp", http_client=http)
            async with Client(transport, mode="legacy") as client:
                await session(client)
        await proxy.stop()
        searched("http", folder)
        expect("the key is in the log", KEY not in Path(folder, "log").read_text())


async def main(guard):
    await on_stdio(guard)
    await on_http(guard)
    say("interop guard: what is denied is not there, and no key reaches the server, on stdio and on HTTP")


try:
    anyio.run(main, *sys.argv[1:])
except* Failed as failed:
    say("interop guard: failed:", *failed.exceptions)
    sys.exit(1)
