// Tools that answer at once.
import { PNG, WAV, object, text, tool } from './shapes.mjs';

const rich = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    $defs: {
        address: {
            $anchor: 'addressDef',
            type: 'object',
            properties: { street: { type: 'string' }, city: { type: 'string' } }
        }
    },
    properties: {
        name: { type: 'string' },
        address: { $ref: '#/$defs/address' },
        contactMethod: { type: 'string', enum: ['phone', 'email'] },
        phone: { type: 'string' },
        email: { type: 'string' }
    },
    allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
    if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
    then: { required: ['phone'] },
    else: { required: ['email'] },
    additionalProperties: false
};

const mirrored = {
    type: 'object',
    properties: {
        region: { type: 'string', 'x-mcp-header': 'Region' },
        level: { type: 'integer' }
    }
};

const embedded = (uri, mimeType, text) => ({ type: 'resource', resource: { uri, mimeType, text } });

export function content(server) {
    tool(server, 'test_simple_text', () => text('This is a simple text response for testing.'));
    tool(server, 'test_image_content', () => ({ content: [{ type: 'image', data: PNG, mimeType: 'image/png' }] }));
    tool(server, 'test_audio_content', () => ({ content: [{ type: 'audio', data: WAV, mimeType: 'audio/wav' }] }));
    tool(server, 'test_embedded_resource', () => ({
        content: [embedded('test://embedded-resource', 'text/plain', 'This is an embedded resource content.')]
    }));
    tool(server, 'test_multiple_content_types', () => ({
        content: [
            { type: 'text', text: 'Multiple content types test:' },
            { type: 'image', data: PNG, mimeType: 'image/png' },
            embedded('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}')
        ]
    }));
    tool(server, 'test_error_handling', () => {
        throw new Error('This tool intentionally returns an error for testing');
    });
    tool(server, 'json_schema_2020_12_tool', args => text(JSON.stringify(args)), rich);
    tool(server, 'test_x_mcp_header', ({ region }) => text(`region=${region}`), mirrored);
    // Asks for nothing: the scenario looks for requests on the response's stream.
    tool(server, 'test_streaming_elicitation', () => text('no request on this stream'));
}
