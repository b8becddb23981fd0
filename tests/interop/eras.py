"""Sessions with servers that speak 2026-07-28: what it adds, and the same calls in both eras."""

import anyio

from transcript import method, outcome, plain


class Modern:
    def __init__(self, client, wire, transcript):
        self.client, self.wire, self.step = client, wire, transcript.step

    async def run(self):
        await self.step("connect", self.connect)
        await self.step("tools/list", self.client.list_tools)
        await self.step("echo", lambda: self.call("echo", {"message": "žluť 🐈 \u2028"}))
        await self.step("input required", lambda: self.call("ask"))
        await self.step("progress and logs", self.progress)
        await self.step("cancellation", self.cancellation)
        await self.step("subscription", self.subscription)
        await self.step("unknown tool", lambda: self.call("no-such-tool"))
        await self.step("bad arguments", lambda: self.call("work", {"steps": "two"}))

    def call(self, tool, arguments=None, **options):
        return outcome(self.client.call_tool(tool, arguments or {}, **options))

    async def connect(self):
        client = self.client
        return [client.protocol_version, plain(client.server_info), plain(client.server_capabilities)]

    async def progress(self):
        reported = []

        async def report(*progress):
            reported.append(progress)

        answer = await self.call("work", {"steps": 3}, progress_callback=report)
        while len(reported) < 3:  # the SDK reports from a task of its own
            await anyio.sleep(0.01)
        return [answer, reported]

    async def cancellation(self):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.call, "work", {"steps": 20})
            first = await self.wire.wait_for(method("notifications/message"))
            tasks.cancel_scope.cancel()
        answer = await self.call("echo", {"message": "still here"})
        # Longer than the step in hand: nothing about the cancelled call may come after the answer.
        seen = len(self.wire.messages)
        await anyio.sleep(0.6)
        if self.wire.messages[seen:]:
            raise RuntimeError(f"after the cancellation: {self.wire.messages[seen:]}")
        self.wire.messages = [m for m in self.wire.messages if m is first or "method" not in m]
        return answer

    async def subscription(self):
        async with self.client.listen(tools_list_changed=True, prompts_list_changed=True) as changes:
            answer = await self.call("hide-extra")
            event = await anext(aiter(changes))
            return [plain(changes.honored), repr(event), answer, plain(await self.client.list_tools())]


async def modern(client, wire, transcript, _user):
    await Modern(client, wire, transcript).run()


async def time(client, _wire, transcript, _user):
    def call(tool, **arguments):
        return lambda: outcome(client.call_tool(tool, arguments))

    async def negotiated():
        return [client.protocol_version, plain(client.server_info), plain(client.server_capabilities)]

    convert = {"source_timezone": "UTC", "time": "12:30", "target_timezone": "Asia/Kathmandu"}
    await transcript.step("connect", negotiated)
    await transcript.step("tools/list", client.list_tools)
    await transcript.step("now", call("get_current_time", timezone="Asia/Tokyo"))
    await transcript.step("convert", call("convert_time", **convert))
    await transcript.step("bad zone", call("get_current_time", timezone="Mars/Olympus"))
    await transcript.step("bad arguments", call("convert_time", time=5))
    await transcript.step("unknown tool", call("no_such_tool"))
