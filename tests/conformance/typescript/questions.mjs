// Tools of the session-based revisions that ask the client something while they run.
import { object, text, tool } from './shapes.mjs';

const titled = (...pairs) => pairs.map(([value, title]) => ({ const: value, title }));
const defaults = object(
    {
        name: { type: 'string', default: 'John Doe' },
        age: { type: 'integer', default: 30 },
        score: { type: 'number', default: 95.5 },
        status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
        verified: { type: 'boolean', default: true }
    },
    []
);
const options = ['option1', 'option2', 'option3'];
const enums = object(
    {
        untitledSingle: { type: 'string', enum: options },
        titledSingle: { type: 'string', oneOf: titled(['value1', 'First'], ['value2', 'Second'], ['value3', 'Third']) },
        legacyEnum: { type: 'string', enum: ['opt1', 'opt2', 'opt3'], enumNames: ['One', 'Two', 'Three'] },
        untitledMulti: { type: 'array', items: { type: 'string', enum: options } },
        titledMulti: {
            type: 'array',
            items: { anyOf: titled(['value1', 'First'], ['value2', 'Second'], ['value3', 'Third']) }
        }
    },
    []
);
const person = object({ username: { type: 'string' }, email: { type: 'string' } });

const elicit = (ctx, message, requestedSchema) =>
    ctx.mcpReq.send({ method: 'elicitation/create', params: { message, requestedSchema } });

/** A client that cannot be asked makes the call fail as a tool does. */
const asking = (message, schema) => async (args, ctx) => {
    const { action, content } = await elicit(ctx, message ?? args.message, schema);
    return text(`User response: action=${action}, content=${JSON.stringify(content ?? {})}`);
};

export function questions(server) {
    tool(
        server,
        'test_sampling',
        async ({ prompt }, ctx) => {
            const messages = [{ role: 'user', content: { type: 'text', text: prompt } }];
            const params = { messages, maxTokens: 100 };
            const answer = await ctx.mcpReq.send({ method: 'sampling/createMessage', params });
            return text(`LLM response: ${answer.content.text}`);
        },
        object({ prompt: { type: 'string' } })
    );
    tool(server, 'test_elicitation', asking(undefined, person), object({ message: { type: 'string' } }));
    tool(server, 'test_elicitation_sep1034_defaults', asking('Please fill in the form', defaults));
    tool(server, 'test_elicitation_sep1330_enums', asking('Please select', enums));
}
