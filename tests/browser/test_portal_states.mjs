// SPDX-License-Identifier: GPL-2.0-or-later
// The portal in each of the states that keep a person out: what is wrong stands first, what to do
// about it next, and whom to call. Each page through axe-core, and at 320 pixels.
import { source, test } from './harness.mjs';

const PORTAL = 'http://10.77.0.1';
const TOMORROW = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'][new Date().getUTCDay()];
const POLICY = `${source('tests/lab/lab.policy.conf')}
contact "the IT desk, extension 100"
posture lenient {
    lease 15m   evidence <= 8h   assurance >= PA1
    require fde.sys       grace 3d
    require lock.max_s <= 120   warn
}
posture many {
    lease 15m   evidence <= 8h   assurance >= PA1
    os debian >= 13
    require fde.sys
    require not tamper.rooted   deny
}
role tomorrow { reach web   posture baseline   hours ${TOMORROW} 06:00-18:00 UTC }
role mild     { reach web   posture lenient }
role strict   { reach web   posture many }
respond { port-scan 20 within 5m lock   host-scan 10 within 5m quarantine 30m }
`;

await test('portal-states', async (t) => {
    await t.lab('scenario_begin', await t.file('policy', POLICY));

    await nobody(t, await machine(t, 'stray', 21));
    await join(t, 'fresh', 22, 'clerk', 'none');
    await look(t, 'fresh', 'not-reported', 'You are in quarantine',
        /has not reported its state yet\. What to do\. Start portcullis-agent/);
    await join(t, 'early', 23, 'tomorrow', 'hours');
    await look(t, 'early', 'hours', 'You are not in now', /They begin again .*06:00 UTC.*What to do\. Come back/);
    await join(t, 'mild', 24, 'mild', 'sick');
    await look(t, 'mild', 'grace', 'You are in', /What needs your attention.*Fix it by/);
    await join(t, 'broken', 25, 'strict', 'sick');
    await look(t, 'broken', 'many', 'You are in quarantine', /\d things keep you out.*How to fix it/);
    await join(t, 'curious', 26, 'clerk', 'healthy');
    await t.lab('browser_scan', 'curious', 25);
    await until(t, 'curious', 'locked');
    await look(t, 'curious', 'locked', 'This device is locked', /What to do\. Call the IT desk, extension 100/);
    await t.lab('lab_on', 'gw', 'portcullis', 'user', 'revoke', 'curious', '--reason', 'left the firm');
    await gone(t, 'curious');
});

// A machine with keys; it has no place at the gateway yet.
async function machine(t, host, number) {
    await t.lab('staff_host', host, number);
    return host;
}

// A person and their device of one name, reported as `how`; who is not let in is what is looked at.
async function join(t, host, number, role, how) {
    await machine(t, host, number);
    await t.lab('staff_person', host, role);
    await t.lab('staff_enrol', host, host);
    if (how !== 'none') await t.labStatus('staff_report', host, how === 'sick' ? 'sick' : 'healthy');
}

// A device that was taken over from an older server and belongs to nobody yet.
async function nobody(t, host) {
    await t.lab('browser_enrol_nobody', host);
    await look(t, host, 'nobody', 'This device has no owner yet',
        /What to do\. Tell your administrator its name, stray/);
}

async function look(t, host, name, heading, text) {
    const { browser, page } = await t.browser(host, { viewport: { width: 900, height: 700 } });
    await page.goto(`${PORTAL}/`);
    await t.says(`${name}: what is wrong stands first`, page, 'h1', heading);
    await t.says(`${name}: and why, and what to do`, page, 'main', text);
    await t.says(`${name}: whom to call`, page, 'body', 'Whom to call: the IT desk, extension 100');
    await t.axe(page, name);
    await t.narrow(page, name, { picture: `${name}-phone` });
    await t.screenshot(page, name);
    t.same(`${name}: nothing is complained of`, [], page.complaints);
    await browser.close();
}

async function until(t, device, state) {
    await t.until(`${device} is ${state}`, 10, async () =>
        (await t.api('GET', `/v1/devices/${device}`)).state === state);
}

// Who is revoked reaches the portal no more: the browser's own page says so.
async function gone(t, host) {
    const { browser, page } = await t.browser(host);
    const error = await page.goto(`${PORTAL}/`, { timeout: 3000 }).catch((e) => e);
    t.check('who is revoked does not reach the portal either', error instanceof Error);
    await browser.close();
}
