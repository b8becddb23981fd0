"""Tools that say something before they answer, or to somebody else than their caller."""

import anyio
from mcp.server.mcpserver import Context, MCPServer

from content import add_tools


async def test_tool_with_logging(ctx: Context) -> str:
    await ctx.info("Tool execution started")
    await anyio.sleep(0.05)
    await ctx.info("Tool processing data")
    await anyio.sleep(0.05)
    await ctx.info("Tool execution completed")
    return "logged"


async def test_tool_with_progress(ctx: Context) -> str:
    for progress in (0, 50, 100):
        await ctx.report_progress(progress=progress, total=100)
        if progress < 100:
            await anyio.sleep(0.05)
    return "done"


async def test_logging_tool(ctx: Context) -> str:
    """Says nothing unless the request asked for logs of its level."""
    await ctx.info("test_logging_tool ran")
    return "logged"


async def test_reconnection(ctx: Context) -> str:
    """Over HTTP the caller has to come back for the answer; stdio has no stream to close."""
    await ctx.close_sse_stream()
    await anyio.sleep(0.3)
    return "reconnected"


async def test_trigger_tool_change(ctx: Context) -> str:
    await ctx.notify_tools_changed()
    return "told"


async def test_trigger_prompt_change(ctx: Context) -> str:
    await ctx.notify_prompts_changed()
    return "told"


TOOLS = [
    test_tool_with_logging,
    test_tool_with_progress,
    test_logging_tool,
    test_reconnection,
    test_trigger_tool_change,
    test_trigger_prompt_change,
]


def register(server: MCPServer) -> None:
    add_tools(server, TOOLS)
