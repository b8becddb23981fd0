"""Tools of the session-based revisions that ask the client something while they run."""

from mcp.server.mcpserver import Context, MCPServer
from mcp.types import SamplingMessage
from pydantic import BaseModel, Field

from content import add_tools, text


def options(**extra):
    return Field(json_schema_extra=extra)


def titled(*pairs):
    return [{"const": value, "title": title} for value, title in pairs]


class Person(BaseModel):
    username: str
    email: str


class Defaults(BaseModel):
    name: str = "John Doe"
    age: int = 30
    score: float = 95.5
    status: str = Field(default="active", json_schema_extra={"enum": ["active", "inactive", "pending"]})
    verified: bool = True


class Enums(BaseModel):
    untitledSingle: str = options(enum=["option1", "option2", "option3"])
    titledSingle: str = options(oneOf=titled(("value1", "First"), ("value2", "Second"), ("value3", "Third")))
    legacyEnum: str = options(enum=["opt1", "opt2", "opt3"], enumNames=["One", "Two", "Three"])
    untitledMulti: list[str] = options(items={"type": "string", "enum": ["option1", "option2", "option3"]})
    titledMulti: list[str] = options(
        items={"anyOf": titled(("value1", "First"), ("value2", "Second"), ("value3", "Third"))}
    )


async def asked(ctx: Context, message: str, schema: type[BaseModel]) -> str:
    answer = await ctx.elicit(message=message, schema=schema)
    content = answer.data.model_dump_json() if answer.action == "accept" else "{}"
    return f"User response: action={answer.action}, content={content}"


async def test_sampling(prompt: str, ctx: Context) -> str:
    answer = await ctx.session.create_message(
        messages=[SamplingMessage(role="user", content=text(prompt))],
        max_tokens=100,
        # On the stream of this call; without it, it would go to one that need not be open.
        related_request_id=ctx.request_id,
    )
    return f"LLM response: {answer.content.text}"


async def test_elicitation(message: str, ctx: Context) -> str:
    return await asked(ctx, message, Person)


async def test_elicitation_sep1034_defaults(ctx: Context) -> str:
    return await asked(ctx, "Please fill in the form", Defaults)


async def test_elicitation_sep1330_enums(ctx: Context) -> str:
    return await asked(ctx, "Please select", Enums)


TOOLS = [test_sampling, test_elicitation, test_elicitation_sep1034_defaults, test_elicitation_sep1330_enums]


def register(server: MCPServer) -> None:
    add_tools(server, TOOLS)
