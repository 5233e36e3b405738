// SPDX-License-Identifier: GPL-2.0-or-later
// A lab of tests/lab, asked by way of lab-server: one call at a time, in the order of asking.
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));
const SLOW = Number(process.env.LAB_SLOW ?? 1);
const CALL_MS = 120000 * SLOW; // lab_begin waits for another run with the prefix

export class Lab {
    constructor() {
        this.child = spawn(join(HERE, 'lab-server'), { stdio: ['pipe', 'pipe', 'inherit'] });
        this.got = Buffer.alloc(0);
        this.waiting = null;
        this.last = Promise.resolve();
        this.child.stdout.on('data', (more) => {
            this.got = Buffer.concat([this.got, more]);
            this.answer();
        });
        this.child.stdin.on('error', () => {});
        this.gone = new Promise((done) => this.child.on('close', (code) => {
            this.waiting?.(new Error(`the lab has ended with status ${code}`));
            this.ended = true;
            done();
        }));
    }

    // Hands a whole answer to the one who waits for it.
    answer() {
        const line = this.got.indexOf('\n');
        if (line < 0 || !this.waiting) return;
        const [status, out, err] = this.got.toString('utf8', 0, line).split(' ').map(Number);
        const at = line + 1;
        if (this.got.length < at + out + err) return;
        const text = (from, n) => this.got.toString('utf8', from, from + n);
        const whole = { status, out: text(at, out), err: text(at + out, err) };
        this.got = this.got.subarray(at + out + err);
        this.waiting(null, whole);
    }

    callAny(words) {
        const call = this.last.then(() => new Promise((done, fail) => {
            if (this.ended) return fail(new Error(`${words[0]}: the lab has ended`));
            const late = setTimeout(() => this.waiting?.(new Error(`${words.join(' ')}: no answer`)),
                CALL_MS);
            this.waiting = (error, whole) => {
                clearTimeout(late);
                this.waiting = null;
                error ? fail(error) : done(whole);
            };
            this.child.stdin.write([words.length, ...words].map((w) => `${w}\0`).join(''));
        }));
        this.last = call.catch(() => {});
        return call;
    }

    async call(words) {
        const { status, out, err } = await this.callAny(words);
        if (status !== 0) throw new Error(`${words.join(' ')}: status ${status}: ${err}${out}`);
        return out.replace(/\n$/, '');
    }

    async end() {
        this.child.stdin.end();
        await this.gone;
    }
}
