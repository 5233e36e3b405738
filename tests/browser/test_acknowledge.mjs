// SPDX-License-Identifier: GPL-2.0-or-later
// A person reads their part of the policy on the portal and signs it: asked on their own page, by
// keyboard, without scripts; what has changed since is marked; when the time is over the page says so.
import { source, test } from './harness.mjs';

const PORTAL = 'http://10.77.0.1';
const RULES = source('tests/lab/lab.policy.conf');
const RESPOND = 'contact "the IT desk, extension 100"\nrespond { port-scan 20 within 1m lock }\n';
const policy = (within, rules = RULES) => `${rules}\n${RESPOND}acknowledge within ${within}\n`;

await test('acknowledge', async (t) => {
    await t.lab('scenario_begin', await t.file('policy', policy('14d')));
    await t.lab('staff_host', 'laptop', 21);
    await t.api('POST', '/v1/users', { name: 'maria', full_name: 'Maria Álvarez', roles: ['clerk'] });
    await t.lab('staff_enrol', 'laptop', 'maria');
    await t.labStatus('staff_report', 'laptop', 'healthy');
    const { browser, page } = await t.browser('laptop', { viewport: { width: 900, height: 900 } });

    await signing(t, page);
    await another(t, browser, page);
    await tooLate(t, page);
    t.same('no page complained in the console', [], page.complaints);
});

async function looked(t, page, name) {
    await t.axe(page, name);
    await t.narrow(page, name);
    await t.screenshot(page, name);
}

// From the own page to the signature, by keyboard alone.
async function signing(t, page) {
    await page.goto(`${PORTAL}/`);
    await t.says('who has something to sign is in meanwhile', page, 'h1', 'You are in');
    await t.says('and told until when', page, 'main', /Read your part of the policy and sign it by \w+ \d+ \w+ at/);
    await looked(t, page, 'asked');
    t.check('the keyboard finds the way to it', await t.tabTo(page, 'a[href="/policy"]'));
    await page.keyboard.press('Enter');
    await page.waitForURL(`${PORTAL}/policy`);
    await t.says('the page says what it wants', page, 'h1', 'Please read this and sign it');
    await t.says('what they may reach', page, 'main', 'What you may reach, and nothing else:');
    await t.says('what their device must be like', page, 'main', 'Its system disk is encrypted.');
    await t.says('what shuts it out by itself', page, 'main', 'Until an administrator unlocks it, when it tried');
    await t.says('what is recorded', page, 'main', 'What is recorded about you:');
    t.same('the first time nothing is marked', 0, await page.locator('ins, del').count());
    await looked(t, page, 'text');
    t.check('the keyboard finds the button', await t.tabTo(page, 'form button'));
    await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
    await t.says('it is signed', page, 'h1', 'You have signed');
    await looked(t, page, 'signed');
    await page.goto(`${PORTAL}/`);
    t.check('the own page asks no more', !(await page.innerText('main')).includes('sign it'));
    await page.goto(`${PORTAL}/policy`);
    await t.says('what they signed can be read again', page, 'main', 'You signed it at');
    t.same('and has no button', 0, await page.locator('button').count());
}

// Another policy: what is new and what is gone stands out, and is signed without scripts.
async function another(t, browser, page) {
    const rules = RULES.replace(/^role clerk \{ reach web, flows, more, ping/m, 'role clerk { reach web, flows, more')
        .replace(/require fde\.sys\n/, 'require fde.sys\n    require age(os.patch) <= 30d  grace 7d  missing ok\n');
    await t.api('POST', '/v1/policy/apply', policy('14d', rules));
    await page.goto(`${PORTAL}/policy`);
    await t.says('since when it has changed', page, 'main', 'What has changed since you signed version 1');
    await t.says('what is gone is marked', page, 'del', 'ping');
    await t.says('what is new is marked', page, 'ins', 'Its last system update is at most 30 days old, or it cannot tell.');
    await looked(t, page, 'changed');
    const { context, page: plain } = await t.tab(browser, { javaScriptEnabled: false });
    await plain.goto(`${PORTAL}/policy`);
    await plain.click('form button');
    await t.says('without scripts one signs as well', plain, 'h1', 'You have signed');
    await context.close();
    await page.click('form button');
    await t.says('the page that was left open says that nothing is due', page, 'main', 'There is nothing to sign.');
    await looked(t, page, 'nothing-due');
}

async function tooLate(t, page) {
    await t.api('POST', '/v1/policy/apply', policy('5s'));
    await t.until('the time to sign is over', 20, async () =>
        (await t.api('GET', '/v1/devices/maria')).reason === 'acknowledge');
    await page.goto(`${PORTAL}/`);
    await t.says('who has not signed is told why', page, 'main', 'read and sign the policy first');
    await t.says('and what to do', page, 'main', 'What to do. Read your part of the policy and sign it');
    await looked(t, page, 'kept-out');
    await page.click('a[href="/policy"]');
    await t.says('the page says that it is over', page, 'h1', 'The time to sign is over');
    await looked(t, page, 'over');
    await page.click('form button');
    await page.goto(`${PORTAL}/`);
    await t.says('signed, they are in', page, 'h1', 'You are in');
}
