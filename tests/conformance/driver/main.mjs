// What `run` starts; it explains the options.
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { clients } from './clients.mjs';
import { Known } from './compare.mjs';
import { Report } from './report.mjs';
import { servers } from './servers.mjs';

const PARTS = { servers, clients };

const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
        dir: { type: 'string' },
        proxy: { type: 'string' },
        quick: { type: 'boolean', default: false },
        stack: { type: 'string', default: 'standard' }
    }
});
const wanted = positionals.length ? positionals : Object.keys(PARTS);
const unknown = wanted.find(part => !(part in PARTS));
if (unknown !== undefined) {
    console.error(`run: no part ${unknown}`);
    process.exit(2);
}

await mkdir(join(values.dir, 'results'), { recursive: true });
const here = dirname(fileURLToPath(import.meta.url));
const report = new Report(await Known.load(join(here, '../differences.txt')));
for (const part of wanted) {
    try {
        await PARTS[part]({ dir: values.dir, binary: values.proxy, stack: values.stack, quick: values.quick }, report);
    } catch (error) {
        report.broke(part, error);
    }
}
report.end(join(values.dir, 'results'));
