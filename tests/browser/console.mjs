// SPDX-License-Identifier: GPL-2.0-or-later
// Admins at the console: from the link they are given to the first page.
import { totp } from './harness.mjs';

export const CONSOLE = 'https://10.20.0.1:8443/';
export const PASSPHRASE = 'purple kettle stands alone';
export const PAGES = [
    'now',
    'people',
    'devices',
    'policy',
    'attempts',
    'cases',
    'explain',
    'audit',
    'admins',
];

// A browser in the office, {browser, context, page}, to which the gateway's own certificate is a good
// one: as it is to an admin who has taken it up, and without what Chromium does about bad ones.
export async function office(t) {
    let pin = '';
    const known = async () => {
        pin = (await t.labStatus('browser_pin', 'office', new URL(CONSOLE).host)).out.trim();
        return pin.length === 44;
    };
    await t.until('the console is served', 10, known);
    return t.browser('office', {
        viewport: { width: 1360, height: 900 },
        args: [`--ignore-certificate-errors-spki-list=${pin}`],
    });
}

// Makes an admin of this role, who opens their link in the page, chooses a passphrase and an app, and
// is signed in; {name, secret, recovery}. `look(name)` is called at each step.
export async function admin(t, page, name, role, look = () => {}) {
    await t.lab('gw_cli', 'user', 'add', name, '--full-name', `${name} the ${role}`);
    await t.lab('gw_cli', 'admin', 'add', name, '--role', role);
    const { link } = JSON.parse(await t.lab('gw_cli', '--json', 'admin', 'link', name));
    await page.goto(link);
    await page.getByLabel('Passphrase').fill(PASSPHRASE);
    await page.getByLabel('The same again').fill(PASSPHRASE);
    await look('set-up');
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByRole('heading', { name: 'Your second factor' }).waitFor();
    const secret = (await page.innerText('code.key')).replace(/\s/g, '');
    await look('second-factor');
    await page.getByLabel('Six digits').fill(totp(secret, -1));
    await page.getByRole('button', { name: 'Confirm' }).click();
    await page.getByRole('heading', { name: 'Keep these recovery codes' }).waitFor();
    const recovery = await page.locator('.codes code').allInnerTexts();
    await look('recovery');
    await page.getByRole('button', { name: 'I have them. Go on' }).click();
    await page.getByRole('heading', { name: 'Now', level: 1 }).waitFor();
    return { name, secret, recovery };
}

// Goes to a page by its address and waits until it has what it asked for.
export async function show(page, where) {
    await page.goto(`${CONSOLE}#/${where}`);
    await page.locator('main h1').first().waitFor();
    await page.waitForFunction(() => !document.querySelector('main [aria-busy="true"]'));
}

// A request of the page's own to the gateway: {status, body}.
export function ask(page, method, path, body) {
    return page.evaluate(
        async ([m, p, b]) => {
            const answer = await fetch(p, {
                method: m,
                headers: { 'Content-Type': 'application/json' },
                body: m === 'GET' ? undefined : JSON.stringify(b ?? {}),
            });
            return { status: answer.status, body: await answer.json() };
        },
        [method, path, body],
    );
}
