// What several areas share: results, schemas, and the smallest image and sound.
import { fromJsonSchema } from '@modelcontextprotocol/server';

export const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
export const WAV = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=';

export const text = text => ({ content: [{ type: 'text', text }] });
export const object = (properties, required = Object.keys(properties)) => ({ type: 'object', properties, required });
export const pause = ms => new Promise(resolve => setTimeout(resolve, ms));

/** Registers a tool without arguments, or with those of a JSON schema. */
export function tool(server, name, run, schema = object({})) {
    server.registerTool(name, { description: `What the scenarios call ${name}`, inputSchema: fromJsonSchema(schema) }, run);
}
