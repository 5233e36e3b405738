/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attempts: what was refused, to whom it belongs; one by one, gathered into cases, as packets. */
import { openCase } from './acts.js';
import { get, getBytes, part, post, withQuery } from './api.js';
import { fill, h, save } from './dom.js';
import {
    button,
    device,
    facts,
    failure,
    head,
    link,
    pagedList,
    panel,
    person,
    searchField,
    select,
} from './parts.js';
import { may } from './session.js';
import { at, DENY_REASONS, kind, KNOCK_REASONS, number, reason, target, when } from './words.js';

const KINDS = [
    ['', 'Any kind'],
    ['packet', 'Packets'],
    ['token', 'Reports'],
    ['knock', 'Knocks'],
    ['two-places', 'Two places'],
    ['sign-in', 'Sign-ins'],
    ['enrol', 'Invitations'],
    ['admin', 'Admins'],
];
const REASONS = [
    ['', 'Any reason'],
    ...[...DENY_REASONS, ...KNOCK_REASONS].map((r) => [r, reason(r)]),
];
const SINCE = [
    ['', 'All time'],
    ['3600', 'Last hour'],
    ['86400', 'Last day'],
    ['604800', 'Last week'],
];
const COLUMNS = [
    ['Attempt', 'num'],
    ['Last', 'num'],
    ['Times', 'num'],
    ['Person'],
    ['Device'],
    ['Where to'],
    ['Why refused'],
];

const from = (a) => (a.source ? `from ${a.source}` : '');

function cells(a) {
    return [
        link(`#/attempts/${a.id}`, `${kind(a.kind)} ${a.id}`),
        when(a.last),
        number(a.count),
        a.user ? person(a.user) : a.actor || '',
        device(a.device),
        target(a) || from(a),
        [reason(a.reason), a.code && h('code', { class: 'pl' }, a.code)],
    ];
}

export async function render(view) {
    const q = view.query,
        chosen = new Map();
    const filters = {
        q: q.q || '',
        kind: q.kind || '',
        reason: q.reason || '',
        user: q.user || '',
        device: q.device || '',
    };
    let window = '';
    const gather =
        may('operate') &&
        button(
            'Open a case',
            () =>
                openCase([...chosen.keys()], [...chosen.values()].find(Boolean), (c) =>
                    view.go(`#/cases/${c.id}`),
                ),
            { disabled: true },
        );

    function choose(a) {
        return h('input', {
            type: 'checkbox',
            'aria-label': `Choose attempt ${a.id}`,
            id: `choose-${a.id}`,
            checked: chosen.has(a.id),
            on: {
                change(event) {
                    if (event.target.checked) chosen.set(a.id, a.user);
                    else chosen.delete(a.id);
                    gather.disabled = chosen.size === 0;
                    fill(gather, chosen.size > 0 ? `Open a case on ${chosen.size}` : 'Open a case');
                },
            },
        });
    }

    const list = pagedList({
        view,
        caption: 'Attempts',
        columns: gather ? [...COLUMNS, ['Case']] : COLUMNS,
        cursor: 'before',
        row: (a) => (gather ? [...cells(a), choose(a)] : cells(a)),
        ask: (query) => get('v1/attempts', query),
        query: () => ({
            ...filters,
            newest: 1,
            since: window && Math.floor(Date.now() / 1000) - Number(window),
        }),
        empty: 'None fits.',
    });
    const filter = (name) => (event) => {
        filters[name] = event.target.value;
        view.address(withQuery('#/attempts', filters));
        list.restart();
    };
    const pick = (name, options, label) => {
        const node = select(options, filters[name], { 'aria-label': label });
        node.addEventListener('change', filter(name));
        return node;
    };
    const since = select(SINCE, '', { 'aria-label': 'Since' });
    since.addEventListener('change', () => {
        window = since.value;
        list.restart();
    });
    const only = [
        filters.user && `of ${filters.user}`,
        filters.device && `of the device ${filters.device}`,
    ].filter(Boolean);
    fill(
        view.root,
        head('Attempts', {
            actions: gather,
            lead: [
                'What the gateway refused. Those with a name behind them come by the tunnel; a knock comes from outside.',
                only.length > 0 && [
                    ' ',
                    h('strong', {}, `Only ${only.join(', ')}. `),
                    link('#/attempts', 'Show all'),
                ],
            ],
        }),
        h(
            'div',
            { class: 'filters' },
            searchField('Person, device, role, resource or address', filters.q, filter('q')),
            pick('kind', KINDS, 'Kind'),
            pick('reason', REASONS, 'Reason'),
            since,
        ),
        list.node,
    );
    view.refresh = list.refresh;
    view.onEvents((items) => {
        if (items.some((e) => e.kind === 'attempt') && chosen.size === 0) list.refresh();
    });
    await list.refresh();
}

/* ---- one -------------------------------------------------------------------------------------- */

async function addToCase(view, a) {
    const { items } = await get('v1/cases', { state: 'open', ...(a.user ? { user: a.user } : {}) });
    return items
        .filter((c) => !a.cases.includes(c.id))
        .map((c) =>
            button(`Add to case ${c.id}`, async () => {
                await post(`v1/cases/${c.id}/notes`, {
                    text: `Attempt ${a.id} belongs to this.`,
                    attempts: [a.id],
                });
                view.go(`#/cases/${c.id}`);
            }),
        );
}

function permittedNow(view, a) {
    const asked = { user: a.user, to: a.destination, port: a.port || undefined, proto: a.proto };
    const said = h('p', {}, '…');
    get('v1/explain', asked).then(
        (answer) => {
            if (!view.over) fill(said, answer.permitted ? 'Yes. ' : 'No. ', answer.sentence);
        },
        (e) => fill(said, e.message),
    );
    const more = link(withQuery('#/explain', asked), 'Explain');
    return panel('Would it be permitted now?', { aside: more }, said);
}

export async function renderOne(view) {
    const a = await get(`v1/attempts/${part(view.name)}`),
        wrong = h('div', {}),
        more = h('span', { class: 'actions' });
    const packets =
        a.kind === 'packet' &&
        button('Download packets', async () => {
            try {
                fill(wrong);
                save(
                    await getBytes(`v1/attempts/${a.id}/packets`),
                    `attempt-${a.id}.pcapng`,
                    'application/octet-stream',
                );
            } catch (e) {
                fill(wrong, failure(e));
            }
        });
    const open =
        may('operate') &&
        button('Open a case', () => openCase([a.id], a.user, (c) => view.go(`#/cases/${c.id}`)), {
            class: 'strong',
        });
    fill(
        view.root,
        head(`${kind(a.kind)} ${a.id}`, {
            back: ['#/attempts', 'Attempts'],
            actions: [packets, more, open],
        }),
        wrong,
        h('p', { class: 'verdict bad' }, a.sentence),
        panel(
            'Facts',
            {},
            facts(
                [
                    ['Why refused', reason(a.reason)],
                    ['Code', a.code],
                    ['Why there was no lease', a.why && reason(a.why)],
                    ['Person', a.user && person(a.user)],
                    ['Device', a.device && device(a.device)],
                    ['Role', a.role],
                    ['Who', a.actor],
                    ['Key', a.key && h('code', {}, a.key)],
                    ['From', a.source],
                    ['To', target(a)],
                    ['First', at(a.first)],
                    ['Last', at(a.last)],
                    ['Times', number(a.count)],
                    ['Cut off since', a.ended && at(a.ended)],
                    [
                        'Cases',
                        a.cases.length > 0 &&
                            a.cases.map((c) => [link(`#/cases/${c}`, `Case ${c}`), ' ']),
                    ],
                ].filter(([, v]) => v),
            ),
        ),
        a.kind === 'packet' && a.user && a.destination && permittedNow(view, a),
    );
    if (may('operate'))
        addToCase(view, a).then(
            (list) => {
                if (!view.over) fill(more, list.slice(0, 3));
            },
            () => {},
        );
    view.refresh = () => {};
}
