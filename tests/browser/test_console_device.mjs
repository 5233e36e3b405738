// SPDX-License-Identifier: GPL-2.0-or-later
// A person and their device, all by the console: added, invited, approved, unhealthy and why, healthy
// and in, locked for a port scan and unlocked, lost. Each change shows as it happens, by the stream,
// and by questions every few seconds where there is none.
import { admin, office, show } from './console.mjs';
import { source, test } from './harness.mjs';

const POLICY = `${source('tests/lab/lab.policy.conf')}
enrolment { approve every device }
respond { port-scan 20 within 1m lock   at most 50% of devices }
`;

await test('console_device', async (t) => {
    await t.lab('console_and_door', await t.file('policy', POLICY));
    await t.lab('staff_host', 'laptop', 21);
    const { page } = await office(t);
    await admin(t, page, 'anna', 'owner');
    await page.getByRole('heading', { name: 'Begin here' }).waitFor();
    t.ok('a gateway that nobody uses says where to begin');
    await t.screenshot(page, 'begin');
    await adding(t, page);
    const { link, code } = await inviting(t, page);
    await approving(t, page, link, code);
    await healthy(t, page);
    await locked(t, page);
    await withoutStream(t, page);
    await lost(t, page);
    t.same('no page complained in the console', [], page.complaints);
});

function button(page, name) {
    return page.getByRole('button', { name, exact: true });
}
function inDialog(page, name) {
    return page.getByRole('dialog').getByRole('button', { name, exact: true });
}

async function adding(t, page) {
    await show(page, 'people');
    await button(page, 'Add a person').click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name', { exact: true }).fill('Maria');
    await inDialog(page, 'Add').click();
    t.same(
        'what is no name the form itself refuses',
        true,
        await dialog.getByLabel('Name', { exact: true }).evaluate((e) => !e.validity.valid),
    );
    await dialog.getByLabel('Name', { exact: true }).fill('maria');
    await dialog.getByLabel('Full name').fill('Maria Álvarez');
    await dialog.getByLabel('clerk').check();
    await t.axe(page, 'adding a person');
    await t.screenshot(page, 'add');
    await inDialog(page, 'Add').click();
    await page.getByRole('link', { name: 'their page' }).click();
    await page.getByRole('heading', { name: 'Maria Álvarez' }).waitFor();
    t.same(
        'a person is added with a role',
        ['clerk'],
        (await t.api('GET', '/v1/users/maria')).roles,
    );
    t.check('and the question is gone', !(await page.getByRole('dialog').isVisible()));
}

async function inviting(t, page) {
    await button(page, 'Invite a device').click();
    await page.getByLabel('Name of the device').fill('maria-laptop');
    await inDialog(page, 'Make the invitation').click();
    await page.getByRole('heading', { name: 'Invitation for maria' }).waitFor();
    const link = await page.innerText('dialog code.wide'),
        code = await page.innerText('dialog code.code');
    t.check(
        'an invitation has a link and a code',
        /\/enrol#\w{26}\./.test(link) && /\d/.test(code),
        `${link} ${code}`,
    );
    await t.axe(page, 'an invitation');
    await t.screenshot(page, 'invitation');
    await inDialog(page, 'Done').click();
    await page.getByRole('heading', { name: 'Open invitations' }).waitFor();
    t.ok('it is listed while it is open');
    await t.api('POST', '/v1/users/maria/invite', { device: 'maria-phone' });
    await show(page, 'devices');
    await t.says(
        'on the page Devices, too',
        page,
        'main',
        /maria maria-laptop.* maria maria-phone/,
    );
    await page
        .getByRole('row', { name: 'maria-phone' })
        .getByRole('button', { name: /^Withdraw/ })
        .click();
    await page.getByText('maria-phone').waitFor({ state: 'detached' });
    t.same(
        'and is withdrawn by a button',
        1,
        (await t.api('GET', '/v1/invites?state=open')).items.length,
    );
    return { link, code };
}

async function approving(t, page, link, code) {
    await show(page, 'now');
    t.same(
        'the device waits',
        'waiting',
        await t.lab('browser_redeem', 'laptop', link, code, 'ignored'),
    );
    await page.locator('#approve-maria-laptop').waitFor();
    t.ok('Now shows it without a reload, with a button');
    await t.screenshot(page, 'waiting');
    await page.locator('#approve-maria-laptop').click();
    await inDialog(page, 'Approve').click();
    await page.locator('#approve-maria-laptop').waitFor({ state: 'detached' });
    t.same(
        'approved, it is in quarantine until it has reported',
        'quarantine',
        (await t.api('GET', '/v1/devices/maria-laptop')).state,
    );
}

async function healthy(t, page) {
    await t.lab('gw_api', 'POST', '/v1/users/maria/sign-in');
    await t.labStatus('staff_report', 'laptop', 'sick');
    await show(page, 'devices/maria-laptop');
    await t.says(
        'what is wrong stands first',
        page,
        'main tbody tr',
        /require fde\.sys.*disk.*not encrypted/i,
    );
    await t.says('with what was expected and received', page, 'main tbody tr', 'yes no');
    await t.axe(page, 'a device that fails');
    await t.screenshot(page, 'fails');
    await t.lab('staff_report', 'laptop', 'healthy');
    await show(page, 'now');
    await page.locator('#revoke-device-maria-laptop').waitFor();
    await show(page, 'devices/maria-laptop');
    await t.says('healthy, it is in', page, 'main .verdict', 'In as clerk, lease until');
}

async function locked(t, page) {
    await show(page, 'now');
    await t.lab('browser_scan', 'laptop', 20);
    await page.getByRole('heading', { name: 'Held by the gateway' }).waitFor();
    await t.says(
        'a port scan locks it, and Now says so',
        page,
        'main',
        /maria-laptop maria port-scan/,
    );
    await t.screenshot(page, 'locked');
    await page.getByRole('button', { name: 'Unlock' }).first().click();
    await page.getByLabel('Reason').fill('talked to her');
    await inDialog(page, 'Unlock').click();
    await page.getByRole('heading', { name: 'Held by the gateway' }).waitFor({ state: 'detached' });
    t.same(
        'unlocked, it is in again',
        'in',
        (await t.api('GET', '/v1/devices/maria-laptop')).state,
    );
}

// Some proxies hold a stream back: then the page asks.
async function withoutStream(t, page) {
    await page.route('**/v1/events*', (route) =>
        route.request().headers().accept?.includes('event-stream')
            ? route.fulfill({ status: 200, contentType: 'application/json', body: '{}' })
            : route.continue(),
    );
    await page.reload();
    await page.locator('.pulse', { hasText: 'Every 3 seconds' }).waitFor();
    await t.labStatus('lab_on', 'laptop', 'probe', '-t', 300, 'tcp', '10.20.0.9', 4321);
    await page.getByText('10.20.0.9:4321/tcp').waitFor();
    t.ok('without a stream the page asks every few seconds');
    await page.unroute('**/v1/events*');
    page.complaints = page.complaints.filter((c) => !/EventSource/.test(c));
}

async function lost(t, page) {
    await show(page, 'devices/maria-laptop');
    await button(page, 'Lost').click();
    await inDialog(page, 'Cut it off as lost').click();
    await page.getByRole('heading', { name: 'maria-laptop is cut off' }).waitFor();
    await inDialog(page, 'Done').click();
    await page.locator('main .verdict .tag', { hasText: 'Lost' }).waitFor();
    t.ok('a lost device is cut off, with its receipt');
    t.same('and has no buttons any more', 0, await page.locator('main .head button').count());
}
