// SPDX-License-Identifier: GPL-2.0-or-later
// The portal as a person meets it: a laptop whose disk is not encrypted reads why it is kept out and
// how to mend that, mends it, and is in; a role that asks for it is signed in to with an authenticator
// app. Every page through axe-core, narrow, by keyboard alone, and without scripts.
import { source, test, totp } from './harness.mjs';

const PORTAL = 'http://10.77.0.1';
const NAME = 'Maria <script>alert(1)</script> Álvarez';   // text, wherever it is shown
const CONTACT = 'the IT desk, <b onclick=x>extension</b> 100';
const PASSPHRASE = 'purple kettle stands alone';
const POLICY = `${source('tests/lab/lab.policy.conf')}
contact "the IT desk, <b onclick=x>extension</b> 100"
role careful { reach web  posture baseline  sign-in every 12h }
`;

await test('portal', async (t) => {
    await t.lab('scenario_begin', await t.file('policy', POLICY));
    await t.lab('staff_host', 'laptop', 21);
    await t.api('POST', '/v1/users',
        { name: 'maria', full_name: NAME, roles: ['careful'] });
    await t.lab('staff_enrol', 'laptop', 'maria');
    const { browser, page } = await t.browser('laptop', { viewport: { width: 900, height: 900 } });

    await mending(t, page);
    const { secret, recovery } = await choosing(t, page);
    await signingIn(t, page, secret);
    await withoutScripts(t, browser, recovery);
    await lastDays(t, page);
    await losing(t, page);
    await others(t, page);
    t.same('no page complained in the console', [], page.complaints);
});

// What every page must be, whatever it shows.
async function looked(t, page, name) {
    await t.axe(page, name);
    await t.narrow(page, name);
    await t.screenshot(page, name);
}

// A laptop that fails a rule is told why and what to do, is mended, and is not held by that any more.
async function mending(t, page) {
    await t.labStatus('staff_report', 'laptop', 'sick');
    await page.goto(`${PORTAL}/`);
    await t.says('a sick laptop is told that it is in quarantine', page, 'h1', 'You are in quarantine');
    await t.says('which check failed', page, '.rule h3', /disk.*encrypt|encrypt.*disk/i);
    await t.says('and how to mend it', page, '.rule .fix', 'How to fix it.');
    await t.says('and whom to call', page, 'main', CONTACT);
    await t.says('what looks like markup in a name is text', page, '.who', NAME);
    await looked(t, page, 'quarantine');
    await t.labStatus('staff_report', 'laptop', 'healthy');
    await page.goto(`${PORTAL}/`);
    t.same('mended, no check keeps it out', 0, await page.locator('.rule .fix').count());
    await t.says('what is left is to sign in', page, 'h1', 'Please sign in');
    await looked(t, page, 'asks-for-sign-in');
}

// By keyboard alone: from the first page to the form, the code, the passphrase, the app, the end.
async function choosing(t, page) {
    const { code } = await t.api('POST', '/v1/users/maria/sign-in-code');
    t.check('the keyboard finds the link to sign in', await t.tabTo(page, 'a[href="/sign-in"]'));
    await page.keyboard.press('Enter');
    await page.waitForURL(`${PORTAL}/sign-in`);
    await t.says('who has no passphrase is told how one begins', page, 'main', 'You have no passphrase yet');
    await looked(t, page, 'no-passphrase');
    t.check('and the link to choose one', await t.tabTo(page, 'a[href="/set-up"]'));
    await page.keyboard.press('Enter');
    await page.waitForURL(`${PORTAL}/set-up`);
    await looked(t, page, 'choose');
    await typed(t, page, { code, passphrase: PASSPHRASE, again: 'purple kettle sits alone' });
    await t.says('typed differently it says so', page, 'main', 'not typed the same twice');
    await looked(t, page, 'not-the-same');
    await page.goto(`${PORTAL}/set-up`);
    await typed(t, page, { code, passphrase: PASSPHRASE, again: PASSPHRASE });
    const secret = await page.innerText('.note code');
    await looked(t, page, 'factor');
    await typed(t, page, { totp: totp(secret, -1) });
    await t.says('the app makes it hold', page, 'h1', 'You are signed in');
    await looked(t, page, 'recovery');
    const recovery = await page.locator('li code').allInnerTexts();
    t.same('eight recovery codes', 8, recovery.length);
    await page.goto(`${PORTAL}/`);
    await t.says('the laptop is in', page, 'h1', 'You are in');
    await looked(t, page, 'in');
    return { secret, recovery };
}

// Fills a form by typing into each field that Tab brings (the first has the focus), and sends it with
// Enter.
async function typed(t, page, values) {
    let first = true;
    for (const [name, value] of Object.entries(values)) {
        const there = await page.evaluate((n) => document.activeElement?.name === n, name);
        if (!there && !await t.tabTo(page, `input[name="${name}"]`, first ? 20 : 1))
            throw new Error(`Tab does not bring ${name}`);
        await page.keyboard.type(value);
        first = false;
    }
    await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
}

async function signingIn(t, page, secret) {
    await page.goto(`${PORTAL}/sign-in`);
    await looked(t, page, 'sign-in');
    await typed(t, page, { passphrase: PASSPHRASE, code: '000000' });
    await t.says('a wrong code is refused in words', page, 'h1', 'This did not work');
    await looked(t, page, 'refused');
    await page.goto(`${PORTAL}/sign-in`);
    await typed(t, page, { passphrase: PASSPHRASE, code: totp(secret) });
    await t.says('the right one is taken', page, 'h1', 'You are signed in');
    await looked(t, page, 'signed-in');
}

// The same without scripts, by a recovery code.
async function withoutScripts(t, browser, recovery) {
    const { context, page } = await t.tab(browser, { javaScriptEnabled: false });
    await page.goto(`${PORTAL}/`);
    await page.click('a[href="/sign-in"]');
    await page.fill('input[name="passphrase"]', PASSPHRASE);
    await page.fill('input[name="code"]', recovery[0]);
    await page.click('form button');
    await t.says('without scripts one signs in as well', page, 'h1', 'You are signed in');
    await context.close();
}

// What was refused, and when one was in; from the person's page, by keyboard.
async function lastDays(t, page) {
    await t.labStatus('lab_on', 'laptop', 'probe', '-t', 300, 'tcp', '10.20.0.9', 5432);
    await page.goto(`${PORTAL}/`);
    await t.says('the person to call is on the page also of who is in', page, 'footer',
        `Whom to call: ${CONTACT}.`);
    t.check('the first thing that Tab brings is the way past the links', await t.tabTo(page, '.skip', 1));
    await page.keyboard.press('Enter');
    t.check('and it leads to the content', await page.evaluate(() => location.hash === '#content' &&
        document.activeElement.id === 'content'));
    await page.click('nav a[href="/sessions"]');
    await t.says('the session that goes on is listed', page, 'main', /maria From .* To still in/);
    await looked(t, page, 'sessions');
    await t.lab('lab_pause', 1.2);      // attempts are listed within a second
    await page.goto(`${PORTAL}/denials`);
    await t.says('what was refused is listed, with the reason', page, 'main',
        /10\.20\.0\.9, tcp 5432 Why No role of yours reaches this/);
    await t.says('what was refused while the sign-in was missing likewise', page, 'main', 'A sign-in');
    await looked(t, page, 'denials');
    await t.lab('browser_scan', 'laptop', 40);
    await t.lab('lab_pause', 1.2);
    await page.goto(`${PORTAL}/denials`);
    t.same('a page of a list has so many', 25, await page.locator('.entry').count());
    const newest = await page.locator('.entry h2').allInnerTexts();
    await page.click('a[rel="next"]');
    const older = await page.locator('.entry h2').allInnerTexts();
    t.check('the next one goes on where the first ended', older.length > 0 &&
        older.every((one) => !newest.includes(one)), older.join('\n'));
    await page.getByRole('link', { name: 'The newest ones' }).click();
    t.same('and a link leads back', newest, await page.locator('.entry h2').allInnerTexts());
    await page.goto(`${PORTAL}/denials?before=x`);
    await t.says('a page that is none leads back', page, 'main a', 'Try again');
    await looked(t, page, 'no-such-page');
}

// The pages that have tests of their own (test_policy, test_passkey), as somebody sees them who has
// nothing to do there.
async function others(t, page) {
    await page.goto(`${PORTAL}/`);
    t.same('where the gateway has no passkeys nobody is sent to them', 0,
        await page.locator('nav a[href="/passkeys"]').count());
    await page.click('nav a[href="/policy"]');
    await t.says('the policy is a link away', page, 'h1', 'Your part of the policy');
    await looked(t, page, 'policy');
    await page.goto(`${PORTAL}/passkeys`);
    await looked(t, page, 'passkeys');
    await page.goto(`${PORTAL}/`);
    await page.emulateMedia({ colorScheme: 'dark' });
    await t.axe(page, 'the page in the dark');
    await t.screenshot(page, 'dark');
}

// A second device is reported lost from the first.
async function losing(t, page) {
    await t.lab('staff_host', 'phone', 22);
    await t.lab('staff_enrol_second', 'phone', 'maria', '-phone');
    await page.goto(`${PORTAL}/`);
    await t.says('the page lists both devices', page, 'main', 'maria-phone');
    await looked(t, page, 'two-devices');
    await page.click('a[href="/lost"]');
    await looked(t, page, 'lost');
    await page.check('input[value="maria-phone"]');
    await page.fill('input[name="passphrase"]', PASSPHRASE);
    await page.click('form button');
    await t.says('the phone is cut off', page, 'main', 'maria-phone reaches nothing any more');
    await looked(t, page, 'gone');
}
