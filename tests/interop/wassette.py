"""A session with Wassette: its own tools, and a component that is loaded, called and taken away again."""

import os

from transcript import method, outcome, plain


async def wassette(client, wire, transcript, _user):
    def call(tool, **arguments):
        return lambda: outcome(client.call_tool(tool, arguments))

    async def negotiated():
        return [client.protocol_version, plain(client.server_info), plain(client.server_capabilities)]

    async def changing(tool, **arguments):
        answer = await call(tool, **arguments)()
        await wire.wait_for(method("notifications/tools/list_changed"))
        return answer

    permission = {"component_id": "echo", "details": {"host": "example.com"}}
    await transcript.step("connect", negotiated)
    await transcript.step("ping", client.send_ping)
    await transcript.step("tools/list", client.list_tools)
    await transcript.step("load", lambda: changing("load-component", path=os.environ["WASSETTE_COMPONENT"]))
    await transcript.step("tools/list with it", client.list_tools)
    await transcript.step("components", call("list-components"))
    await transcript.step("echo", call("echo", s="žluť 🐈 \u2028"))
    await transcript.step("grant", call("grant-network-permission", **permission))
    await transcript.step("policy", call("get-policy", component_id="echo"))
    await transcript.step("no such file", call("load-component", path="file:///no/such.wasm"))
    await transcript.step("unknown tool", call("no-such-tool"))
    await transcript.step("unload", lambda: changing("unload-component", id="echo"))
    await transcript.step("components without it", call("list-components"))
