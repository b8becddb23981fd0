"""Resources, prompts, completions and levels."""

import base64
import json

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp.types import Completion, EmptyResult, SetLevelRequestParams, SubscribeRequestParams, UnsubscribeRequestParams

from content import PNG, embedded, image, text


def static_text() -> str:
    return "This is the content of the static text resource."


def static_binary() -> bytes:
    return base64.b64decode(PNG)


def watched() -> str:
    return "Watched"


def template(id: str) -> str:
    return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})


RESOURCES = [
    ("test://static-text", "text/plain", static_text),
    ("test://static-binary", "image/png", static_binary),
    ("test://watched-resource", "text/plain", watched),
    ("test://template/{id}/data", "application/json", template),
]


def says(*contents) -> list[UserMessage]:
    return [UserMessage(content=content) for content in contents]


def test_simple_prompt() -> list[UserMessage]:
    return says(text("This is a simple prompt for testing."))


def test_prompt_with_arguments(arg1: str, arg2: str) -> list[UserMessage]:
    return says(text(f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"))


def test_prompt_with_embedded_resource(resourceUri: str) -> list[UserMessage]:
    resource = embedded(resourceUri, "text/plain", "Embedded resource content for testing.")
    return says(resource, text("Please process the embedded resource above."))


def test_prompt_with_image() -> list[UserMessage]:
    return says(image(), text("Please analyze the image above."))


PROMPTS = [test_simple_prompt, test_prompt_with_arguments, test_prompt_with_embedded_resource, test_prompt_with_image]


async def nothing(ctx, params) -> EmptyResult:
    return EmptyResult()


async def complete(ref, argument, context) -> Completion:
    return Completion(values=[], total=0, has_more=False)


def register(server: MCPServer) -> None:
    for uri, mime_type, resource in RESOURCES:
        description = f"What the scenarios call {uri}"
        server.resource(uri, mime_type=mime_type, description=description)(resource)
    for prompt in PROMPTS:
        server.prompt(description=f"What the scenarios call {prompt.__name__}")(prompt)
    server.completion()(complete)
    # The SDK's own server has no other way to take these.
    low = server._lowlevel_server
    low.add_request_handler("logging/setLevel", SetLevelRequestParams, nothing)
    low.add_request_handler("resources/subscribe", SubscribeRequestParams, nothing)
    low.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, nothing)
