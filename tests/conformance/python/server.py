"""The server that the suite's scenarios ask for, in Python's SDK.

    python server.py stdio
    python server.py http PORT
"""

import sys

from mcp.server.mcpserver import MCPServer, RequestStateSecurity

import catalog
import content
import questions
import rounds
import streams
from events import Events


def fixture() -> MCPServer:
    # What comes back through the client is sealed: state that was changed on the way is refused before a tool sees it.
    security = RequestStateSecurity(keys=[b"shadowcat's fixture has nothing to hide"])
    server = MCPServer(name="shadowcat-fixture", version="1.0.0", request_state_security=security)
    for area in (content, questions, streams, rounds, catalog):
        area.register(server)
    return server


def main() -> None:
    match sys.argv[1:]:
        case ["stdio"]:
            fixture().run("stdio")
        case ["http", port]:
            # Clients come back half a second after their stream was closed.
            fixture().run("streamable-http", port=int(port), event_store=Events(), retry_interval=500)
        case _:
            sys.exit("usage: server.py stdio | http PORT")


if __name__ == "__main__":
    main()
