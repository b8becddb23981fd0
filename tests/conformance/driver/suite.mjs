// Runs the suite and reads what it wrote.
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Of one revision, in milliseconds. The longest takes less than a tenth of it. */
const LONGEST = 180_000;
const WHEN = /-\d{4}-\d\d-\d\dT[\d-]+Z$/;

/**
 * One run of the suite.
 *
 * @returns its checks: scenario -> id of a check -> status -> how often.
 */
export async function suite({ dir, out, role, version, args, env = {} }) {
    await rm(out, { recursive: true, force: true });
    await mkdir(out, { recursive: true });
    const index = join(dir, 'node_modules/@modelcontextprotocol/conformance/dist/index.js');
    const command = [index, role, '--suite', 'all', '--spec-version', version, '-o', out, ...args];
    const child = spawn(process.execPath, command, { env: { ...process.env, ...env }, timeout: LONGEST });
    const log = createWriteStream(`${out}.log`);
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    const [status, signal] = await new Promise(resolve => child.on('close', (...how) => resolve(how)));
    log.end();
    // It ends with 1 when a check failed; whether that is a difference is seen in the checks.
    if (signal !== null || status > 1) throw new Error(`the suite ended with ${signal ?? status}: see ${out}.log`);
    return read(out, role);
}

async function read(out, role) {
    const scenarios = {};
    for (const entry of await readdir(out, { recursive: true })) {
        if (basename(entry) !== 'checks.json') continue;
        const scenario = dirname(entry).replace(WHEN, '').replace(new RegExp(`^${role}-`), '');
        const checks = (scenarios[scenario] ??= {});
        for (const check of JSON.parse(await readFile(join(out, entry), 'utf8'))) {
            const seen = (checks[check.id] ??= { why: [] });
            seen[check.status] = (seen[check.status] ?? 0) + 1;
            if (check.errorMessage) seen.why.push(check.errorMessage);
        }
    }
    return scenarios;
}

/** How many checks passed and failed. */
export function totals(scenarios) {
    const checks = Object.values(scenarios).flatMap(Object.values);
    const sum = status => checks.reduce((sum, check) => sum + (check[status] ?? 0), 0);
    return { passed: sum('SUCCESS'), failed: sum('FAILURE'), warned: sum('WARNING') };
}
