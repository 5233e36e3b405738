// SPDX-License-Identifier: GPL-2.0-or-later
// Enrolment as an invited person meets it: the link is opened, the code typed, the key made in the
// page; the configuration that it shows, as text, as a file and as a picture, makes a tunnel that
// works. No request ever carries the secret half of the key, in any spelling.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { BUILD, source, test } from './harness.mjs';

// As a browser takes it, whatever this Node makes of a .js without a package around it.
const { qrMatrix } = await import(`data:text/javascript,${encodeURIComponent(source('admin/enrol/qr.js'))}`);

const DOOR = 'https://access.lab.example:8443';
const PORTAL = 'http://10.77.0.1';
const NAME = 'Maria <img src=x onerror="document.title=\'owned\'"> Álvarez';
const POLICY = `${source('tests/lab/lab.policy.conf')}
enrolment { at most 4 devices   approve every device   invitation 2h }
`;

await test('enrol', async (t) => {
    pictures(t);
    await t.lab('net_make');
    await t.lab('office_start');
    await t.lab('enrol_write_config', await t.file('policy', POLICY));
    await t.lab('gw_start');
    await t.lab('staff_host', 'laptop', 21);
    await t.api('POST', '/v1/users', { name: 'maria', full_name: NAME, roles: ['clerk'] });
    const { browser, page } = await t.browser('laptop',
        { viewport: { width: 900, height: 900 }, ignoreHTTPSErrors: true });
    const sent = listen(page);

    await notInvited(t, page);
    await noKeyHere(t, browser);
    const text = await enrolling(t, page, sent);
    await takingAway(t, page, text);
    await connected(t, browser, text);
    await onAPhone(t, browser);
    t.same('no page complained in the console', [], page.complaints);
});

// --- pictures, without any lab -------------------------------------------------------------------

// What zbarimg, which has nothing of ours, reads in a picture.
function read(path) {
    try {
        return execFileSync('zbarimg', ['-q', '--raw', '-Sdisable', '-Sqrcode.enable', path],
            { stdio: ['ignore', 'pipe', 'ignore'] }).toString().replace(/\n$/, '');
    } catch (e) {
        return `(${e.message})`;
    }
}

// As a grey picture, 4 points a module and a quiet zone of 4 modules; `spoilt` modules are turned.
function draw(rows, path, spoilt = 0) {
    const side = (rows.length + 8) * 4, points = Buffer.alloc(side * side, 255);
    rows.forEach((row, y) => row.forEach((dark, x) => {
        const turned = spoilt > 0 && x > 8 && y > 8 && y % 7 === 0 && x % 11 < spoilt;
        if (dark === turned) return;
        for (let i = 0; i < 16; i++)
            points[((y + 4) * 4 + (i >> 2)) * side + (x + 4) * 4 + (i & 3)] = 0;
    }));
    writeFileSync(path, Buffer.concat([Buffer.from(`P5\n${side} ${side}\n255\n`), points]));
}

function pictures(t) {
    const path = join(BUILD, 'browser', 'code.pgm'), wrong = [];
    const text = (n) => Array.from({ length: n }, (_, i) => String.fromCharCode(33 + (i * 7 + n) % 90)).join('');
    const sizes = new Set();
    for (const level of ['L', 'M'])
        for (let n = 1; n <= (level === 'L' ? 858 : 666); n += 19) {
            const rows = qrMatrix(text(n), level);
            sizes.add(`${level}${rows.length}`);
            draw(rows, path);
            if (read(path) !== text(n)) wrong.push(`${level} ${n}`);
        }
    t.same('codes of every length are read back by another program', [], wrong);
    t.same('of all 20 versions and both levels', 40, sizes.size);
    draw(qrMatrix(text(300), 'M'), path, 1);
    t.same('one with spoilt modules as well', text(300), read(path));
    t.same('as many bytes as there may be, and none more', [177 - 80, true, true, true],
        [qrMatrix(text(858)).length, qrMatrix(text(859)) === null, qrMatrix(text(666), 'M') !== null,
            qrMatrix(text(667), 'M') === null]);
}

// --- what leaves the page ------------------------------------------------------------------------

function listen(page) {
    const sent = [];
    page.on('request', (r) => sent.push({ url: r.url(), method: r.method(),
        all: `${r.url()}\n${JSON.stringify(r.headers())}\n${r.postData() ?? ''}` }));
    return sent;
}

// A key as one could write it.
function spellings(secret) {
    const bytes = Buffer.from(secret, 'base64');
    return [secret, secret.replace(/=$/, ''), bytes.toString('base64url'), bytes.toString('hex'),
        bytes.toString('latin1'), encodeURIComponent(secret)];
}

function invite(t) { return t.api('POST', '/v1/users/maria/invite', {}); }

async function visit(page, link) {
    await page.goto('about:blank');
    await page.goto(link);
}

async function looked(t, page, name) {
    await t.axe(page, name);
    await t.narrow(page, name);
    await t.screenshot(page, name);
}

// --- refused -------------------------------------------------------------------------------------

async function notInvited(t, page) {
    await visit(page, `${DOOR}/enrol`);
    await t.says('without a link it says what is missing', page, '#problem', 'opened by the link of an invitation');
    await looked(t, page, 'no-link');
    await visit(page, `${DOOR}/enrol#AAAAAAAAAAAAAAAAAAAAAAAAAA`);
    await page.fill('#code', '1234 5678');
    await page.click('#go');
    await page.waitForSelector('#problem:not([hidden])');
    await t.says('a link that nobody gave out is refused', page, '#problem', 'does not exist, or it is over');
    t.check('and there is nothing left to type', await page.isHidden('#ask'));
    const { link, code, id } = await invite(t);
    await t.api('POST', `/v1/invites/${id}/withdraw`);
    await visit(page, link);
    await page.fill('#code', code);
    await page.click('#go');
    await page.waitForSelector('#problem:not([hidden])');
    await t.says('one that was withdrawn likewise', page, '#problem', 'does not exist, or it is over');
    await looked(t, page, 'over');
}

async function noKeyHere(t, browser) {
    const { context, page } = await t.tab(browser, { ignoreHTTPSErrors: true });
    await page.addInitScript(() => {
        crypto.subtle.generateKey = () => Promise.reject(new DOMException('no', 'NotSupportedError'));
    });
    await page.goto((await invite(t)).link);
    await t.says('a browser that cannot make the key says so, and what to do', page, '#help-key',
        'Open the same link in a current version');
    t.check('and asks for nothing', await page.isHidden('#ask'));
    await looked(t, page, 'old-browser');
    await context.close();
    const plain = await t.tab(browser, { ignoreHTTPSErrors: true, javaScriptEnabled: false });
    await plain.page.goto(`${DOOR}/enrol`);
    await t.says('without scripts it says so, too', plain.page, 'body', 'needs JavaScript');
    await plain.context.close();
}

// --- enrolled, by keyboard alone -----------------------------------------------------------------

async function enrolling(t, page, sent) {
    const { link, code } = await invite(t);
    await visit(page, link);
    await t.says('the page says what it is for', page, 'main', 'invited to connect a device');
    t.same('the code is what one types first', 'code', await page.evaluate(() => document.activeElement.id));
    await looked(t, page, 'ask');
    await page.fill('#code', code.replace(/\d$/, (d) => (Number(d) + 1) % 10));
    await page.keyboard.press('Enter');
    await page.waitForSelector('#problem:not([hidden])');
    await t.says('a wrong code is refused in words', page, '#problem', 'The code is not right');
    await t.says('and how many tries are left', page, '#problem', '4 tries are left');
    await looked(t, page, 'wrong-code');
    await page.fill('#code', '');
    await page.keyboard.type(code);
    await page.keyboard.press('Tab');
    await page.keyboard.type('Laptop at home!');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#done:not([hidden])');
    await t.says('the device is known', page, 'h1', 'Almost done');
    t.same('a name with markup in it is text', `${NAME}, your device is called maria-laptop-at-home.`, await page.innerText('#who'));
    t.same('nor is any of it in the title', 'Set up WireGuard', await page.title());
    await t.says('it says that it waits for approval', page, '#waiting', 'approve');
    t.same('what comes next has the focus', 'title', await page.evaluate(() => document.activeElement.id));
    t.same('the link is not kept in the address', `${DOOR}/enrol`, page.url());
    await looked(t, page, 'done');

    const text = await page.evaluate(() => document.getElementById('text').textContent);
    const secret = /^PrivateKey = (.*)$/m.exec(text)?.[1] ?? '';
    t.same('a whole key is in the configuration', 32, Buffer.from(secret, 'base64').length);
    const open = execFileSync('wg', ['pubkey'], { input: secret }).toString().trim();
    t.same('it is the one that the gateway knows', open,
        (await t.api('GET', '/v1/devices/maria-laptop-at-home')).wireguard_key);
    t.same('no request carried it', [],
        sent.filter((r) => spellings(secret).some((s) => r.all.includes(s))).map((r) => r.url));
    t.same('nor anything else to another place', [], sent.filter((r) =>
        !r.url.startsWith(`${DOOR}/`) && !/^(about|data):/.test(r.url)).map((r) => r.url));
    t.check('the open half was, so that one would have been seen',
        sent.some((r) => r.method === 'POST' && r.all.includes(open)));
    t.same('a request line never has the token', [], sent.filter((r) => r.method === 'GET' &&
        r.all.split('\n')[0].replace(/#.*/, '').includes(link.split('#')[1].slice(0, 26))).map((r) => r.url));
    return text;
}

async function takingAway(t, page, text) {
    const picture = join(BUILD, 'browser', 'enrol-code.png');
    await page.locator('#picture svg').screenshot({ path: picture });
    t.same('the picture holds the same text', text, read(picture));
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('#computer .save')]);
    t.same('the file has a name that WireGuard takes', 'lab-edge-1.conf', download.suggestedFilename());
    t.same('and holds the same text', text, readFileSync(await download.path(), 'utf8'));
    await page.click('#copy');
    await page.waitForSelector('#copied:not(:empty)');
    await t.says('copying says what it did', page, '#copied', /Copied|Marked/);
}

// --- the tunnel ----------------------------------------------------------------------------------

async function connected(t, browser, text) {
    await t.lab('browser_tunnel', 'laptop', await t.file('handout.conf', text));
    const { context, page } = await t.tab(browser, { viewport: { width: 900, height: 900 } });
    await t.until('the tunnel carries', 10, async () =>
        page.goto(`${PORTAL}/`).then(() => true, () => false));
    await t.says('the portal knows whose it is', page, 'main', 'maria-laptop-at-home');
    await t.says('and that it waits', page, 'main', /approv/i);
    await t.screenshot(page, 'portal-waiting');
    await t.lab('gw_cli', 'device', 'approve', 'maria-laptop-at-home');
    await page.goto(`${PORTAL}/`);
    t.same('approved, nothing is said of that any more', false, /approv/i.test(await page.innerText('main')));
    await t.screenshot(page, 'portal-approved');
    await context.close();
}

// --- by night, on a phone ------------------------------------------------------------------------

async function onAPhone(t, browser) {
    const { context, page } = await t.tab(browser, { ignoreHTTPSErrors: true, colorScheme: 'dark',
        viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 });
    const { link, code } = await invite(t);
    await page.goto(link);
    await t.screenshot(page, 'phone-ask');
    await page.fill('#code', code);
    await page.click('#go');
    await page.waitForSelector('#done:not([hidden])');
    t.check('what is for phones stands first', await page.evaluate(() => document.getElementById('phone')
        .compareDocumentPosition(document.getElementById('computer')) === 4));
    await t.says('without a name it gets one', page, '#who', 'maria-1');
    await t.axe(page, 'the dark page on a phone');
    await t.screenshot(page, 'phone-done');
    t.same('no page complained there either', [], page.complaints);
    await context.close();
}
