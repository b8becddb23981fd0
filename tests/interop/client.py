"""Drives a whole MCP session with the official Python client and prints what it saw.

    client.py SESSION (-- COMMAND ARGS… | streamable URL | sse URL)

One JSON object a line: the step, the answer the SDK gave, the messages behind it. Run it with and
without a proxy before the server: the two transcripts must be the same. SESSION is one of

    everything    all of server-everything (the client negotiates, and falls back to 2025-11-25)
    modern        what 2026-07-28 adds, with server.mjs
    time-auto     a few calls to mcp-server-time, in 2026-07-28
    time-legacy   the same after an initialize handshake
    wassette      Wassette's own tools and a component, at the URI in WASSETTE_COMPONENT
"""

import sys
import warnings

import anyio
from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import (
    CreateMessageResult,
    ElicitResult,
    Implementation,
    ListRootsResult,
    Root,
    TextContent,
)

from eras import modern, time
from everything import everything
from transcript import Transcript, Wire
from wassette import wassette

# ping, subscribe, setLevel and roots are deprecated in 2026-07-28; here they are the point.
warnings.simplefilter("ignore")

FORM = {"name": "Ada Lovelace", "check": True, "email": "ada@example.org", "integer": 7, "number": 2.5}


class User:
    """The person at the client: answers what the server asks."""

    def __init__(self):
        self.action = "accept"
        self.roots = [Root(uri="file:///tmp/one", name="one")]

    async def sample(self, _context, _params):
        text = TextContent(type="text", text="a fixed answer")
        return CreateMessageResult(role="assistant", content=text, model="none", stop_reason="endTurn")

    async def elicit(self, _context, params):
        if self.action != "accept" or params.mode == "url":
            return ElicitResult(action=self.action)
        asked = params.requested_schema["properties"]
        content = {"interpretation": "technical"} if "interpretation" in asked else FORM
        return ElicitResult(action="accept", content=content)

    async def list_roots(self, _context):
        return ListRootsResult(roots=self.roots)


SESSIONS = {
    "everything": (everything, "auto"),
    "modern": (modern, "auto"),
    "time-auto": (time, "auto"),
    "time-legacy": (time, "legacy"),
    "wassette": (wassette, "legacy"),
}


TRANSPORTS = {
    "--": lambda command, *args: stdio_client(StdioServerParameters(command=command, args=args)),
    "streamable": streamable_http_client,  # says DELETE when it ends
    "sse": sse_client,
}


async def main(session, transport, *server):
    drive, mode = SESSIONS[session]
    on_http = transport != "--"
    wire, user = Wire(), User()
    transcript = Transcript(wire)
    client = Client(
        wire.connect(TRANSPORTS[transport](*server)),
        mode=mode,
        client_info=Implementation(name="shadowcat-interop", version="1"),
        read_timeout_seconds=15,
        log_level="info",  # where 2026-07-28 is spoken; before, setLevel decides
        sampling_callback=user.sample,
        elicitation_callback=user.elicit,
        list_roots_callback=user.list_roots,
    )
    try:
        async with client:
            await drive(client, wire, transcript, user)
            transcript.closing()
        # The timers of its tasks keep server-everything alive, and Wassette 0.2 does not heed its input's end.
        if on_http or drive not in (everything, wassette):
            transcript.closed()
    except Exception as error:
        transcript.failed("; ".join(causes(error)))
        sys.exit(1)


def causes(error):
    if isinstance(error, BaseExceptionGroup):
        return [cause for inner in error.exceptions for cause in causes(inner)]
    return [f"{type(error).__name__}: {error}"]


if __name__ == "__main__":
    if len(sys.argv) < 4 or sys.argv[1] not in SESSIONS or sys.argv[2] not in TRANSPORTS:
        sys.exit(__doc__)
    anyio.run(main, *sys.argv[1:])
