// SPDX-License-Identifier: GPL-2.0-or-later
// Passkeys on the portal, by the gateway's name over TLS inside the tunnel, with Chromium's virtual
// authenticators: added after a fresh sign-in, signed in with, renamed, refused when they did not
// verify the person, stopped for good when a copy turns up, removed.
import { source, test, totp } from './harness.mjs';

const NAME = 'access.lab.example';
const SITE = `https://${NAME}`;
const BARE = 'http://10.77.0.1';
const PASSPHRASE = 'purple kettle stands alone';
const POLICY = `${source('tests/lab/lab.policy.conf')}
role careful { reach web  posture baseline  sign-in every 12h }
`;
const KEY_RING = {
    protocol: 'ctap2', transport: 'usb', hasResidentKey: true, hasUserVerification: true,
    isUserVerified: true, automaticPresenceSimulation: true,
};

await test('passkey', async (t) => {
    await t.lab('scenario_begin', await t.file('policy', POLICY));
    await t.lab('browser_name', NAME);
    await t.lab('staff_host', 'laptop', 21);
    await t.api('POST', '/v1/users',
        { name: 'maria', full_name: 'Maria Álvarez', roles: ['careful'] });
    await t.lab('staff_enrol', 'laptop', 'maria');
    await t.labStatus('staff_report', 'laptop', 'healthy');
    await t.until('the portal is served by TLS', 10, async () =>
        (await t.labStatus('browser_pin', 'laptop', `${NAME}:443`)).out.trim().length === 44);
    const pin = await t.lab('browser_pin', 'laptop', `${NAME}:443`);
    const { browser, context, page } = await t.browser('laptop', {
        viewport: { width: 900, height: 900 },
        args: [`--ignore-certificate-errors-spki-list=${pin}`],
    });
    const keys = await context.newCDPSession(page);
    await keys.send('WebAuthn.enable');

    const secret = await choosing(t, page);
    const id = await adding(t, page, keys);
    await signingIn(t, page, keys, id);
    await byAddress(t, page);
    await withoutScripts(t, browser);
    await copied(t, page, keys, id);
    await removing(t, page, secret);
    t.same('no page complained in the console', [], page.complaints);
});

async function looked(t, page, name) {
    await t.axe(page, name);
    await t.narrow(page, name);
    await t.screenshot(page, name);
}

async function sent(page, values, button) {
    for (const [name, value] of Object.entries(values))
        await page.fill(`input[name="${name}"]`, value);
    await Promise.all([page.waitForNavigation(), page.click(button ?? 'form button')]);
}

// Waits until the page's script has said so.
function said(page, words) {
    return page.waitForFunction(
        (w) => document.getElementById('passkey-said').textContent.includes(w), words);
}

async function choosing(t, page) {
    const { code } = await t.api('POST', '/v1/users/maria/sign-in-code');
    await page.goto(`${SITE}/passkeys`);
    await t.says('without a fresh sign-in it says what comes first', page, 'main',
        'sign in with passphrase and code');
    await looked(t, page, 'sign-in-first');
    await page.goto(`${SITE}/set-up`);
    await sent(page, { code, passphrase: PASSPHRASE, again: PASSPHRASE });
    const secret = await page.innerText('.note code');
    await sent(page, { totp: totp(secret, -1) });
    return secret;
}

async function adding(t, page, keys) {
    const { authenticatorId: id } = await keys.send('WebAuthn.addVirtualAuthenticator',
        { options: KEY_RING });
    await page.goto(`${SITE}/sign-in`);
    await t.says('the page to sign in tells of passkeys', page, 'main', 'A passkey is quicker');
    await page.goto(`${SITE}/passkeys`);
    await t.says('at first there is none', page, 'main', 'You have none yet');
    await looked(t, page, 'none');

    await keys.send('WebAuthn.setUserVerified', { authenticatorId: id, isUserVerified: false });
    await page.fill('#passkey-add input[name="name"]', 'key ring');
    await page.click('#passkey-add button');
    await said(page, 'did not agree');
    t.ok('an authenticator that does not know the person makes none');
    await keys.send('WebAuthn.setUserVerified', { authenticatorId: id, isUserVerified: true });
    await sent(page, { name: 'key ring <b>&' }, '#passkey-add button');
    await t.says('one that does makes one', page, '.rule h2', 'key ring <b>&');
    await looked(t, page, 'one');
    const { credentials } = await keys.send('WebAuthn.getCredentials', { authenticatorId: id });
    t.same('it names the site', NAME, credentials[0].rpId);
    t.same('and stays on the key ring', true, credentials[0].isResidentCredential);

    await page.fill('#passkey-add input[name="name"]', 'again');
    await page.click('#passkey-add button');
    await said(page, 'has a passkey of yours already');
    t.ok('the same key ring makes no second one');
    await page.goto(`${SITE}/passkeys`);
    await page.click('.rule summary');
    await page.fill('.rule input[name="name"]', 'key ring');
    await sent(page, {}, 'form[action="/passkeys/rename"] button');
    t.same('it has another name now', 'key ring', await page.innerText('.rule h2'));
    return id;
}

async function signingIn(t, page, keys, id) {
    const before = await t.api('GET', '/v1/users/maria');
    await new Promise((r) => setTimeout(r, 1100));
    await page.goto(`${SITE}/sign-in`);
    await looked(t, page, 'sign-in');
    await keys.send('WebAuthn.setUserVerified', { authenticatorId: id, isUserVerified: false });
    await page.click('#passkey-sign-in button');
    await said(page, 'did not agree');
    t.ok('who is not verified is not signed in');
    await keys.send('WebAuthn.setUserVerified', { authenticatorId: id, isUserVerified: true });
    await Promise.all([page.waitForURL(`${SITE}/`), page.click('#passkey-sign-in button')]);
    await t.says('with the key ring alone one is in', page, 'h1', 'You are in');
    const after = await t.api('GET', '/v1/users/maria');
    t.check('the sign-in counts from now', after.signed_in > before.signed_in,
        `${before.signed_in}, then ${after.signed_in}`);
    const { items } = await t.api('GET', '/v1/audit?last=50');
    const record = items.filter((a) => a.act === 'user.sign-in').at(-1);
    t.same('the record says by what', 'passkey', record?.detail?.factor);
}

async function byAddress(t, page) {
    await page.goto(`${BARE}/sign-in`);
    await t.says('opened by address, it says where passkeys are', page, 'main', `${SITE}/sign-in`);
    t.same('and shows no button for one', 0, await page.locator('#passkey-sign-in').count());
    await looked(t, page, 'by-address');
    const refused = await page.evaluate(
        async () => (await fetch('/v1/me').catch((e) => e)).status ?? 'no');
    t.same('no script asks anything there', 'no', refused);
    page.complaints.length = 0;
}

async function withoutScripts(t, browser) {
    const { context, page } = await t.tab(browser, { javaScriptEnabled: false });
    await page.goto(`${SITE}/passkeys`);
    await t.says('without scripts the list is there', page, '.rule h2', 'key ring');
    await t.says('and what cannot be done is said', page, 'main', 'Passkeys need scripts');
    await context.close();
}

// A copy with an older counter: both are out, and the page says so.
async function copied(t, page, keys, id) {
    const { credentials: [copy] } = await keys.send('WebAuthn.getCredentials',
        { authenticatorId: id });
    await page.goto(`${SITE}/sign-in`);
    await Promise.all([page.waitForURL(`${SITE}/`), page.click('#passkey-sign-in button')]);
    await keys.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId: id });
    const { authenticatorId: other } = await keys.send('WebAuthn.addVirtualAuthenticator',
        { options: KEY_RING });
    await keys.send('WebAuthn.addCredential',
        { authenticatorId: other, credential: { ...copy, signCount: 1 } });
    await page.goto(`${SITE}/sign-in`);
    await page.click('#passkey-sign-in button');
    await said(page, 'This passkey does not sign you in');
    t.ok('a copy whose counter is older is refused');
    await looked(t, page, 'copy-refused');
    const { alarms } = await t.api('GET', '/v1/status');
    t.check('the admins are alarmed', alarms.some((a) => a.text.includes('there is a copy of it')),
        JSON.stringify(alarms));
    await page.goto(`${SITE}/passkeys`);
    await t.says('the person is told', page, '.rule', 'Somebody has a copy of this one');
    await looked(t, page, 'stopped');
    const { items } = await t.api('GET', '/v1/users/maria/passkeys');
    t.same('it stays stopped', true, items[0].stopped);
    const shown = await t.lab('gw_cli', 'user', 'show', 'maria');
    t.check('and the command says so', /passkeys +\d+  key ring, of .*STOPPED/.test(shown), shown);
}

async function removing(t, page, secret) {
    await page.goto(`${SITE}/sign-in`);
    await sent(page, { passphrase: PASSPHRASE, code: totp(secret, 1) });
    await page.goto(`${SITE}/passkeys`);
    await page.click('.rule summary');
    await looked(t, page, 'change');
    await sent(page, {}, 'form[action="/passkeys/remove"] button');
    await t.says('removed, it is gone', page, 'main', 'You have none yet');
    t.same('for the admins, too', 0, (await t.api('GET', '/v1/users/maria/passkeys')).items.length);
}
