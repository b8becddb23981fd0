"""The seeds' file of rules against server-everything, through the example `rules`.

    ruled.py RULES FILE

Every call of a tool comes half a second later, `get_weather`, which the server does not have, is answered, and all else
is as it was; when the file changes, so do the rules, and a bad file changes nothing.
"""

import sys
import tempfile
import warnings
from pathlib import Path

import anyio
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from processes import EVERYTHING, Failed, say

warnings.simplefilter("ignore")

# What the file's rule says; seconds.
DELAY = 0.5


def expect(what, holds):
    if not holds:
        raise Failed(what)


async def timed(client, tool, arguments):
    began = anyio.current_time()
    answer = await client.call_tool(tool, arguments)
    return answer.content[0].text, anyio.current_time() - began


async def changes(client, file, before, after):
    """A bad file changes nothing; a good one does, and nothing is asked twice for that."""
    text = file.read_text()
    file.write_text(text.replace('type: "mock"', 'type: "mokc"'))
    for _ in range(3):
        said, _ = await timed(client, "get_weather", {"city": "Ulm"})
        expect("a bad file changed the rules", said == before)
    file.write_text(text.replace(before, after))
    for _ in range(60):
        said, _ = await timed(client, "get_weather", {"city": "Ulm"})
        if said == after:
            return
        expect("between two files there is another", said == before)
    raise Failed("the rules did not change with their file")


async def main(rules, file):
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "rules.yaml")
        copy.write_text(Path(file).read_text())
        command = StdioServerParameters(command=rules, args=[str(copy), "--", "node", str(EVERYTHING), "stdio"])
        async with Client(stdio_client(command), mode="legacy") as client:
            names = [tool.name for tool in (await client.list_tools()).tools]
            expect("the list of tools is not the server's", "echo" in names and "get_weather" not in names)
            said, took = await timed(client, "echo", {"message": "hello"})
            expect(f"echo said {said!r} after {took:.3f} s", said == "Echo: hello" and took >= DELAY)
            said, took = await timed(client, "get_weather", {"city": "Ulm"})
            expect(f"the weather is {said!r} after {took:.3f} s", said == "Sunny, 72°F" and took >= DELAY)
            await changes(client, copy, said, "Rain, 50°F")
    say("interop rules: the seeds' file does what it says, and so does another in its place")


try:
    anyio.run(main, *sys.argv[1:])
except* Failed as failed:
    say("interop rules: failed:", *failed.exceptions)
    sys.exit(1)
