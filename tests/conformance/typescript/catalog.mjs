// Resources, prompts, completions and levels.
import { fromJsonSchema, ResourceTemplate } from '@modelcontextprotocol/server';

import { object, PNG } from './shapes.mjs';

function resource(server, name, mimeType, contents) {
    const uri = `test://${name}`;
    server.registerResource(name, uri, { description: `What the scenarios call ${uri}`, mimeType }, () => ({
        contents: [{ uri, mimeType, ...contents }]
    }));
}

function resources(server) {
    resource(server, 'static-text', 'text/plain', { text: 'This is the content of the static text resource.' });
    resource(server, 'static-binary', 'image/png', { blob: PNG });
    resource(server, 'watched-resource', 'text/plain', { text: 'Watched' });
    const template = new ResourceTemplate('test://template/{id}/data', { list: undefined });
    const mimeType = 'application/json';
    server.registerResource('template', template, { description: 'Data by id', mimeType }, (uri, { id }) => {
        const text = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` });
        return { contents: [{ uri: uri.href, mimeType, text }] };
    });
    server.server.setRequestHandler('resources/subscribe', () => ({}));
    server.server.setRequestHandler('resources/unsubscribe', () => ({}));
}

const says = (...contents) => ({ messages: contents.map(content => ({ role: 'user', content })) });
const text = text => ({ type: 'text', text });

function prompt(server, name, properties, run) {
    const argsSchema = properties && fromJsonSchema(object(properties));
    server.registerPrompt(name, { description: `What the scenarios call ${name}`, argsSchema }, run);
}

function prompts(server) {
    const string = { type: 'string' };
    prompt(server, 'test_simple_prompt', undefined, () => says(text('This is a simple prompt for testing.')));
    prompt(server, 'test_prompt_with_arguments', { arg1: string, arg2: string }, ({ arg1, arg2 }) =>
        says(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`))
    );
    prompt(server, 'test_prompt_with_embedded_resource', { resourceUri: string }, ({ resourceUri }) =>
        says(
            {
                type: 'resource',
                resource: { uri: resourceUri, mimeType: 'text/plain', text: 'Embedded resource content for testing.' }
            },
            text('Please process the embedded resource above.')
        )
    );
    prompt(server, 'test_prompt_with_image', undefined, () =>
        says({ type: 'image', data: PNG, mimeType: 'image/png' }, text('Please analyze the image above.'))
    );
}

export function catalog(server) {
    resources(server);
    prompts(server);
    server.server.setRequestHandler('completion/complete', () => ({ completion: { values: [], total: 0, hasMore: false } }));
    server.server.setRequestHandler('logging/setLevel', () => ({}));
}
