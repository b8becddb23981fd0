// Two runs, check by check, and the differences that are known.
import { readFile } from 'node:fs/promises';

// INFO is left out: some of it is a line per event of a stream. A check that turns INFO is missed as a success.
const COMPARED = ['SUCCESS', 'FAILURE', 'WARNING', 'SKIPPED'];
const brief = check => COMPARED.filter(status => check?.[status]).map(status => `${check[status]} ${status}`).join(', ');

/** Every check that is not what it was, also one that did not run. */
export function differences(direct, through) {
    const found = [];
    for (const scenario of union(direct, through)) {
        for (const check of union(direct[scenario], through[scenario])) {
            const [was, is] = [direct[scenario]?.[check], through[scenario]?.[check]];
            if (COMPARED.every(status => (was?.[status] ?? 0) === (is?.[status] ?? 0))) continue;
            found.push({ scenario, check, was: brief(was) || 'none', is: brief(is) || 'none', why: is?.why?.[0] });
        }
    }
    return found;
}

const union = (a = {}, b = {}) => new Set([...Object.keys(a), ...Object.keys(b)]);

/**
 * The list in differences.txt: `SHAPE FIXTURE REVISION SCENARIO CHECK: REASON`, with `*` for any.
 *
 * What is listed must differ in every run that it speaks of, or it is out of date.
 */
export class Known {
    static async load(path) {
        const lines = (await readFile(path, 'utf8')).split('\n').filter(line => line && !line.startsWith('#'));
        return new Known(lines.map(line => {
            const [names, reason] = line.split(/: (.*)/);
            const [shape, fixture, version, scenario, check, ...rest] = names.split(/\s+/);
            if (!reason || !check || rest.length) throw new Error(`differences.txt: not understood: ${line}`);
            return { line: names, shape, fixture, version, scenario, check, reason };
        }));
    }

    constructor(entries) {
        this.entries = entries;
    }

    /** What is found and not listed, what is found and listed, what is listed and not found. */
    judge(run, found) {
        const here = this.entries.filter(entry => ['shape', 'fixture', 'version'].every(key => fits(entry[key], run[key])));
        const names = (entry, difference) => fits(entry.scenario, difference.scenario) && fits(entry.check, difference.check);
        const reason = difference => here.find(entry => names(entry, difference))?.reason;
        return {
            unknown: found.filter(difference => !reason(difference)),
            known: found.filter(reason).map(difference => ({ ...difference, reason: reason(difference) })),
            gone: here.filter(entry => !found.some(difference => names(entry, difference)))
        };
    }
}

const fits = (pattern, name) => pattern === '*' || pattern === name;
