"""Drives real servers with real clients on HTTP, directly and through reverse_http, and compares what the clients saw.

    over_http.py REVERSE_HTTP [SESSION:CLIENT-SERVER…]

REVERSE_HTTP is the built example; a route names a session of client.py, the transport of the client and
that of the server. Several clients share a proxy at once, except where their servers keep what they do.
What a client saw must be what it sees without a proxy, on the server's own transport. Afterwards no
session may be left: on HTTP each was ended by its DELETE, on stdio each had a process, and it is gone.
"""

import asyncio
import json
import sys
import tempfile
from collections import Counter
from difflib import unified_diff
from itertools import dropwhile
from pathlib import Path

from processes import HERE, PATHS, PYTHON, Failed, Process, children, say, serve, server_command, until

CLIENTS = {"python": [PYTHON, HERE / "client.py"], "typescript": ["node", HERE / "client.mjs"]}

ROUTES = [
    "everything:streamable-streamable",
    "everything:streamable-stdio",
    "everything:streamable-sse",
    "everything:sse-streamable",
    "everything:sse-stdio",
    "everything:sse-sse",
    "modern:streamable-streamable",
    "modern:streamable-stdio",
    "time-auto:streamable-stdio",
    "time-legacy:streamable-stdio",
    "time-legacy:sse-stdio",
]
# What a session does to its server is seen by the next one: they get a server each.
APART = {"modern"}
# What server-everything says of a session's beginning and end.
SAID = {
    "streamable": ("Session initialized", "session termination request"),
    "sse": ("Client Connected", "Client Disconnected"),
}
TOGETHER = ["python", "typescript", "python", "typescript"]


async def drive(client, session, transport, target, out):
    """One client's session. It gives up by itself."""
    command = [*CLIENTS[client], session, transport, *target]
    with open(out, "wb") as stdout, open(f"{out}.log", "wb") as stderr:
        process = await asyncio.create_subprocess_exec(*map(str, command), stdout=stdout, stderr=stderr, cwd=HERE)
        status = await process.wait()
    if status != 0:
        log, steps = Path(f"{out}.log").read_text(), out.read_text().count("\n")
        raise Failed(f"after {steps} steps: {log[max(log.find('FAILED'), 0) :][:2000]}")
    return [json.loads(line) for line in out.read_text().rstrip("\n").split("\n")]


def unsolicited(message):
    """Whether it belongs to no call: over Streamable HTTP it comes on a stream of its own."""
    method = message.get("method", "")
    apart = ("roots/list", "notifications/message", "notifications/tasks/status", "notifications/elicitation/complete")
    return method in apart or method.endswith(("/list_changed", "/updated"))


def by_stream(steps):
    """Two streams have no order between them, so what is unsolicited stands apart, in its own order."""
    asked = [{**step, "messages": [m for m in step.get("messages", []) if not unsolicited(m)]} for step in steps]
    apart = [m for step in steps for m in step.get("messages", []) if unsolicited(m)]
    # What has changed since the server began is lost with a client that is not listening yet: a matter of moments.
    heard = dropwhile(lambda m: m["method"] == "notifications/tools/list_changed", apart)
    return asked + [{"unsolicited": list(heard)}]


def probed(message):
    return "error" in message or "supportedVersions" in message.get("result", {})


def comparable(steps):
    """What does not depend on the transport between client and server."""
    # How a client finds out which revision to speak is another way on each; what it finds is in its answer.
    agreed = [message for message in steps[0]["messages"] if not probed(message)]
    # A process is seen to end, a server elsewhere is not.
    return [{**steps[0], "messages": agreed}] + [step for step in steps[1:] if step["step"] != "close"]


def differences(direct, seen, streams):
    """Where two transcripts differ. One stream on both sides of a proxy has one order, several have not."""
    direct, seen = comparable(direct), comparable(seen)
    if streams > 1:
        direct, seen = by_stream(direct), by_stream(seen)
    direct, seen = (
        [line for step in steps for line in json.dumps(step, indent=1, ensure_ascii=False, sort_keys=True).split("\n")]
        for steps in (direct, seen)
    )
    return [line for line in unified_diff(direct, seen, "direct", "through the proxy", n=8, lineterm="")][:100]


class Interop:
    def __init__(self, proxy):
        self.proxy = Path(proxy).resolve()
        self.seen = Path(tempfile.mkdtemp())
        self.verdicts = Counter()
        self.direct = {}

    def out(self, *name):
        return self.seen / "-".join(map(str, name))

    async def baseline(self, client, session, transport):
        """What a client sees of a server without a proxy."""
        key = (client, session, transport)
        if key not in self.direct:
            name = ("direct", *key)
            if transport == "stdio":
                target = ("--", server_command(session, transport))
                self.direct[key] = await drive(client, session, *target, self.out(*name))
            else:
                server = await serve(session, transport, self.out("server", *name))
                url = f"http://{server.address.result()}{PATHS[transport]}"
                try:
                    self.direct[key] = await drive(client, session, transport, [url], self.out(*name))
                finally:
                    await server.stop()
        return self.direct[key]

    async def through(self, clients, session, near, far, stack):
        """What several clients see that share a proxy. Afterwards none of their sessions is left."""
        name = (session, near, far, stack, *(clients if len(clients) == 1 else ()))
        server, target = None, ["--", *server_command(session, far)]
        if far != "stdio":
            server = await serve(session, far, self.out("server", *name))
            target = ["--upstream", f"http://{server.address.result()}{PATHS[far]}"]
        command = [self.proxy, "--listen", "127.0.0.1:0", "--stack", stack, *target]
        proxy = await Process.start(*command, log=self.out("proxy", *name))
        url = f"http://{proxy.address.result()}{PATHS[near]}"
        try:
            outs = [self.out(*name, client, number) for number, client in enumerate(clients)]
            runs = [drive(client, session, near, [url], out) for client, out in zip(clients, outs, strict=True)]
            seen = await asyncio.gather(*runs, return_exceptions=True)
            await self.nothing_left(proxy, server, session, far)
        finally:
            status = await proxy.stop()
            if server:
                await server.stop()
        if status != 0:
            raise Failed(f"the proxy ended with {status}")
        return seen

    async def nothing_left(self, proxy, server, session, far):
        async def one_child():
            # what stands alone has a process of its own
            return len(await children(proxy, server_command(session, far))) == 1

        async def all_ended():
            began, ended = (server.said(what) for what in SAID[far])
            return began == ended > 0

        if far == "stdio":
            await until("children of ended sessions are left", one_child)
        elif session == "everything":
            await until("sessions are left at the server", all_ended)

    async def route(self, route):
        session, transports = route.split(":")
        near, far = transports.split("-")
        groups = [[client] for client in CLIENTS] if session in APART else [TOGETHER]
        stacks = ["none", "standard"]
        runs = [self.through(clients, session, near, far, stack) for stack in stacks for clients in groups]
        who = [(stack, clients) for stack in stacks for clients in groups]
        baselines = (self.baseline(client, session, far) for client in CLIENTS)
        direct = dict(zip(CLIENTS, await asyncio.gather(*baselines, return_exceptions=True), strict=True))
        seen = await asyncio.gather(*runs, return_exceptions=True)
        for (stack, clients), group in zip(who, seen, strict=True):
            group = [group] * len(clients) if isinstance(group, BaseException) else group
            for client, steps in zip(clients, group, strict=True):
                self.verdict(f"{client} {route} {stack}", direct[client], steps, 2 if "streamable" in transports else 1)

    def verdict(self, name, direct, seen, streams):
        for which, steps in (("without a proxy", direct), ("failed", seen)):
            if isinstance(steps, BaseException):
                say(f"interop {name}: {which}: {steps if isinstance(steps, Failed) else repr(steps)}")
                self.verdicts["failed"] += 1
                return
        if found := differences(direct, seen, streams):
            say(f"interop {name}: differs ('-' is direct, '+' is through the proxy)", *found, sep="\n")
            self.verdicts["failed"] += 1
        else:
            say(f"interop {name}: {len(seen)} steps, same")
            self.verdicts["passed"] += 1


async def main(proxy, *routes):
    interop = Interop(proxy)
    for route in routes or ROUTES:
        await interop.route(route)
    passed, failed = (interop.verdicts[verdict] for verdict in ("passed", "failed"))
    say(f"{passed} passed, {failed} failed; the transcripts are in {interop.seen}")
    return failed != 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(asyncio.run(main(*sys.argv[1:])))
