// What is said of the runs, and whether all is well.
import { differences } from './compare.mjs';
import { totals } from './suite.mjs';

const from = Date.now();
const name = run => [run.version, run.fixture, run.shape].filter(Boolean).join(' ');
const counts = ({ passed, failed, warned }) => `${passed} passed, ${failed} failed, ${warned} warned`;

export class Report {
    #known;
    #failures = [];
    #listed = 0;

    constructor(known) {
        this.#known = known;
    }

    /** A direct run: what passes there is known beforehand, so that a suite that does nothing is noticed. */
    direct(run, expected) {
        const ok = run.passed >= expected && run.failed === 0;
        this.#say(`${name({ ...run, shape: 'direct' })}: ${counts(run)}`);
        if (!ok) this.#fail(`${name(run)}: the fixture itself passes ${run.passed} checks of ${expected}`);
    }

    /** A run through the proxy, against the direct one. */
    compare(run, direct, through) {
        const { unknown, known, gone } = this.#known.judge(run, differences(direct, through));
        this.#say(`${name(run)}: ${counts(totals(through))}`);
        for (const { scenario, check, was, is, reason } of known) {
            this.#listed += 1;
            console.log(`    listed: ${scenario} ${check}: ${was} -> ${is}: ${reason}`);
        }
        for (const { scenario, check, was, is, why } of unknown) {
            this.#fail(`${name(run)}: ${scenario} ${check}: ${was} directly, ${is} through the proxy${why ? `: ${why}` : ''}`);
        }
        for (const { line } of gone) this.#fail(`${name(run)}: listed in differences.txt, but no difference: ${line}`);
    }

    /** A part that could not be run to its end. */
    broke(part, error) {
        this.#fail(`${part}: ${error.stack ?? error}`);
    }

    end(results) {
        const took = Math.round((Date.now() - from) / 1000);
        console.log(`conformance: ${this.#failures.length} failures, ${this.#listed} listed differences, ${took} s; ${results}`);
        for (const failure of this.#failures) console.log(`FAILED: ${failure}`);
        process.exitCode = this.#failures.length ? 1 : 0;
    }

    #say(line) {
        console.log(`${line} (${Math.round((Date.now() - from) / 1000)} s)`);
    }

    #fail(what) {
        this.#failures.push(what);
        console.log(`    FAILED: ${what}`);
    }
}
