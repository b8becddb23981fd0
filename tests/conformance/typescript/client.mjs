// The client that the suite's scenarios ask for, in TypeScript's SDK.
//
//     client.mjs URL      the scenario and its revision are in the environment, as the suite gives them
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

import { authorizing, registered } from './oauth.mjs';

const info = { name: 'shadowcat-fixture', version: '1.0.0' };
const scenario = process.env.MCP_CONFORMANCE_SCENARIO ?? '';
const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}');
const isModern = process.env.MCP_CONFORMANCE_PROTOCOL_VERSION === '2026-07-28';

/** A client that is told the era finds out for itself nevertheless: the suite looks at that, too. */
async function connected(url, { capabilities = {}, modern = isModern, fetch, handle = () => {} } = {}) {
    const client = new Client(info, { capabilities, ...(modern && { versionNegotiation: { mode: 'auto' } }) });
    handle(client);
    await client.connect(new StreamableHTTPClientTransport(new URL(url), { fetch }));
    return client;
}

/** Some of the suite's servers do not know `server/discover`, and are modern all the same. */
async function discovered(input, init) {
    const message = typeof init?.body === 'string' ? JSON.parse(init.body) : {};
    if (message.method !== 'server/discover') return fetch(input, init);
    const result = {
        supportedVersions: ['2026-07-28'],
        capabilities: { tools: { listChanged: true }, resources: {}, prompts: {} },
        _meta: { 'io.modelcontextprotocol/serverInfo': info }
    };
    return Response.json({ jsonrpc: '2.0', id: message.id, result });
}

const undiscovered = (url, options) => connected(url, { ...options, modern: true, fetch: discovered });
const call = (client, name, args = {}) => client.callTool({ name, arguments: args });

async function lists(url) {
    const client = await connected(url);
    await client.listTools();
    return client;
}

async function calls(url) {
    const client = await connected(url);
    await client.listTools();
    await call(client, 'add_numbers', { a: 5, b: 3 });
    return client;
}

async function elicited(url) {
    const capabilities = { elicitation: { form: { applyDefaults: true } } };
    const accept = async () => ({ action: 'accept', content: {} });
    const client = await connected(url, { capabilities, handle: client => client.setRequestHandler('elicitation/create', accept) });
    await client.listTools();
    await call(client, 'test_client_elicitation_defaults');
    return client;
}

async function retried(url) {
    const client = await connected(url);
    await client.listTools();
    await call(client, 'test_reconnection');
    return client;
}

async function preserved(url) {
    const client = await connected(url);
    const { tools } = await client.listTools();
    const schema = tools.find(tool => tool.name === 'json_schema_2020_12_tool').inputSchema;
    await call(client, 'json_schema_echo', { schema });
    return client;
}

const announced = url =>
    connected(url, { modern: true, capabilities: { roots: { listChanged: true }, sampling: {}, elicitation: {} } });

async function rounds(url) {
    const capabilities = { elicitation: {} };
    const accept = async () => ({ action: 'accept', content: { confirmed: true } });
    const client = await undiscovered(url, {
        capabilities,
        handle: client => client.setRequestHandler('elicitation/create', accept)
    });
    for (const tool of ['echo_state', 'no_state', 'unrelated']) await call(client, `test_mrtr_${tool}`);
    // The SDK takes a result without its type for an error, and does not ask again.
    await call(client, 'test_mrtr_no_result_type').catch(() => {});
    return client;
}

async function mirrors(url) {
    const client = await undiscovered(url);
    const { tools } = await client.listTools();
    for (const tool of tools) await call(client, tool.name);
    const { resources } = await client.listResources();
    for (const { uri } of resources) await client.readResource({ uri });
    const { prompts } = await client.listPrompts();
    for (const { name } of prompts) await client.getPrompt({ name, arguments: {} });
    return client;
}

async function mirrorsArguments(url) {
    const client = await undiscovered(url);
    await client.listTools();
    for (const { name, arguments: args } of context.toolCalls ?? []) await call(client, name, args);
    return client;
}

async function callsWhatIsListed(url) {
    const client = await undiscovered(url);
    const { tools } = await client.listTools();
    for (const { name } of tools) await call(client, name, { region: 'us-west1' }).catch(() => {});
    return client;
}

const authorized = provider => async url => {
    const client = await connected(url, { modern: true, fetch: authorizing(url, provider) });
    await client.listTools();
    await call(client, 'test-tool');
    return client;
};

const SCENARIOS = {
    initialize: lists,
    tools_call: calls,
    'elicitation-sep1034-client-defaults': elicited,
    'sse-retry': retried,
    'json-schema-2020-12-preservation': preserved,
    'json-schema-ref-no-deref': lists,
    'request-metadata': announced,
    'sep-2322-client-request-state': rounds,
    'http-standard-headers': mirrors,
    'http-custom-headers': mirrorsArguments,
    'http-invalid-tool-headers': callsWhatIsListed,
    'auth/pre-registration': authorized(registered(context))
};

const run = SCENARIOS[scenario] ?? (scenario.startsWith('auth/') ? authorized() : undefined);
if (!run) {
    console.error(`no scenario ${scenario}`);
    process.exit(2);
}
try {
    const client = await run(process.argv[2]);
    await client.close();
    process.exit(0);
} catch (error) {
    console.error(error);
    process.exit(1);
}
