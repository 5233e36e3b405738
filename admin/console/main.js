/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The frame of the console: session, pages by address, what is live. */
import { get, whenEnded } from './api.js';
import { afterActs } from './cuts.js';
import { announce, fill, h } from './dom.js';
import { finder } from './find.js';
import * as live from './live.js';
import * as admins from './page_admins.js';
import * as attempts from './page_attempts.js';
import * as audit from './page_audit.js';
import * as cases from './page_cases.js';
import * as devices from './page_devices.js';
import * as explain from './page_explain.js';
import * as now from './page_now.js';
import * as people from './page_people.js';
import * as policy from './page_policy.js';
import { button, failure, head } from './parts.js';
import * as session from './session.js';
import { setUp, signIn } from './sign_in.js';

const PAGES = [
    ['now', 'Now', now],
    ['people', 'People', people],
    ['devices', 'Devices', devices],
    ['policy', 'Policy', policy],
    ['attempts', 'Attempts', attempts],
    ['cases', 'Cases', cases],
    ['explain', 'Explain', explain],
    ['audit', 'Audit', audit],
    ['admins', 'Admins', admins],
];
const STATUS_MS = 15000,
    LIVE_MS = 1500;

const root = document.getElementById('app');
let view = null,
    frame = null;

/* ---- addresses: #/people/maria, #/devices?state=in -------------------------------------------- */

/* What is no encoding stands for itself. */
function decoded(text) {
    try {
        return decodeURIComponent(text);
    } catch {
        return text;
    }
}

function place() {
    const [path, query = ''] = location.hash.replace(/^#\/?/, '').split('?');
    const [page = 'now', name] = path.split('/').map(decoded);
    return { page: page || 'now', name, query: Object.fromEntries(new URLSearchParams(query)) };
}

/* What pages get: where to draw, what is asked for, and how to go on being up to date. */
function newView(where) {
    const ends = [];
    return {
        ...where,
        root: frame.main,
        over: false,
        refresh: () => {},
        every(ms, act) {
            const timer = setInterval(() => {
                if (!document.hidden) act();
            }, ms);
            ends.push(() => clearInterval(timer));
        },
        onEvents(act) {
            let due = 0,
                items = [];
            ends.push(
                live.listen((some) => {
                    items.push(...some);
                    due ||= setTimeout(() => {
                        due = 0;
                        if (!document.hidden) act(items.splice(0));
                    }, LIVE_MS);
                }),
                () => clearTimeout(due),
            );
        },
        address(hash) {
            history.replaceState(null, '', hash);
        },
        go(hash) {
            location.hash = hash;
        },
        status: (s) => frame.showStatus(s),
        statusNow: () => frame.askStatus(),
        end() {
            this.over = true;
            ends.forEach((end) => end());
        },
    };
}

function closeDialogs() {
    document.querySelectorAll('dialog').forEach((d) => d.close());
}

async function show() {
    if (!frame) return;
    view?.end();
    closeDialogs();
    const where = place(),
        page = PAGES.find(([id]) => id === where.page) || PAGES[0];
    const mine = (view = newView(where));
    document.title = `${where.name || page[1]} · Portcullis`;
    frame.mark(page[0]);
    fill(frame.main);
    try {
        await (where.name && page[2].renderOne ? page[2].renderOne(mine) : page[2].render(mine));
    } catch (e) {
        if (!mine.over) fill(frame.main, head(page[1]), failure(e));
    }
    if (mine.over) return;
    if (frame.moved) frame.main.querySelector('h1')?.focus({ preventScroll: true });
    frame.moved = true;
    window.scrollTo(0, 0);
}

/* ---- the frame --------------------------------------------------------------------------------- */

const LIVE = {
    live: ['Live', 'good'],
    polling: ['Every 3 seconds', 'good'],
    lost: ['Not connected', 'bad'],
    starting: ['…', ''],
    off: ['…', ''],
};

function makeFrame() {
    const me = session.session(),
        find = finder();
    const main = h('main', { id: 'main', tabindex: '-1' }),
        banner = h('div'),
        name = h('p', { class: 'gateway' }),
        pulse = h('p', { class: 'pulse', role: 'status' });
    const links = PAGES.map(([id, title]) => h('a', { href: `#/${id}` }, title));
    const f = {
        main,
        find,
        moved: false,
        mark(page) {
            PAGES.forEach(([id], i) =>
                id === page
                    ? links[i].setAttribute('aria-current', 'page')
                    : links[i].removeAttribute('aria-current'),
            );
        },
        showStatus(s) {
            f.policy = s.policy;
            fill(name, s.policy?.company || s.gateway, h('span', { class: 'soft' }, s.gateway));
            fill(
                banner,
                policy.trialBanner(s.policy, () => {
                    f.askStatus();
                    view?.refresh();
                }),
            );
        },
        async askStatus() {
            try {
                f.showStatus(await get('v1/status'));
            } catch {
                /* the pulse says that nothing comes */
            }
        },
        showLive(state) {
            const [text, tone] = LIVE[state];
            fill(pulse, h('span', { class: `dot ${tone}`, 'aria-hidden': 'true' }), text);
        },
    };
    fill(
        root,
        h(
            'a',
            {
                class: 'skip',
                href: '#main',
                on: {
                    click: (e) => {
                        e.preventDefault();
                        main.focus();
                    },
                },
            },
            'To the page',
        ),
        h(
            'div',
            { class: 'frame' },
            h(
                'div',
                { class: 'side' },
                h('header', { class: 'mast' }, h('p', { class: 'brand' }, 'Portcullis'), name),
                find.node,
                h(
                    'nav',
                    { 'aria-label': 'Pages' },
                    h(
                        'ul',
                        {},
                        links.map((l) => h('li', {}, l)),
                    ),
                ),
                h(
                    'footer',
                    { class: 'me' },
                    pulse,
                    h(
                        'p',
                        {},
                        h('strong', {}, me.full_name || me.user),
                        h('span', { class: 'soft' }, me.role),
                    ),
                    button('Sign out', leave, { class: 'quiet' }),
                ),
            ),
            h('div', { class: 'body' }, banner, main),
        ),
    );
    return f;
}

/* ---- life --------------------------------------------------------------------------------------- */

function stop() {
    live.stop();
    view?.end();
    view = frame = null;
    session.forget();
    closeDialogs();
}

async function leave() {
    policy.forget();
    try {
        await session.signOut();
    } finally {
        stop();
        door('You are signed out.');
    }
}

function door(why) {
    document.title = 'Sign in · Portcullis';
    signIn(root, begin, why);
}

async function begin() {
    try {
        if (!(await session.load())) return door();
    } catch (e) {
        return fill(root, h('main', { class: 'door' }, failure(e), button('Try again', begin)));
    }
    if (location.hash.startsWith('#set-up')) history.replaceState(null, '', '#/now');
    frame = makeFrame();
    frame.askStatus();
    live.start(frame.showLive);
    return show();
}

whenEnded(() => {
    if (!frame) return;
    stop();
    door('Your session has ended. Sign in to go on where you were.');
});
afterActs((name) => {
    view?.refresh();
    frame?.askStatus();
    if (name) announce(`Done: ${name}`);
});
window.addEventListener('hashchange', arrive);
window.addEventListener('beforeunload', (e) => {
    if (frame && policy.unsaved()) e.preventDefault();
});
document.addEventListener('keydown', (e) => {
    if (
        e.key === '/' &&
        frame &&
        !/^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName) &&
        !document.querySelector('dialog[open]')
    ) {
        e.preventDefault();
        frame.find.focus();
    }
});
setInterval(() => {
    if (frame && !document.hidden) frame.askStatus();
}, STATUS_MS);
setInterval(() => policy.trialTick(frame?.policy), 1000);
document.addEventListener('visibilitychange', () => {
    if (!document.hidden) view?.refresh();
});
/* An act of anybody may be a policy on trial: every page says so at once. */
live.listen((items) => {
    if (items.some((i) => i.kind === 'act')) frame?.askStatus();
});

/* By a link that was given, or as who has a session already. */
function arrive() {
    const given = new URLSearchParams(location.hash.slice(1));
    if (given.has('set-up')) {
        stop();
        setUp(root, { code: given.get('set-up'), user: given.get('user') || '' }, begin);
    } else if (frame) {
        show();
    } else {
        begin();
    }
}
arrive();
