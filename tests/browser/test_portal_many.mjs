// SPDX-License-Identifier: GPL-2.0-or-later
// The portal beside 10,000 devices: each page still comes, and what it takes is printed beside what it
// took with one device. No bound is asserted: the machine's load decides it.
import { test } from './harness.mjs';

const PORTAL = 'http://10.77.0.1';
const DEVICES = 10000;
const LOADS = 9;
const PAGES = ['/', '/sessions', '/denials', '/policy', '/sign-in', '/lost'];

await test('portal-many', async (t) => {
    await t.lab('scenario_begin');
    await t.lab('staff_join', 'laptop', 21, 'maria', 'clerk');
    const { page } = await t.browser('laptop');
    const few = await times(page);
    await t.lab('browser_many', DEVICES);
    const { devices } = await t.api('GET', '/v1/status');
    t.same(`${DEVICES} devices, all in`, DEVICES, devices.leased);
    const many = await times(page);

    t.note(`milliseconds until a page has come, median of ${LOADS} (largest): with 1 device, with ${DEVICES}, ratio`);
    for (const path of PAGES)
        t.note(`${path.padEnd(10)} ${shown(few[path])} ${shown(many[path])} ` +
            (many[path].median / few[path].median).toFixed(2));
    const slow = PAGES.filter((path) => many[path].median > 100);
    t.note(slow.length ? `over 100 ms: ${slow.join(', ')}` : 'none takes 100 ms');
    t.same('each page is as large as it was', PAGES.map((path) => few[path].bytes > 0 &&
        Math.abs(many[path].bytes - few[path].bytes) < 200), PAGES.map(() => true));
    await page.goto(`${PORTAL}/`);
    await t.says('a person sees their own devices', page, 'main', /Your devices maria \(this one\) in/);
    t.check('and nobody else\'s', !/laptop-\d|person-\d/.test(await page.innerText('body')));
});

function shown({ median, largest }) {
    return `${median.toFixed(1).padStart(6)} (${largest.toFixed(1)})`.padEnd(17);
}

async function times(page) {
    const all = {};
    for (const path of PAGES) {
        const runs = [];
        for (let i = 0; i < LOADS; i++) runs.push(await load(page, path));
        runs.sort((a, b) => a.ms - b.ms);
        all[path] = { median: runs[(LOADS - 1) / 2].ms, largest: runs[LOADS - 1].ms, bytes: runs[0].bytes };
    }
    return all;
}

// From the request to the end of loading, by the browser's own clock.
async function load(page, path) {
    const answer = await page.goto(`${PORTAL}${path}`, { waitUntil: 'load' });
    if (answer.status() !== 200) throw new Error(`${path}: ${answer.status()}`);
    return page.evaluate(() => {
        const [n] = performance.getEntriesByType('navigation');
        return { ms: n.loadEventEnd - n.startTime, bytes: n.decodedBodySize };
    });
}
