/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Audit: the log of what was done, newest first; verified here, handed over with proofs. */
import { get, post, withQuery } from './api.js';
import { fill, h, save } from './dom.js';
import { button, failure, head, note, searchField, select, table } from './parts.js';
import { at, number } from './words.js';

const WINDOW = 2000,
    WINDOWS = 20,
    SHOWN = 100;
/* Most records are devices' reports: told apart here, for the gateway names what is wanted alone. */
const BUT_REPORTS = '-posture';
const ACTS = [
    [BUT_REPORTS, 'All but reports'],
    ['', 'Any act'],
    ['user', 'People'],
    ['device', 'Devices'],
    ['policy', 'Policy'],
    ['lease', 'Leases'],
    ['posture', 'Posture'],
    ['receipt', 'Receipts'],
    ['admin', 'Admins'],
    ['session', 'Sessions of admins'],
    ['case', 'Cases'],
    ['issuer', 'Issuers'],
    ['audit', 'The log itself'],
    ['engine', 'The gateway'],
];

function value(v) {
    return typeof v === 'object' ? JSON.stringify(v) : String(v);
}

function detail(r) {
    const pairs = Object.entries(r.detail);
    const why = r.detail.reason === 'granted' ? '' : r.detail.reason;
    const first = [why, r.detail.code].filter(Boolean).join(' ');
    return h(
        'details',
        {},
        h('summary', {}, first || 'Details'),
        h(
            'dl',
            { class: 'facts small' },
            [['hash', r.hash], ...pairs].map(([k, v]) => [
                h('dt', {}, k),
                h('dd', {}, h('code', {}, value(v))),
            ]),
        ),
    );
}

/* A policy is called by its hash. */
const object = (name) =>
    /^[0-9a-f]{64}$/.test(name) ? h('code', { title: name }, name.slice(0, 12)) : name;

const row = (r) => [
    number(r.seq),
    at(r.time),
    [r.actor, r.console && h('span', { class: 'soft' }, ' (console)')],
    h('code', {}, r.act),
    object(r.object),
    detail(r),
];

/* The log is read forwards: windows of it from the end, until a page is full. */
async function older(state, filters) {
    const found = [],
        but = filters.act === BUT_REPORTS;
    for (let i = 0; i < WINDOWS && found.length < SHOWN && state.top > 0; i++) {
        const after = Math.max(0, state.top - WINDOW),
            top = state.top;
        const query = { ...filters, act: but ? '' : filters.act, after, limit: WINDOW };
        const { items } = await get('v1/audit', query);
        const wanted = (r) => r.seq <= top && !(but && r.act.startsWith('posture.'));
        found.push(...items.filter(wanted).reverse());
        state.top = after;
    }
    if (found.length > SHOWN) {
        state.top = found[SHOWN - 1].seq - 1;
        found.length = SHOWN;
    }
    return found;
}

/* As `portcullis audit export` writes it: whoever has the log's key can check it without the gateway. */
async function bundle(filters) {
    const c = await get('v1/audit/checkpoint', { log: filters.log }),
        records = [];
    let after = 0,
        answer;
    do {
        answer = await get('v1/audit/proof', { ...filters, after, limit: 1000, size: c.size });
        records.push(...answer.items);
        after = answer.next;
    } while (after !== undefined && after < c.size);
    return JSON.stringify({
        portcullis: 'log bundle 1',
        origin: c.origin,
        keys: c.keys,
        checkpoint: c.checkpoint,
        consistency: c.consistency,
        records,
    });
}

export async function render(view) {
    const q = view.query,
        filters = {
            about: q.about || '',
            actor: q.actor || '',
            act: q.act ?? BUT_REPORTS,
            log: q.log || 'audit',
        };
    const list = h('div', { class: 'list', 'aria-busy': 'true' }),
        more = h('div', { class: 'pager' }),
        said = h('div', { 'aria-live': 'polite' });
    let state = { top: 0 },
        rows = [],
        turn = 0;

    function show() {
        fill(
            list,
            table(
                'Audit log',
                [['Number', 'num'], ['Time', 'num'], ['Who'], ['Act'], ['Of'], ['Details']],
                rows,
                'No record fits.',
            ),
        );
        fill(more, state.top > 0 && button('Older', next));
        list.setAttribute('aria-busy', 'false');
    }

    async function next() {
        const mine = turn;
        try {
            const items = await older(state, filters);
            if (mine === turn && !view.over) {
                rows.push(...items.map(row));
                show();
            }
        } catch (e) {
            fill(list, failure(e));
        }
    }

    async function restart() {
        turn++;
        rows = [];
        const newest = await get('v1/audit', { last: 1, log: filters.log });
        state = { top: newest.items.length ? newest.items[newest.items.length - 1].seq : 0 };
        await next();
    }

    const changed = (name) => (event) => {
        filters[name] = event.target.value.trim();
        view.address(withQuery('#/audit', filters));
        restart();
    };
    const pick = (name, options, label) => {
        const node = select(options, filters[name], { 'aria-label': label });
        node.addEventListener('change', changed(name));
        return node;
    };
    const verify = button('Verify', async () => {
        fill(said, note('Every record is read and hashed anew…'));
        try {
            const a = await post(withQuery('v1/audit/verify', { log: filters.log }));
            fill(
                said,
                h(
                    'p',
                    { class: `verdict ${a.ok ? 'good' : 'bad'}` },
                    h('strong', {}, a.ok ? 'Whole. ' : 'NOT WHOLE. '),
                    a.text,
                    ` (${number(a.records)} records)`,
                ),
            );
        } catch (e) {
            fill(said, failure(e));
        }
    });
    const exported = button('Export as evidence', async () => {
        fill(said, note('Records and their proofs are collected…'));
        try {
            save(
                await bundle({ ...filters, act: filters.act === BUT_REPORTS ? '' : filters.act }),
                `audit-${filters.about || 'all'}.json`,
                'application/json',
            );
            fill(
                said,
                note(
                    'Saved. Whoever has the log’s key checks it without this gateway: portcullis-verify --key KEY FILE',
                ),
            );
        } catch (e) {
            fill(said, failure(e));
        }
    });
    fill(
        view.root,
        head('Audit', {
            actions: [exported, verify],
            lead: 'Who did what, and what the gateway decided. Nothing can be taken out of it or changed unnoticed.',
        }),
        said,
        h(
            'div',
            { class: 'filters' },
            searchField('About a person or device (whole name)', filters.about, changed('about')),
            searchField('By whom (whole name)', filters.actor, changed('actor')),
            pick('act', ACTS, 'Act'),
            pick(
                'log',
                [
                    ['audit', 'Acts'],
                    ['attempts', 'Attempts, second by second'],
                ],
                'Log',
            ),
        ),
        list,
        more,
    );
    view.refresh = restart;
    await restart();
}
