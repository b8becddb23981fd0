"""The session with server-everything: all it offers, and all it asks for."""

from contextlib import suppress
from uuid import uuid4

import anyio
from mcp_types import (
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    CancelTaskRequest,
    CancelTaskRequestParams,
    CancelTaskResult,
    CreateTaskResult,
    EmptyResult,
    GetTaskPayloadRequest,
    GetTaskPayloadRequestParams,
    GetTaskRequest,
    GetTaskRequestParams,
    GetTaskResult,
    ListTasksRequest,
    ListTasksResult,
    PromptReference,
    Request,
    ResourceTemplateReference,
    Root,
    TaskMetadata,
)
from pydantic import ValidationError

from transcript import AS_IT_IS, method, outcome, plain

TEXT = "demo://resource/dynamic/text/1"
BLOB = "demo://resource/dynamic/blob/2"
DOCUMENT = "demo://resource/static/document/features.md"
# A name of its own: the server takes a name from one session when another uses it.
MINE = "0" * 32 if AS_IT_IS else uuid4().hex

# What every tool is called with; a tool the server lists and this table does not fails the run.
ARGUMENTS = {
    "echo": [{"message": "plain"}, {"message": 'žluť 🐈 "\\" \u2028 line\nline\t\x01'}],
    "get-annotated-message": [{"messageType": "error", "includeImage": True}, {"messageType": "debug"}],
    "get-env": [{}],
    "get-resource-links": [{"count": 4}],
    "get-resource-reference": [{"resourceType": "Text", "resourceId": 3}, {"resourceType": "Blob", "resourceId": 4}],
    "get-roots-list": [{}],
    "get-structured-content": [{"location": "Chicago"}],
    "get-sum": [{"a": 2, "b": 40}, {"a": 0.1, "b": 1e21}],
    "get-tiny-image": [{}],
    "gzip-file-as-resource": [
        {"name": f"{MINE}-a.gz", "data": "data:text/plain,aaaaaaaa", "outputType": "resource"},
        {"name": f"{MINE}-b.gz", "data": "data:text/plain," + "b" * 100_000, "outputType": "resourceLink"},
    ],
    "trigger-sampling-request": [{"prompt": "Say something", "maxTokens": 20}],
}
# These have steps of their own.
APART = {
    "simulate-research-query",
    "toggle-simulated-logging",
    "toggle-subscriber-updates",
    "trigger-elicitation-request",
    "trigger-long-running-operation",
    "trigger-url-elicitation",
}


class Everything:
    def __init__(self, client, wire, transcript, user):
        self.client, self.wire, self.user = client, wire, user
        self.step = transcript.step

    async def run(self):
        await self.step("initialize", self.initialize)
        await self.step("ping", self.client.send_ping)
        await self.tools()
        await self.tool_steps()
        await self.step("roots changed", self.roots_changed)
        await self.step("logging", self.logging)
        await self.step("progress", self.progress)
        await self.step("cancellation", self.cancellation)
        await self.prompts()
        await self.resources()
        await self.completion()
        await self.tasks()
        await self.errors()
        await self.step("a large answer", lambda: self.call("echo", {"message": "ž🐈" * 150_000}))
        await self.step("fifty calls at once", self.fifty_at_once, sort=True)

    def call(self, tool, arguments=None, **options):
        return outcome(self.client.call_tool(tool, arguments or {}, **options))

    async def initialize(self):
        # The server asks for the roots 350 ms after the handshake, and logs once it has them:
        # from here on it sends nothing it was not asked for.
        await self.wire.wait_for(roots_updated)
        return {
            "protocol": self.client.protocol_version,
            "server": plain(self.client.server_info),
            "capabilities": plain(self.client.server_capabilities),
            "instructions": self.client.instructions,
        }

    async def tools(self):
        listed = []

        async def list_tools():
            answer = await self.client.list_tools()
            listed.extend(tool.name for tool in answer.tools)
            return answer

        await self.step("tools/list", list_tools)
        if unknown := set(listed) - set(ARGUMENTS) - APART:
            raise RuntimeError(f"no arguments for the tools {sorted(unknown)}")
        for tool in listed:
            for arguments in ARGUMENTS.get(tool, []):
                hide = hide_environment if tool == "get-env" else None
                await self.step(f"tool {tool}", lambda: self.call(tool, arguments), hide=hide)

    async def tool_steps(self):
        url = {"url": "https://example.org/", "message": "Open it"}
        form, open_url = "trigger-elicitation-request", "trigger-url-elicitation"
        for action in ["decline", "cancel", "accept"]:
            self.user.action = action
            await self.step(f"tool {form}: {action}", lambda: self.call(form))
            await self.step(f"tool {open_url}: {action}", lambda: self.call(open_url, url))
        # The first call fails with -32042; the same call again goes through.
        for attempt in ["error", "retry"]:
            await self.step(f"tool {open_url}: {attempt}", lambda: self.call(open_url, {**url, "errorPath": True}))

    async def roots_changed(self):
        self.user.roots = self.user.roots + [Root(uri="file:///tmp/two")]
        await self.client.send_roots_list_changed()
        await self.wire.wait_for(roots_updated)
        return await self.call("get-roots-list")

    async def logging(self):
        tool = "toggle-simulated-logging"
        answers = [await outcome(self.client.set_logging_level("debug")), await self.call(tool)]
        log = await self.wire.wait_for(method("notifications/message"))
        # One of eight messages, picked at random.
        params = log["params"]
        if params["level"] not in params["data"].lower():
            raise RuntimeError(f"not a message of the server's: {log}")
        log["params"] = {"level": "LEVEL", "data": "DATA"}
        answers += [await self.call(tool), await outcome(self.client.set_logging_level("error"))]
        # Below the level now: no log of this subscription may arrive.
        answers += [await outcome(self.client.subscribe_resource(TEXT))]
        answers += [await outcome(self.client.unsubscribe_resource(TEXT))]
        return answers + [await outcome(self.client.set_logging_level("debug"))]

    async def progress(self):
        reported = []

        async def report(progress, total, message):
            reported.append([progress, total, message])

        arguments = {"duration": 0.8, "steps": 4}
        answer = await self.call("trigger-long-running-operation", arguments, progress_callback=report)
        while len(reported) < 4:  # the SDK reports from a task of its own
            await anyio.sleep(0.01)
        return [answer, reported]

    async def cancellation(self):
        async def ignore(*_):
            pass

        async with anyio.create_task_group() as tasks:
            arguments = {"duration": 2, "steps": 4}
            tasks.start_soon(lambda: self.call("trigger-long-running-operation", arguments, progress_callback=ignore))
            first = await self.wire.wait_for(method("notifications/progress"))
            tasks.cancel_scope.cancel()
        token = first["params"]["progressToken"]
        answers = [await outcome(self.client.send_ping()), await self.call("echo", {"message": "still here"})]
        # Longer than the operation: it must have ended without an answer. The server goes on
        # reporting progress; whether that reaches a client that no longer asks is the proxy's choice.
        await anyio.sleep(2)
        if any(message.get("id") == token for message in self.wire.messages):
            raise RuntimeError("a cancelled call was answered")
        self.wire.messages = [m for m in self.wire.messages if m is first or m.get("method") != first["method"]]
        return answers

    async def prompts(self):
        await self.step("prompts/list", self.client.list_prompts)
        for name, arguments in [
            ("simple-prompt", None),
            ("args-prompt", {"city": "Brno"}),
            ("args-prompt", {"city": "Austin", "state": "Texas"}),
            ("completable-prompt", {"department": "Sales", "name": "Eve"}),
            ("resource-prompt", {"resourceType": "Text", "resourceId": "5"}),
            ("resource-prompt", {"resourceType": "Blob", "resourceId": "6"}),
        ]:
            await self.step(f"prompt {name}", lambda: outcome(self.client.get_prompt(name, arguments)))

    async def resources(self):
        await self.step("resources/list", self.client.list_resources)
        await self.step("resources/templates/list", self.client.list_resource_templates)
        for uri in [TEXT, BLOB, DOCUMENT, f"demo://resource/session/{MINE}-b.gz"]:
            await self.step(f"resource {uri}", lambda: outcome(self.client.read_resource(uri)))
        await self.step("subscription", self.subscription)

    async def subscription(self):
        tool = "toggle-subscriber-updates"
        answers = [await outcome(self.client.subscribe_resource(uri)) for uri in (TEXT, DOCUMENT)]
        answers += [await outcome(self.client.unsubscribe_resource(TEXT)), await self.call(tool)]
        await self.wire.wait_for(method("notifications/resources/updated"))
        answers += [await self.call(tool), await outcome(self.client.unsubscribe_resource(DOCUMENT))]
        return answers

    async def completion(self):
        prompt = PromptReference(name="completable-prompt")
        template = ResourceTemplateReference(uri="demo://resource/dynamic/text/{resourceId}")
        for reference, argument, context in [
            (prompt, {"name": "department", "value": ""}, None),
            (prompt, {"name": "name", "value": "A"}, {"department": "Engineering"}),
            (template, {"name": "resourceId", "value": "12"}, None),
            (template, {"name": "resourceId", "value": "none"}, None),
        ]:
            await self.step("completion", lambda: outcome(self.client.complete(reference, argument, context)))

    async def tasks(self):
        """Tasks of 2025-11-25: a tool that answers later, and asks on the way."""
        send = self.client.session.send_request

        async def start(topic):
            params = CallToolRequestParams(
                name="simulate-research-query",
                arguments={"topic": topic, "ambiguous": True},
                task=TaskMetadata(ttl=60_000),
            )
            # The SDK takes only the finished answer to a call, so the task is read off the wire.
            with suppress(ValidationError):
                await send(CallToolRequest(params=params), CreateTaskResult)
            return next(m["result"]["task"]["taskId"] for m in self.wire.messages if "task" in m.get("result", {}))

        async def finished():
            task = await start("owls")
            # Waits for the end; the elicitation arrives while it does.
            result = GetTaskPayloadRequest(params=GetTaskPayloadRequestParams(task_id=task))
            status = GetTaskRequest(params=GetTaskRequestParams(task_id=task))
            return [plain(await send(result, CallToolResult)), plain(await send(status, GetTaskResult))]

        async def cancelled():
            task = await start("cats")
            cancel = CancelTaskRequest(params=CancelTaskRequestParams(task_id=task))
            answers = [plain(await send(cancel, CancelTaskResult))]
            return answers + [await outcome(send(cancel, CancelTaskResult))]

        await self.step("a task", finished)
        await self.step("a cancelled task", cancelled)
        await self.step("tasks/list", lambda: send(ListTasksRequest(), ListTasksResult))

    async def errors(self):
        client = self.client
        unknown = Request(method="interop/unknown", params=None)
        for name, call in [
            ("unknown tool", lambda: self.call("no-such-tool")),
            ("bad arguments", lambda: self.call("get-sum", {"a": "one"})),
            ("no task", lambda: self.call("simulate-research-query", {"topic": "dogs"})),
            ("unknown method", lambda: outcome(client.session.send_request(unknown, EmptyResult))),
            ("unknown prompt", lambda: outcome(client.get_prompt("no-such-prompt"))),
            ("missing argument", lambda: outcome(client.get_prompt("args-prompt"))),
            ("unknown resource", lambda: outcome(client.read_resource("demo://nowhere"))),
            ("bad resource", lambda: outcome(client.read_resource("demo://resource/dynamic/text/zero"))),
        ]:
            await self.step(f"error: {name}", call)

    async def fifty_at_once(self):
        answers = {}

        async def echo(number):
            answers[number] = await self.call("echo", {"message": f"call {number}"})

        async with anyio.create_task_group() as tasks:
            for number in range(50):
                tasks.start_soon(echo, number)
        if refused := [answer for answer in answers.values() if "error" in answer]:
            raise RuntimeError(f"{len(refused)} of fifty were refused: {refused[0]}")
        texts = [answers[number]["content"][0]["text"] for number in range(50)]
        if texts != [f"Echo: call {number}" for number in range(50)]:
            raise RuntimeError(f"answers went to other calls: {texts}")
        return texts


def roots_updated(message):
    return method("notifications/message")(message) and "Roots updated" in message["params"]["data"]


def hide_environment(line):
    """A proxy hands its child another environment by design: only that there is one is compared."""

    def hide(value):
        if isinstance(value, str) and value.startswith('{\n  "'):
            return "ENVIRONMENT"
        if isinstance(value, list):
            return [hide(item) for item in value]
        if isinstance(value, dict):
            return {key: hide(item) for key, item in value.items()}
        return value

    return hide(line)


async def everything(client, wire, transcript, user):
    await Everything(client, wire, transcript, user).run()
