// SPDX-License-Identifier: GPL-2.0-or-later
// The console as admins meet it: from a link to being signed in; a person cut off in the middle of a
// download; a policy with a mistake, mended, in force, taken back; those who may less see no buttons,
// and are refused; texts of others are texts. Every page through axe-core, in both colours, narrow.
import { admin, ask, CONSOLE, office, PAGES, PASSPHRASE, show } from './console.mjs';
import { test, totp } from './harness.mjs';

const EVIL =
    '<img src=x onerror="window.hit=1"><script>window.hit=2</script>\'"--><svg onload=window.hit=3>';

// What changes anything is called so.
const ACTS = [
    'Revoke',
    'Restore',
    'Lost',
    'Retire',
    'Compromised',
    'Roles',
    'Add a person',
    'Invite a device',
    'Sign-in code',
    'Except',
    'Apply…',
    'Roll back…',
    'Open a case',
    'Close the case',
    'Add an admin',
    'Remove',
    'Sign-in link',
];
const PLACES = [...PAGES, 'people/maria', 'devices/ben', 'attempts/1', 'cases/1'];

function button(page, name) {
    return page.getByRole('button', { name, exact: true });
}
function inDialog(page, name) {
    return page.getByRole('dialog').getByRole('button', { name, exact: true });
}

await test('console', async (t) => {
    await t.lab('story_begin');
    await t.lab('staff_join', 'laptop', 21, 'maria', 'entry-filing');
    await t.lab('staff_join', 'sick', 22, 'ben', 'import-clerk', 'sick');
    await t.lab('staff_join', 'leaver', 23, 'carla', 'warehouse');
    await t.lab('staff_join', 'curious', 24, 'dan', 'accounting');
    await t.lab('staff_join', 'third', 25, 'eve', 'accounting');
    await t.labStatus('lab_on', 'curious', 'probe', '-t', 300, 'tcp', '10.20.0.9', 5432);
    const { browser, page } = await office(t);

    const anna = await signingIn(t, page);
    await revoking(t, page);
    await policies(t, page);
    await attempts(t, page);
    await explaining(t, page);
    await records(t, page);
    await texts(t, page);
    await live(t, page);
    await everyPage(t, page);
    await byKeyboard(t, page);
    await auditor(t, browser);
    await helpDesk(t, browser);
    await ending(t, page, anna);
    for (const p of t.pages) t.same('no page complained in the console', [], p.complaints);
});

// --- signing in ------------------------------------------------------------------------------------

async function signingIn(t, page) {
    const look = async (name) => {
        await t.axe(page, name);
        await t.screenshot(page, name);
    };
    const anna = await admin(t, page, 'anna', 'owner', look);
    t.same('eight recovery codes', 8, anna.recovery.length);
    t.check('the code is gone from the address', !page.url().includes('set-up'));
    const [cookie] = await page.context().cookies();
    t.same(
        'the session is a cookie that no script reads, and no other site sends',
        ['__Host-portcullis', true, true, 'Strict'],
        [cookie.name, cookie.httpOnly, cookie.secure, cookie.sameSite],
    );
    await button(page, 'Sign out').click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await look('sign-in');
    await enter(page, anna, '000000');
    await t.says('a wrong code opens nothing', page, '.failure', /not|wrong/i);
    await enter(page, anna, totp(anna.secret));
    await page.getByRole('heading', { name: 'Now', level: 1 }).waitFor();
    t.ok("the app's code does");
    await page.locator('.pulse', { hasText: 'Live' }).waitFor();
    t.ok('and what happens comes as it happens');
    return anna;
}

async function enter(page, who, code) {
    await page.getByLabel('Name').fill(who.name);
    await page.getByLabel('Passphrase').fill(PASSPHRASE);
    await page.getByLabel('Code of your authenticator app').fill(code);
    await button(page, 'Sign in').click();
}

// --- one button, one confirmation, the receipt -------------------------------------------------------

async function revoking(t, page) {
    const came = async () => Number(await t.lab('came_by_tunnel', 'leaver'));
    await t.lab(
        'lab_start',
        'leaver',
        'download',
        'curl',
        '-sS',
        '-o',
        '/dev/null',
        'http://wms:8081/bulk',
    );
    await t.until("carla's download runs", 5, async () => (await came()) > 5e6);
    await show(page, 'people');
    await page.getByLabel('Revoke carla').click();
    await page.getByLabel('Reason').fill(EVIL);
    await t.screenshot(page, 'revoke');
    await inDialog(page, 'Revoke carla').click();
    await page.getByRole('heading', { name: 'carla is cut off' }).waitFor();
    const then = await came();
    await new Promise((r) => setTimeout(r, 1000));
    t.same('not a byte came after the receipt was shown', then, await came());
    await t.says(
        'the receipt says how long it took',
        page,
        'dialog .verdict',
        /^[\d.]+ ms from your request/,
    );
    await t.says(
        'and that the kernel holds nothing more',
        page,
        'dialog',
        'leases: 0, connections: 0, peers: 0',
    );
    await t.axe(page, 'the receipt');
    await t.screenshot(page, 'receipt');
    const download = page.waitForEvent('download');
    await inDialog(page, 'Save signed receipt').click();
    const path = await (await download).path();
    const key = await t.file('key', `${await t.lab('gw_cli', 'audit', 'key')}\n`);
    t.same(
        "the signed receipt holds for a program that knows only the log's key",
        0,
        (await t.labStatus('../../deploy/verify/portcullis-verify', '--key', key, path)).status,
    );
    await inDialog(page, 'Done').click();
    await show(page, 'people/carla');
    await t.says('the person is revoked, by name', page, 'main', /Revoked.* by anna/);
    await button(page, 'Restore').click();
    await inDialog(page, 'Restore').click();
    await button(page, 'Invite a device').waitFor();
    t.ok('and can be restored');
    t.same(
        "the act is anna's",
        'anna',
        (await t.api('GET', '/v1/audit?act=user.restore')).items.at(-1).actor,
    );
}

// --- the policy ------------------------------------------------------------------------------------

async function policies(t, page) {
    await show(page, 'policy');
    const area = page.getByLabel('Policy file');
    const before = await area.inputValue();
    await area.fill(before.replace('reach customs-db, entry-web', 'reach custms-db, entry-web'));
    await page.locator('.problems li').waitFor();
    await t.says('a mistake is written at its line', page, '.words .error .message', 'custms-db');
    const line = before.slice(0, before.indexOf('reach customs-db, entry-web')).split('\n').length;
    await t.says('which has its number marked', page, '.numbers .error', String(line));
    await t.says('and a hint', page, '.problems', "'customs-db'");
    t.check('it cannot be applied', await button(page, 'Apply…').isDisabled());
    await button(page, `Go to line ${line}`).click();
    t.same(
        'the button goes to the line',
        line,
        await area.evaluate((a) => a.value.slice(0, a.selectionStart).split('\n').length),
    );
    await t.axe(page, 'a policy with a mistake');
    await t.screenshot(page, 'policy-mistake');

    const wider = before.replace('reach customs-db, entry-web', 'reach customs-db, entry-web, wms');
    await area.fill(
        wider.replace(
            'role entry-filing cannot reach accounting-app, wms',
            'role entry-filing cannot reach accounting-app',
        ),
    );
    await page.waitForFunction(() =>
        /gains/.test(document.querySelector('.sentences')?.textContent),
    );
    await t.says(
        'what it would change stands there in sentences',
        page,
        '.sentences',
        /entry-filing gains .*wms/,
    );
    await button(page, 'Apply…').click();
    await t.screenshot(page, 'policy-apply');
    await inDialog(page, 'Apply').click();
    await page.getByRole('heading', { name: 'Version 2 is in force' }).waitFor();
    await inDialog(page, 'Done').click();
    await t.says(
        'it is on trial, as every page says',
        page,
        '.banner',
        'Policy version 2 is on trial',
    );
    t.same('what it permits is permitted', 0, (await probe(t)).status);
    await t.screenshot(page, 'policy-trial');
    await button(page, 'Roll back').click();
    await page.locator('.banner').waitFor({ state: 'detached' });
    t.check('taken back, it is not', (await probe(t)).status !== 0);
    await page.waitForFunction((text) => document.querySelector('textarea').value === text, before);
    t.ok('and the page shows the policy that is in force');
    await masses(t, page, before);
}

function probe(t) {
    return t.labStatus('lab_on', 'laptop', 'probe', '-t', 1000, 'tcp', '10.20.0.22', 8081);
}

// Nobody is left with nothing by one wrong keystroke.
async function masses(t, page, before) {
    await page
        .getByLabel('Policy file')
        .fill(before.replace(/require fde\.sys\n/, 'require not fde.sys\n'));
    await page.waitForFunction(() => document.querySelector('.sentences'));
    await button(page, 'Apply…').click();
    await inDialog(page, 'Apply').click();
    await page.getByRole('heading', { name: 'This leaves most' }).waitFor();
    await t.says(
        'a policy that cuts most off asks once more, with numbers',
        page,
        'dialog:has-text("This leaves most")',
        /\d of the \d devices/,
    );
    await t.screenshot(page, 'policy-masses');
    await inDialog(page, 'Cancel').click();
    t.same('and is not in force', 3, (await t.api('GET', '/v1/status')).leases);
    await button(page, 'Drop my changes').click();
}

// --- attempts, cases --------------------------------------------------------------------------------

async function attempts(t, page) {
    await show(page, 'attempts?q=customs');
    await t.says(
        'an attempt is found by what it was at',
        page,
        'main table',
        /dan.*10\.20\.0\.9:5432\/tcp \(customs-db\)/,
    );
    await page
        .getByRole('link', { name: /^Packet \d/ })
        .first()
        .click();
    await page.getByText('Would it be permitted now?').waitFor();
    await page.getByText(/^No\. dan may not reach/).waitFor();
    t.ok('one attempt says whether it would be permitted now');
    const download = page.waitForEvent('download');
    await button(page, 'Download packets').click();
    const packets = await (await download).path();
    t.same(
        'its packets are a file that tcpdump reads',
        0,
        (await t.labStatus('tcpdump', '-qnr', packets)).status,
    );
    await button(page, 'Open a case').click();
    await page.getByLabel('First note').fill(EVIL);
    await inDialog(page, 'Open the case').click();
    await page.getByRole('heading', { name: 'Case 1' }).waitFor();
    await button(page, 'Close the case').click();
    await page.getByLabel('What was found').fill(EVIL);
    await inDialog(page, 'Close it').click();
    await page.locator('main .tag', { hasText: 'Closed' }).waitFor();
    await t.says('a case is opened on it, and closed with an outcome', page, 'main', 'Training');
    await t.screenshot(page, 'case');
}

async function explaining(t, page) {
    await show(page, 'explain');
    await page.getByLabel('Person', { exact: true }).fill('dan');
    await page.getByLabel('Destination', { exact: true }).first().fill('10.20.0.9:5432');
    await button(page, 'Explain').click();
    await t.says(
        'why not, in one sentence',
        page,
        '.verdict',
        'No. dan may not reach 10.20.0.9:5432/tcp (customs-db)',
    );
    await page.getByLabel('Destination', { exact: true }).last().fill('customs-db');
    await button(page, 'Who reaches it?').click();
    await page.getByText('Roles that reach it').waitFor();
    await t.says('and who does', page, 'main', /maria/);
    await t.screenshot(page, 'explain');
}

async function records(t, page) {
    await show(page, 'audit?act=user');
    await t.says(
        'the log has the acts of the console by name',
        page,
        'main table',
        /anna \(console\) user\.restore carla/,
    );
    await button(page, 'Verify').click();
    await page.getByText('Whole.').waitFor();
    t.ok('it is whole');
    await page.getByLabel('About a person').fill('carla');
    const download = page.waitForEvent('download');
    await button(page, 'Export as evidence').click();
    const path = await (await download).path();
    const key = await t.file('key', `${await t.lab('gw_cli', 'audit', 'key')}\n`);
    t.same(
        'what is exported a stranger can verify',
        0,
        (await t.labStatus('../../deploy/verify/portcullis-verify', '--key', key, path)).status,
    );
}

// --- texts of others ----------------------------------------------------------------------------------

async function texts(t, page) {
    await t.api('POST', '/v1/users', { name: 'mallory', full_name: EVIL, roles: ['it'] });
    const { text } = await t.api('GET', '/v1/policy');
    await t.api(
        'POST',
        '/v1/policy/apply',
        text.replace(/company "[^"]*"/, 'company "<img src=x onerror=window.hit=4>"'),
    );
    await t.api('POST', '/v1/devices/ben/exceptions', {
        rule: 'require fde.sys',
        until: Math.floor(Date.now() / 1000) + 600,
        reason: EVIL,
    });
    await t.api('POST', '/v1/users/mallory/revoke', { reason: EVIL });
    const places = [
        ...PAGES,
        'people/mallory',
        'people/carla',
        'devices/ben',
        'cases/1',
        'audit?about=mallory',
        'people/%zz%',
        `people/${encodeURIComponent(EVIL)}`,
        `attempts?q=${encodeURIComponent(EVIL)}`,
        `attempts?user=${encodeURIComponent(EVIL)}`,
        `explain?user=${encodeURIComponent(EVIL)}&to=${encodeURIComponent(EVIL)}`,
        `${encodeURIComponent(EVIL)}`,
    ];
    const made = [];
    for (const place of places) {
        await show(page, place);
        for (const d of await page.locator('details').all())
            await d.evaluate((e) => {
                e.open = true;
            });
        made.push(
            ...(await page.evaluate(() =>
                [
                    ...document.querySelectorAll('img, script:not([src]), svg[onload], [onerror]'),
                ].map((e) => e.outerHTML),
            )),
        );
    }
    t.same('no text of others became an element', [], made);
    t.same('and none has run', undefined, await page.evaluate(() => window.hit));
    await show(page, 'people/mallory');
    await t.says('a name is shown as it was typed', page, 'h1', EVIL);
    await t.says('and so is a reason', page, 'main', `by lab: ${EVIL}`);
    await page.goto(
        `${CONSOLE}#set-up=${encodeURIComponent(EVIL)}&user=${encodeURIComponent(EVIL)}`,
    );
    await page.reload();
    t.same(
        'nor by a link that somebody sends',
        [EVIL, undefined],
        [
            await page.getByLabel('Your name here').inputValue(),
            await page.evaluate(() => window.hit),
        ],
    );
    t.same(
        'what comes from elsewhere the page would refuse',
        false,
        await page.evaluate(async () => {
            try {
                await fetch('https://10.20.0.10/');
                return true;
            } catch {
                return false;
            }
        }),
    );
    page.complaints = page.complaints.filter(
        (c) => !/Content Security Policy|10\.20\.0\.10/.test(c),
    );
}

// --- as it happens ------------------------------------------------------------------------------------

async function live(t, page) {
    await show(page, 'now');
    await page.locator('.pulse', { hasText: 'Live' }).waitFor();
    await t.labStatus('lab_on', 'curious', 'probe', '-t', 300, 'tcp', '10.20.0.11', 4321);
    await page.getByText('10.20.0.11:4321/tcp').waitFor();
    t.ok('an attempt shows without a reload');
    await t.lab('staff_report', 'sick', 'healthy');
    await page
        .locator('section', { has: page.getByRole('heading', { name: 'In', exact: true }) })
        .getByText('ben')
        .first()
        .waitFor();
    t.ok('and who comes in');
    await page.getByText(/revocations?; until the kernel had cut/).waitFor();
    const { text } = await t.api('GET', '/v1/policy');
    await t.api('POST', '/v1/policy/apply?confirm=60', `${text}# another\n`);
    await page.locator('.banner').waitFor();
    t.ok('a policy that somebody puts on trial');
    await button(page, 'Keep it').click();
    await page.locator('.banner').waitFor({ state: 'detached' });
    const { policy } = await t.api('GET', '/v1/status');
    t.same('which is kept by a button', undefined, policy.confirm_until);
    await t.screenshot(page, 'now');
}

// --- every page ---------------------------------------------------------------------------------------

async function everyPage(t, page) {
    for (const place of [...PAGES, 'people/maria', 'devices/ben', 'attempts/1', 'cases/1']) {
        await show(page, place);
        const name = place.replace('/', '-');
        await t.axe(page, name);
        await t.narrow(page, name);
        await t.screenshot(page, name);
        t.same(
            `${name} has one main, one h1, and says which page it is`,
            [1, 1, true],
            await page.evaluate(() => [
                document.querySelectorAll('main').length,
                document.querySelectorAll('h1').length,
                document.title.endsWith('Portcullis'),
            ]),
        );
    }
    await page.emulateMedia({ colorScheme: 'dark' });
    for (const place of [...PAGES, 'devices/ben']) {
        await show(page, place);
        await t.axe(page, `${place}, dark`);
        await t.screenshot(page, `${place.replace('/', '-')}-dark`);
    }
    await page.emulateMedia({ colorScheme: 'light' });
}

async function byKeyboard(t, page) {
    await show(page, 'now');
    await page.keyboard.press('/');
    await page.keyboard.type('maria');
    await page.locator('.found li').first().waitFor();
    await t.screenshot(page, 'find');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.waitForURL(/#\/people\/maria$/);
    t.ok('anybody is found by / and a part of the name');
    t.check('the keyboard finds Revoke', await t.tabTo(page, '#revoke-person-maria'));
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Revoke maria?' }).waitFor();
    t.same(
        'the question has the focus',
        true,
        await page.evaluate(() => !!document.activeElement.closest('dialog')),
    );
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => document.activeElement.id === 'revoke-person-maria');
    t.ok('Escape leaves it, back to the button');
}

// --- those who may less ---------------------------------------------------------------------------------

async function shown(page, places) {
    const all = new Set();
    for (const place of places) {
        await show(page, place);
        for (const name of await page.getByRole('button').allInnerTexts())
            if (ACTS.includes(name)) all.add(name);
    }
    return [...all].sort();
}

async function auditor(t, browser) {
    const { page } = await t.tab(browser);
    await admin(t, page, 'audrey', 'auditor');
    t.same(
        'an auditor sees every page, and no button that changes anything',
        [],
        await shown(page, PLACES),
    );
    await show(page, 'people');
    await t.screenshot(page, 'auditor');
    await show(page, 'policy');
    await page.getByText('No errors.').waitFor();
    t.ok('the policy in force is judged for them, too');
    const users = (await t.api('GET', '/v1/users')).items.map((u) => [u.name, u.state, u.roles]);
    const refused = [];
    for (const [method, path, body] of [
        ['POST', 'v1/users/maria/revoke'],
        ['POST', 'v1/devices/ben/lost'],
        ['PUT', 'v1/users/maria/roles', { roles: [] }],
        ['POST', 'v1/users', { name: 'x', roles: [] }],
        ['POST', 'v1/users/maria/invite'],
        ['POST', 'v1/users/maria/sign-in-code'],
        ['POST', 'v1/policy/rollback'],
        ['PUT', 'v1/admins/audrey', { role: 'owner' }],
        ['POST', 'v1/cases', { user: 'maria', attempts: [1] }],
        ['POST', 'v1/admins/anna/link'],
        ['POST', 'v1/audit/new-key'],
    ])
        refused.push((await ask(page, method, path, body)).status);
    t.same('and is refused whatever else they send', [403], [...new Set(refused)]);
    t.same(
        'nothing has changed',
        users,
        (await t.api('GET', '/v1/users')).items.map((u) => [u.name, u.state, u.roles]),
    );
    const named = async () =>
        (await t.api('GET', '/v1/attempts?kind=admin')).items.some((a) => a.user === 'audrey');
    await t.until('the attempt has their name', 3, named);
}

async function helpDesk(t, browser) {
    const { page } = await t.tab(browser);
    await admin(t, page, 'helen', 'helpdesk');
    t.same(
        'the help desk sees what it may',
        ['Invite a device', 'Sign-in code'],
        await shown(page, PLACES),
    );
    await show(page, 'people/maria');
    await button(page, 'Sign-in code').click();
    await inDialog(page, 'Make the code').click();
    await page.getByRole('heading', { name: 'Sign-in code for maria' }).waitFor();
    t.check('and gives a code', /\S{6}/.test(await page.innerText('dialog code.code')));
}

// --- the end of a session ---------------------------------------------------------------------------------

// What was typed into the policy is there again; and somebody else's policy is not undone unseen.
async function ending(t, page, anna) {
    await show(page, 'policy');
    const area = page.getByLabel('Policy file');
    const mine = `# mine\n${await area.inputValue()}`;
    await area.fill(mine);
    await page.waitForFunction(() =>
        /No errors/.test(document.querySelector('.verdict').textContent),
    );
    const { id } = (await ask(page, 'GET', 'v1/session')).body;
    await ask(page, 'POST', `v1/sessions/${id}/end`);
    await page.getByRole('link', { name: 'Devices' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await t.says('whose session ends is told so', page, 'main', 'Your session has ended');
    await enter(page, anna, anna.recovery[0]);
    await page.getByRole('heading', { name: 'Devices', level: 1 }).waitFor();
    t.ok('and goes on where they were, here by a recovery code');
    await show(page, 'policy');
    t.same('what was typed and not applied is there again', mine, await area.inputValue());
    const { text } = await t.api('GET', '/v1/policy');
    await t.api(
        'POST',
        '/v1/policy/apply',
        `${text}\nrole visitor { reach updates  posture baseline }\n`,
    );
    await button(page, 'Apply…').click();
    await t.says(
        'what somebody else applied meanwhile is told of',
        page,
        'dialog',
        /lab applied version \d/,
    );
    await t.says('and what would undo it', page, 'dialog .sentences', /visitor/);
    await t.screenshot(page, 'policy-meanwhile');
    await inDialog(page, 'Cancel').click();
    await button(page, 'Drop my changes').click();
}
