// The fixture over HTTP: a session each for the session-based revisions, a server per request for 2026-07-28.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import {
    localhostHostValidation,
    localhostOriginValidation,
    NodeStreamableHTTPServerTransport,
    toNodeHandler
} from '@modelcontextprotocol/node';
import { classifyInboundRequest, createMcpHandler, isInitializeRequest } from '@modelcontextprotocol/server';

import { fixture } from './fixture.mjs';

const sessions = new Map();
const modern = createMcpHandler(() => fixture(modern.notify));
const answerModern = toNodeHandler(modern);

/** What was sent on a stream, for a client that comes back for the rest. */
function eventStore() {
    const events = [];
    return {
        storeEvent: async (stream, message) => `${stream}_${events.push({ stream, message })}`,
        replayEventsAfter: async (last, { send }) => {
            const [stream, seen] = [last.slice(0, last.lastIndexOf('_')), Number(last.slice(last.lastIndexOf('_') + 1))];
            for (const [at, event] of events.entries()) {
                // A priming event has no message.
                const told = event.stream === stream && at >= seen && Object.keys(event.message ?? {}).length > 0;
                if (told) await send(`${stream}_${at + 1}`, event.message);
            }
            return stream;
        }
    };
}

async function opened() {
    const transport = new NodeStreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        eventStore: eventStore(),
        retryInterval: 500,
        onsessioninitialized: id => sessions.set(id, transport)
    });
    await fixture().connect(transport);
    const close = transport.onclose;
    transport.onclose = () => {
        sessions.delete(transport.sessionId);
        close?.();
    };
    return transport;
}

function refuse(res, status, message) {
    res.writeHead(status, { 'content-type': 'application/json' });
    res.end(JSON.stringify({ jsonrpc: '2.0', error: { code: -32000, message }, id: null }));
}

async function answer(req, res) {
    const body = req.method === 'POST' ? await json(req).catch(() => undefined) : undefined;
    const inbound = classifyInboundRequest({
        httpMethod: req.method,
        protocolVersionHeader: req.headers['mcp-protocol-version'],
        mcpMethodHeader: req.headers['mcp-method'],
        body
    });
    if (req.method === 'POST' && inbound.kind !== 'legacy') return answerModern(req, res, body);
    const id = req.headers['mcp-session-id'];
    if (id === undefined && !isInitializeRequest(body)) return refuse(res, 400, 'Session ID required');
    const transport = id === undefined ? await opened() : sessions.get(id);
    if (!transport) return refuse(res, 404, 'Session not found');
    return transport.handleRequest(req, res, body);
}

/** @returns the URL, once it is listened at. */
export function serveHttp(port) {
    const [host, origin] = [localhostHostValidation(), localhostOriginValidation()];
    const http = createServer((req, res) => {
        if (!host(req, res) || !origin(req, res)) return;
        answer(req, res).catch(error => {
            console.error(error);
            if (!res.headersSent) refuse(res, 500, 'Internal error');
        });
    });
    return new Promise(resolve => {
        http.listen(port, '127.0.0.1', () => resolve(`http://localhost:${http.address().port}/mcp`));
    });
}
