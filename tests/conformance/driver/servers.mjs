// The suite as a client: of the fixture itself, and of the proxy in front of it.
import { join } from 'node:path';

import { freePort, proxy, Running } from './process.mjs';
import { suite, totals } from './suite.mjs';

/** What a fixture passes directly: checks, by revision. */
export const BASELINE = { '2025-03-26': 3, '2025-06-18': 56, '2025-11-25': 84, '2026-07-28': 152 };

const fixtures = dir => ({
    typescript: [process.execPath, join(dir, 'fixtures/typescript/server.mjs')],
    python: [join(dir, 'venv/bin/python'), '-B', join(dir, 'fixtures/python/server.py')]
});
const READY = /http:\/\/(127\.0\.0\.1|localhost):\d+/;

export async function servers({ dir, binary, stack, quick }, report) {
    const versions = quick ? ['2025-11-25', '2026-07-28'] : Object.keys(BASELINE);
    const chosen = quick ? ['typescript'] : ['typescript', 'python'];
    // At once: mostly they wait for each other's pauses.
    await Promise.all(chosen.map(fixture => one(fixture, { dir, binary, stack, versions }, report)));
}

async function one(fixture, { dir, binary, stack, versions }, report) {
    const out = join(dir, 'results', fixture);
    const command = fixtures(dir)[fixture];
    const port = await freePort();
    const server = await Running.start([...command, 'http', `${port}`], `${out}-direct.log`, READY);
    try {
        const url = `http://localhost:${port}/mcp`;
        const direct = await all(dir, versions, url, join(out, 'direct'));
        for (const version of versions) report.direct({ fixture, version, ...totals(direct[version]) }, BASELINE[version]);
        const shapes = { http: ['--upstream', url], stdio: ['--', ...command, 'stdio'] };
        for (const [shape, upstream] of Object.entries(shapes)) {
            await proxied(binary, stack, upstream, `${out}-${shape}.log`, async url => {
                for (const version of versions) {
                    const through = name => run(dir, version, url, join(out, name));
                    await report.compare({ shape, fixture, version }, direct[version], through, shape);
                }
            });
        }
    } finally {
        await server.stop();
    }
}

async function proxied(binary, stack, upstream, log, run) {
    const running = await proxy(binary, stack, upstream, log);
    try {
        return await run(running.url);
    } finally {
        await running.stop();
    }
}

async function all(dir, versions, url, out) {
    const results = {};
    for (const version of versions) results[version] = await run(dir, version, url, out);
    return results;
}

const run = (dir, version, url, out) =>
    suite({ dir, out: join(out, version), role: 'server', version, args: ['--url', url] });
