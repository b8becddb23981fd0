// One server with everything that the scenarios name.
import { McpServer } from '@modelcontextprotocol/server';

import { catalog } from './catalog.mjs';
import { content } from './content.mjs';
import { questions } from './questions.mjs';
import { rounds, states } from './rounds.mjs';
import { streams } from './streams.mjs';

const capabilities = {
    tools: { listChanged: true },
    resources: { subscribe: true, listChanged: true },
    prompts: { listChanged: true },
    logging: {},
    completions: {}
};

/**
 * @param changed how a change of a list is told: over HTTP a request of 2026-07-28 has a server of its own, and the
 *   listening stream hangs on another.
 */
export function fixture(changed) {
    const server = new McpServer(
        { name: 'shadowcat-fixture', version: '1.0.0' },
        { capabilities, requestState: { verify: states.verify } }
    );
    const tell = changed ?? {
        toolsChanged: () => server.sendToolListChanged(),
        promptsChanged: () => server.sendPromptListChanged()
    };
    content(server);
    questions(server);
    streams(server, tell);
    rounds(server);
    catalog(server);
    return server;
}
