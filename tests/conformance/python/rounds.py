"""Tools and prompts of 2026-07-28 that answer with a question until they are called with what they asked for."""

import json

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp.shared.exceptions import MCPError
from mcp.types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
    ListRootsRequest,
    SamplingMessage,
)

from content import add_tools, text


def form(message: str, name: str, kind: str = "string") -> ElicitRequest:
    schema = {"type": "object", "properties": {name: {"type": kind}}, "required": [name]}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def model(prompt: str, max_tokens: int) -> CreateMessageRequest:
    messages = [SamplingMessage(role="user", content=text(prompt))]
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=messages, max_tokens=max_tokens))


def name() -> ElicitRequest:
    return form("What is your name?", "name")


def answer(ctx: Context, key: str):
    return (ctx.input_responses or {}).get(key)


def accepted(ctx: Context, key: str, member: str):
    """What the person wrote into a form, if it was answered."""
    given = answer(ctx, key)
    return given.content.get(member) if isinstance(given, ElicitResult) and given.content else None


def ask(state: str | None = None, **requests) -> InputRequiredResult:
    return InputRequiredResult(input_requests=requests, request_state=state)


async def test_input_required_result_elicitation(ctx: Context) -> str | InputRequiredResult:
    given = accepted(ctx, "user_name", "name")
    return f"Hello, {given}!" if given else ask(user_name=name())


async def test_input_required_result_sampling(ctx: Context) -> str | InputRequiredResult:
    given = answer(ctx, "capital_question")
    if given is None:
        return ask(capital_question=model("What is the capital of France?", 100))
    return f"Model said: {given.content.text}"


async def test_input_required_result_list_roots(ctx: Context) -> str | InputRequiredResult:
    given = answer(ctx, "client_roots")
    if given is None:
        return ask(client_roots=ListRootsRequest())
    return f"Roots: {', '.join(str(root.uri) for root in given.roots)}"


async def test_input_required_result_request_state(ctx: Context) -> str | InputRequiredResult:
    if answer(ctx, "confirm") is None or ctx.request_state is None:
        return ask("round 1", confirm=form("Please confirm", "ok", "boolean"))
    return "state-ok"


async def test_input_required_result_tampered_state(ctx: Context) -> str | InputRequiredResult:
    return await test_input_required_result_request_state(ctx)


async def test_input_required_result_multiple_inputs(ctx: Context) -> str | InputRequiredResult:
    if {"user_name", "greeting", "client_roots"} <= (ctx.input_responses or {}).keys():
        return "all inputs received"
    greeting = model("Generate a greeting", 50)
    return ask("round 1", user_name=name(), greeting=greeting, client_roots=ListRootsRequest())


async def test_input_required_result_multi_round(ctx: Context) -> str | InputRequiredResult:
    state = json.loads(ctx.request_state or '{"round": 0}')
    if state["round"] == 0:
        return ask(json.dumps({"round": 1}), step1=form("Step 1: What is your name?", "name"))
    if state["round"] == 1:
        state = {"round": 2, "name": accepted(ctx, "step1", "name")}
        return ask(json.dumps(state), step2=form("Step 2: What is your favorite color?", "color"))
    return f"{state['name']} likes {accepted(ctx, 'step2', 'color')}"


async def test_input_required_result_capabilities(ctx: Context) -> str | InputRequiredResult:
    if ctx.input_responses:
        return "answered"
    declared, requests = ctx.client_capabilities, {}
    if declared and declared.elicitation is not None:
        requests["user_name"] = name()
    if declared and declared.sampling is not None:
        requests["greeting"] = model("Generate a greeting", 50)
    return ask(**requests) if requests else "nothing to ask with"


async def test_missing_capability(ctx: Context) -> str:
    """Called without the capability, it must be refused as such."""
    if ctx.client_capabilities is None or ctx.client_capabilities.sampling is None:
        data = {"requiredCapabilities": {"sampling": {}}}
        raise MCPError(code=MISSING_REQUIRED_CLIENT_CAPABILITY, message="needs sampling", data=data)
    return "has sampling"


async def test_input_required_result_prompt(ctx: Context) -> list[UserMessage] | InputRequiredResult:
    context = accepted(ctx, "user_context", "context")
    if context is None:
        return ask(user_context=form("What context should the prompt use?", "context"))
    return [UserMessage(content=text(f"Use {context}"))]


TOOLS = [
    test_input_required_result_elicitation,
    test_input_required_result_sampling,
    test_input_required_result_list_roots,
    test_input_required_result_request_state,
    test_input_required_result_tampered_state,
    test_input_required_result_multiple_inputs,
    test_input_required_result_multi_round,
    test_input_required_result_capabilities,
    test_missing_capability,
]


def register(server: MCPServer) -> None:
    add_tools(server, TOOLS)
    server.prompt(description="Asks before it answers")(test_input_required_result_prompt)
