// Tools and prompts of 2026-07-28 that answer with a question until they are called with what they asked for.
import { randomBytes } from 'node:crypto';
import {
    acceptedContent,
    CLIENT_CAPABILITIES_META_KEY,
    createRequestStateCodec,
    inputRequired
} from '@modelcontextprotocol/server';

import { object, text, tool } from './shapes.mjs';

/** Seals what comes back through the client: state that was changed on the way is refused before a tool sees it. */
export const states = createRequestStateCodec({ key: randomBytes(32) });

const string = { type: 'string' };
const ask = {
    name: (message = 'What is your name?') => inputRequired.elicit({ message, requestedSchema: object({ name: string }) }),
    color: () =>
        inputRequired.elicit({ message: 'Step 2: What is your favorite color?', requestedSchema: object({ color: string }) }),
    ok: () => inputRequired.elicit({ message: 'Please confirm', requestedSchema: object({ ok: { type: 'boolean' } }) }),
    context: () =>
        inputRequired.elicit({
            message: 'What context should the prompt use?',
            requestedSchema: object({ context: string })
        }),
    model: (prompt, maxTokens) =>
        inputRequired.createMessage({ messages: [{ role: 'user', content: { type: 'text', text: prompt } }], maxTokens }),
    roots: () => inputRequired.listRoots()
};

const accepted = (ctx, key) => acceptedContent(ctx.mcpReq.inputResponses, key);
const answered = (ctx, key) => ctx.mcpReq.inputResponses?.[key];

function byName(_, ctx) {
    const name = accepted(ctx, 'user_name')?.name;
    return typeof name === 'string' ? text(`Hello, ${name}!`) : inputRequired({ inputRequests: { user_name: ask.name() } });
}

function bySampling(key, prompt, maxTokens) {
    return (_, ctx) => {
        const answer = answered(ctx, key);
        if (answer === undefined) return inputRequired({ inputRequests: { [key]: ask.model(prompt, maxTokens) } });
        return text(`Model said: ${answer.content?.text}`);
    };
}

function byRoots(_, ctx) {
    const roots = answered(ctx, 'client_roots')?.roots;
    if (!Array.isArray(roots)) return inputRequired({ inputRequests: { client_roots: ask.roots() } });
    return text(`Roots: ${roots.map(root => root.uri).join(', ')}`);
}

async function byState(_, ctx) {
    if (accepted(ctx, 'confirm') !== undefined && ctx.mcpReq.requestState() !== undefined) return text('state-ok');
    return inputRequired({ inputRequests: { confirm: ask.ok() }, requestState: await states.mint({ round: 1 }) });
}

async function byAll(_, ctx) {
    const name = accepted(ctx, 'user_name')?.name;
    const greeting = answered(ctx, 'greeting')?.content?.text;
    const roots = answered(ctx, 'client_roots')?.roots;
    if (typeof name === 'string' && typeof greeting === 'string' && Array.isArray(roots)) {
        return text(`${greeting} ${name}, ${roots.length} root(s)`);
    }
    const inputRequests = { user_name: ask.name(), greeting: ask.model('Generate a greeting', 50), client_roots: ask.roots() };
    return inputRequired({ inputRequests, requestState: await states.mint({ round: 1 }) });
}

async function byRounds(_, ctx) {
    const { round = 0, name } = ctx.mcpReq.requestState() ?? {};
    if (round === 0) {
        const inputRequests = { step1: ask.name('Step 1: What is your name?') };
        return inputRequired({ inputRequests, requestState: await states.mint({ round: 1 }) });
    }
    if (round === 1) {
        const given = accepted(ctx, 'step1')?.name;
        return inputRequired({ inputRequests: { step2: ask.color() }, requestState: await states.mint({ round: 2, name: given }) });
    }
    return text(`${name} likes ${accepted(ctx, 'step2')?.color}`);
}

function byCapability(_, ctx) {
    if (ctx.mcpReq.inputResponses !== undefined) return text('answered');
    const declared = ctx.mcpReq.envelope?.[CLIENT_CAPABILITIES_META_KEY] ?? {};
    const inputRequests = {};
    if (declared.elicitation) inputRequests.user_name = ask.name();
    if (declared.sampling) inputRequests.greeting = ask.model('Generate a greeting', 50);
    if (declared.roots) inputRequests.client_roots = ask.roots();
    return Object.keys(inputRequests).length ? inputRequired({ inputRequests }) : text('nothing to ask with');
}

export function rounds(server) {
    const prefix = 'test_input_required_result';
    tool(server, `${prefix}_elicitation`, byName);
    tool(server, `${prefix}_sampling`, bySampling('capital_question', 'What is the capital of France?', 100));
    tool(server, `${prefix}_list_roots`, byRoots);
    tool(server, `${prefix}_request_state`, byState);
    tool(server, `${prefix}_multiple_inputs`, byAll);
    tool(server, `${prefix}_multi_round`, byRounds);
    tool(server, `${prefix}_tampered_state`, byState);
    tool(server, `${prefix}_capabilities`, byCapability);
    // Called without the capability, it must be refused as such.
    tool(server, 'test_missing_capability', bySampling('llm_answer', 'Say pong', 16));
    server.registerPrompt(`${prefix}_prompt`, { description: 'Asks before it answers' }, ctx => {
        const context = accepted(ctx, 'user_context')?.context;
        if (typeof context !== 'string') return inputRequired({ inputRequests: { user_context: ask.context() } });
        return { messages: [{ role: 'user', content: { type: 'text', text: `Use ${context}` } }] };
    });
}
