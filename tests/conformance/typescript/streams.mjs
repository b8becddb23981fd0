// Tools that say something before they answer, or to somebody else than their caller.
import { pause, text, tool } from './shapes.mjs';

const log = (ctx, data) => ctx.mcpReq.notify({ method: 'notifications/message', params: { level: 'info', data } });

async function progress(_, ctx) {
    const progressToken = ctx.mcpReq._meta?.progressToken;
    for (const progress of [0, 50, 100]) {
        if (progressToken !== undefined) {
            await ctx.mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 100 } });
        }
        if (progress < 100) await pause(50);
    }
    return text(String(progressToken));
}

export function streams(server, changed) {
    tool(server, 'test_tool_with_logging', async (_, ctx) => {
        await log(ctx, 'Tool execution started');
        await pause(50);
        await log(ctx, 'Tool processing data');
        await pause(50);
        await log(ctx, 'Tool execution completed');
        return text('logged');
    });
    tool(server, 'test_tool_with_progress', progress);
    // Says nothing unless the request asked for logs of its level.
    tool(server, 'test_logging_tool', async (_, ctx) => {
        await ctx.mcpReq.log('info', 'test_logging_tool ran');
        return text('logged');
    });
    tool(server, 'test_reconnection', async (_, ctx) => {
        // Over HTTP the caller has to come back for the answer; stdio has no stream to close.
        ctx.http?.closeSSE?.();
        await pause(300);
        return text('reconnected');
    });
    tool(server, 'test_trigger_tool_change', () => {
        changed.toolsChanged();
        return text('told');
    });
    tool(server, 'test_trigger_prompt_change', () => {
        changed.promptsChanged();
        return text('told');
    });
}
