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

    /**
     * A run through the proxy, against the direct one. Some checks are given little time: what differs is looked at
     * once more, and counts if it differs again.
     *
     * @param through runs it, with the results in a folder of this name.
     */
    async compare(run, direct, through, folder) {
        const first = await through(folder);
        const { known, gone, ...judged } = this.#known.judge(run, differences(direct, first));
        this.#say(`${name(run)}: ${counts(totals(first))}`);
        let { unknown } = judged;
        if (unknown.length) {
            const again = differences(direct, await through(`${folder}-again`));
            const isBack = ({ scenario, check }) => again.some(other => other.scenario === scenario && other.check === check);
            for (const { scenario, check, why } of unknown.filter(difference => !isBack(difference))) {
                console.log(`    once: ${scenario} ${check}: ${why ?? 'not reached'}`);
            }
            unknown = unknown.filter(isBack);
        }
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
