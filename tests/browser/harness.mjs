// SPDX-License-Identifier: GPL-2.0-or-later
// What each test in a browser stands on: a lab, browsers on its hosts, and lines that say what was
// looked at. A test is
//
//     import { test } from './harness.mjs';
//     await test('portal', async (t) => {
//         await t.lab('scenario_begin');               // any function of tests/lab, by its name
//         const { page } = await t.browser('laptop');  // Chromium on that host
//         await page.goto('http://10.77.0.1/');
//         t.check('it says so', await page.isVisible('h1'));
//         await t.axe(page, 'the first page');
//         await t.screenshot(page, 'first');           // $BUILD/browser/portal-first.png
//     });
//
// Whatever happens the browsers are closed and the lab is gone when test() returns; it sets the
// exit status. LAB_PREFIX, LAB_SLOW and BUILD are those of tests/lab.
import { createHmac } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';

import { Lab } from './lab.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const SLOW = Number(process.env.LAB_SLOW ?? 1);
const TOP = resolve(HERE, '../..');
export const BUILD = resolve(TOP, process.env.BUILD ?? 'build');
// A file of the source tree, as text.
export const source = (path) => readFileSync(join(TOP, path), 'utf8');

// The six digits that an authenticator app shows for a secret in base32, `steps` from now.
export function totp(secret, steps = 0) {
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
    const bits = [...secret].map((c) => letters.indexOf(c).toString(2).padStart(5, '0')).join('');
    const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
    const step = Buffer.alloc(8);
    step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000) + steps));
    const mac = createHmac('sha1', key).update(step).digest();
    const number = mac.readUInt32BE(mac[19] & 15) & 0x7fffffff;
    return String(number % 1000000).padStart(6, '0');
}

class Test {
    constructor(name) {
        this.name = name;
        this.passed = 0;
        this.failed = 0;
        this.browsers = [];
        this.pages = [];
        this.machines = new Lab();
        this.dir = `/tmp/${process.env.LAB_PREFIX ?? 'pctest'}-lab`;   // $LAB_DIR
        this.pictures = join(BUILD, 'browser');
        mkdirSync(this.pictures, { recursive: true });
    }

    // --- what it says -------------------------------------------------------------------------

    ok(what) {
        this.passed++;
        console.log(`ok - ${what}`);
    }

    notOk(what, why = '') {
        this.failed++;
        console.log(`not ok - ${what}`);
        const plain = String(why).replace(/\x1b\[[0-9;]*m/g, '');
        for (const line of plain.split('\n').slice(0, 40))
            if (line) console.log(`#   ${line}`);
    }

    note(what) { console.log(`# ${what}`); }
    skip(what, why) { console.log(`skip - ${what}: ${why}`); }
    check(what, condition, why) { condition ? this.ok(what) : this.notOk(what, why); }

    same(what, expected, got) {
        const [e, g] = [expected, got].map((v) => typeof v === 'string' ? v : JSON.stringify(v));
        e === g ? this.ok(what) : this.notOk(what, `expected ${e}\ngot      ${g}`);
    }

    // The text that a selector finds on the page (white space as one blank) holds what is expected.
    async says(what, page, selector, expected) {
        const got = (await page.innerText(selector)).replace(/\s+/g, ' ').trim();
        this.check(what, expected instanceof RegExp ? expected.test(got) : got.includes(expected),
            `expected ${expected}\ngot      ${got}`);
    }

    // --- the lab ------------------------------------------------------------------------------

    // Calls a function of tests/lab or of tools.sh; its standard output, without the last line end.
    // A status other than 0 is an error; labStatus gives {status, out, err} of any.
    lab(...words) { return this.machines.call(words.map(String)); }
    labStatus(...words) { return this.machines.callAny(words.map(String)); }
    // A file of the lab's, gone with it: its path.
    async file(name, text) {
        await this.lab('true');
        const path = join(this.dir, name);
        writeFileSync(path, text, { mode: 0o600 });
        return path;
    }

    // The control socket's answer, as an object: t.api('GET', '/v1/status').
    async api(method, path, body) {
        const text = body === undefined ? [] : [typeof body === 'string' ? body : JSON.stringify(body)];
        const answer = await this.lab('gw_api', method, path, ...text);
        return answer === '' ? null : JSON.parse(answer);
    }

    // --- the browser --------------------------------------------------------------------------

    // Chromium on a host of the lab: {browser, context, page}. Options are those of a context of
    // playwright's (viewport, javaScriptEnabled, ignoreHTTPSErrors ...); `args` are Chromium's own.
    async browser(host, { args = [], ...options } = {}) {
        const home = await this.lab('browser_home', host);
        process.env.TMPDIR = home; // what the driver puts down goes with the lab
        const browser = await chromium.launch({
            executablePath: join(HERE, 'chromium'),
            args: ['--disable-quic', '--disable-gpu', ...args],
            chromiumSandbox: false,
            timeout: 30000 * SLOW,
            env: {
                ...process.env,
                BROWSER_ON: await this.lab('lab_init_pid', host),
                BROWSER_HOME: home,
            },
        });
        this.browsers.push(browser);
        return { browser, ...await this.tab(browser, options) };
    }

    // Another context (its own cookies) with a page, in a browser that runs: {context, page}.
    async tab(browser, options = {}) {
        const context = await browser.newContext({ locale: 'en-GB', ...options });
        context.setDefaultTimeout(10000 * SLOW);
        const page = await context.newPage();
        this.watch(page);
        return { context, page };
    }

    // What a page complains of in its console is kept; refusals, which tests provoke, are not that.
    watch(page) {
        page.complaints = [];
        page.on('console', (m) => {
            if (m.type() === 'error' && !/responded with a status of 4/.test(m.text()))
                page.complaints.push(m.text());
        });
        page.on('pageerror', (e) => page.complaints.push(String(e)));
        this.pages.push(page);
    }

    async screenshot(page, name) {
        const path = join(this.pictures, `${this.name}-${name}.png`);
        await page.screenshot({ path, fullPage: true });
        return path;
    }

    // The page through axe-core: serious and critical findings fail, others are told.
    async axe(page, what) {
        await page.evaluate(AXE);
        const { violations } = await page.evaluate(() => globalThis.axe.run({ preload: false }));
        const grave = violations.filter((v) => ['serious', 'critical'].includes(v.impact));
        const text = (v) => `${v.impact}: ${v.id}: ${v.help}\n` +
            v.nodes.slice(0, 5).map((n) => `    ${n.html}\n    ${n.failureSummary}`).join('\n');
        for (const v of violations.filter((v) => !grave.includes(v)))
            this.note(`${what}: ${text(v)}`.replace(/\n/g, '\n# '));
        this.check(`axe finds nothing serious on ${what}`, grave.length === 0,
            grave.map(text).join('\n'));
    }

    // No part of the page needs sideways scrolling at a width (WCAG 1.4.10 has 320); `picture` names
    // a picture of it so.
    async narrow(page, what, { width = 320, picture } = {}) {
        const before = page.viewportSize();
        await page.setViewportSize({ width, height: 640 });
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        this.check(`${what} fits ${width} pixels`, wide <= width, `it is ${wide} wide`);
        if (picture) await this.screenshot(page, picture);
        await page.setViewportSize(before);
    }

    // Presses Tab until what has the focus matches a selector, at most so often.
    async tabTo(page, selector, most = 40) {
        for (let i = 0; i < most; i++) {
            await page.keyboard.press('Tab');
            if (await page.evaluate((s) => document.activeElement?.matches(s) ?? false, selector))
                return true;
        }
        return false;
    }

    async until(what, seconds, condition) {
        const end = Date.now() + seconds * 1000 * SLOW;
        while (!await condition()) {
            if (Date.now() > end) return this.notOk(what, `not within ${seconds * SLOW} s`);
            await new Promise((r) => setTimeout(r, 100));
        }
        this.ok(what);
    }

    async close() {
        for (const b of this.browsers) await b.close().catch(() => {});
        await this.machines.end();
    }

    // What was on the screens when it went wrong.
    async pictureOfFailure() {
        let n = 0;
        for (const page of this.pages)
            await this.screenshot(page, `failure-${n++}`).catch(() => {});
    }
}

export async function test(name, body) {
    const t = new Test(name);
    try {
        await body(t);
    } catch (e) {
        t.notOk('the test came to its end', e?.stack ?? e);
        await t.pictureOfFailure();
    } finally {
        await t.close();
    }
    console.log(`# ${t.passed} passed, ${t.failed} failed`);
    process.exitCode = t.failed === 0 && t.passed > 0 ? 0 : 1;
}
