// SPDX-License-Identifier: GPL-2.0-or-later
// Passkeys at the console, called by the gateway's name: an admin who has just signed in with
// passphrase and app adds one, signs in with it alone and without naming themselves, and cannot
// change passkeys in a session that began so; a copy opens nothing, nor then what it is a copy of.
import { admin } from './console.mjs';
import { test } from './harness.mjs';

const NAME = 'access.lab.example';
const CONSOLE = `https://${NAME}:8443/`;
const KEY_RING = {
    protocol: 'ctap2', transport: 'usb', hasResidentKey: true, hasUserVerification: true,
    isUserVerified: true, automaticPresenceSimulation: true,
};
const button = (page, name) => page.getByRole('button', { name, exact: true });

await test('passkey_console', async (t) => {
    await t.lab('story_begin');
    await t.lab('browser_name', NAME);
    await t.until('the console is served', 10, async () =>
        (await t.labStatus('browser_pin', 'office', '10.20.0.1:8443')).out.trim().length === 44);
    const pin = await t.lab('browser_pin', 'office', '10.20.0.1:8443');
    const { context, page } = await t.browser('office', {
        viewport: { width: 1360, height: 900 },
        args: [`--ignore-certificate-errors-spki-list=${pin}`,
            `--host-resolver-rules=MAP ${NAME} 10.20.0.1`],
    });
    const keys = await context.newCDPSession(page);
    await keys.send('WebAuthn.enable');
    const { authenticatorId: id } = await keys.send('WebAuthn.addVirtualAuthenticator',
        { options: KEY_RING });

    await admin(t, page, 'anna', 'owner');
    t.check('her link led to the console by its name', page.url().startsWith(CONSOLE), page.url());
    await adding(t, page, keys, id);
    await entering(t, page, 'with the key ring alone she is in');
    await notChanging(t, page);
    await copied(t, page, keys, id);
    t.same('no page complained in the console', [], page.complaints);
});

async function admins(page) {
    await page.goto(`${CONSOLE}#/admins`);
    await page.getByRole('heading', { name: 'Your passkeys' }).waitFor();
}

async function signedOut(page) {
    await button(page, 'Sign out').click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
}

async function adding(t, page, keys, id) {
    await admins(page);
    await button(page, 'Add a passkey').click();
    await page.getByRole('dialog').getByLabel('What you call it').fill('key ring');
    await page.getByRole('dialog').getByRole('button', { name: 'Go on' }).click();
    await page.getByRole('rowheader', { name: 'key ring' }).waitFor();
    t.ok('she adds a passkey');
    await t.axe(page, 'admins');
    await t.screenshot(page, 'added');
    const { credentials } = await keys.send('WebAuthn.getCredentials', { authenticatorId: id });
    t.same('it belongs to the name', NAME, credentials[0].rpId);
}

async function entering(t, page, what) {
    await signedOut(page);
    await t.screenshot(page, 'sign-in');
    await button(page, 'Sign in with a passkey').click();
    await button(page, 'Sign out').waitFor();
    t.ok(what);
    const { items } = await t.api('GET', '/v1/audit?last=50');
    const record = items.filter((a) => a.act === 'console.sign-in').at(-1);
    t.same('the record says by what', ['anna', 'passkey'], [record?.object, record?.detail?.factor]);
}

async function notChanging(t, page) {
    await admins(page);
    await t.says('in this session she changes none', page, 'main', 'by passphrase and code');
    const status = await page.evaluate(async () => (await fetch('v1/session/passkeys/begin', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: '{}',
    })).status);
    t.same('nor does a script of hers', 403, status);
}

// A copy with an older counter, then the passkey itself: neither opens the console.
async function copied(t, page, keys, id) {
    const { credentials: [copy] } = await keys.send('WebAuthn.getCredentials',
        { authenticatorId: id });
    await entering(t, page, 'once more');
    await signedOut(page);
    await keys.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId: id });
    const { authenticatorId: other } = await keys.send('WebAuthn.addVirtualAuthenticator',
        { options: KEY_RING });
    await keys.send('WebAuthn.addCredential',
        { authenticatorId: other, credential: { ...copy, signCount: 1 } });
    await button(page, 'Sign in with a passkey').click();
    await t.says('a copy is refused', page, '.failure', 'does not sign you in');
    await t.screenshot(page, 'copy-refused');
    await keys.send('WebAuthn.removeCredential',
        { authenticatorId: other, credentialId: copy.credentialId });
    await keys.send('WebAuthn.addCredential',
        { authenticatorId: other, credential: { ...copy, signCount: 100 } });
    await button(page, 'Sign in with a passkey').click();
    await t.until('and so is what it was a copy of', 5, async () =>
        (await t.api('GET', '/v1/attempts')).items.some((a) => a.reason === 'sign-in-failed'));
    const { items } = await t.api('GET', '/v1/users/anna/passkeys');
    t.same('it is stopped', true, items[0].stopped);
    const removed = await t.lab('gw_cli', 'user', 'remove-passkey', 'anna', items[0].id);
    t.check('root takes it away', removed.includes('passkeys left: 0'), removed);
    const { status } = await t.labStatus('gw_cli', 'user', 'remove-passkey', 'anna', items[0].id);
    t.same('once', 1, status);
}
