/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices: searched on the server; one page each, with what was expected of it and what it said. */
import { approveDevice, assignDevice, exceptRule, unlockDevice } from './acts.js';
import { get, part, withQuery } from './api.js';
import { lostDevice, retireDevice, revokeDevice } from './cuts.js';
import { fill, h } from './dom.js';
import { attemptsTable, deviceRow, DEVICE_COLUMNS, past } from './history.js';
import { invitationsShown, openInvitations } from './invites.js';
import {
    facts,
    failure,
    head,
    link,
    pagedList,
    panel,
    person,
    searchField,
    select,
    table,
} from './parts.js';
import { bytes, clock, span, tag, when } from './words.js';

const STATES = [
    ['', 'Any state'],
    ['in', 'In'],
    ['quarantine', 'Quarantine'],
    ['waiting', 'Waiting for approval'],
    ['locked', 'Locked'],
    ['ended', 'Ended, any way'],
    ['revoked', 'Revoked'],
    ['lost', 'Lost'],
    ['retired', 'Retired'],
];

export async function render(view) {
    const filters = { q: view.query.q || '', state: view.query.state || '' };
    const list = pagedList({
        view,
        caption: 'Devices',
        row: (d) => deviceRow(d, { owner: true }),
        columns: DEVICE_COLUMNS(true),
        ask: (query) => get('v1/devices', { ...query, count: 1 }),
        query: () => filters,
        empty: 'None fits. Search for a part of a name, a person, or a whole address or key.',
    });
    const filter = (name) => (event) => {
        filters[name] = event.target.value;
        view.address(withQuery('#/devices', filters));
        list.restart();
    };
    const invited = h('div', { 'aria-busy': 'true' });
    async function refreshInvited() {
        try {
            const items = await openInvitations({ limit: 100 });
            if (!view.over) fill(invited, invitationsShown(items, refreshInvited, { owner: true }));
        } catch (e) {
            fill(invited, failure(e));
        }
        invited.setAttribute('aria-busy', 'false');
    }
    const states = select(STATES, filters.state, { 'aria-label': 'State' });
    states.addEventListener('change', filter('state'));
    fill(
        view.root,
        head('Devices', {
            lead: [
                'A new device begins on the page of its person: ',
                link('#/people', 'People'),
                '.',
            ],
        }),
        h(
            'div',
            { class: 'filters' },
            searchField('Name, person, address or key', filters.q, filter('q')),
            states,
        ),
        list.node,
        invited,
    );
    const all = () => Promise.all([list.refresh(), refreshInvited()]);
    view.refresh = all;
    await all();
}

/* ---- one -------------------------------------------------------------------------------------- */

const ENDED = ['revoked', 'lost', 'retired'];

function buttons(d) {
    if (ENDED.includes(d.state)) return [];
    return [
        d.state === 'waiting' && approveDevice(d.name),
        !d.user && assignDevice(d.name),
        d.hold && unlockDevice(d.name),
        lostDevice(d.name),
        retireDevice(d.name),
        revokeDevice(d.name),
    ];
}

function verdict(d) {
    const tone =
        d.state === 'in'
            ? 'good'
            : ENDED.includes(d.state) || d.state === 'locked'
              ? 'bad'
              : 'wait';
    return h(
        'p',
        { class: `verdict ${tone}` },
        tag(d.state),
        ' ',
        d.state === 'in'
            ? [
                  'as ',
                  (d.lease?.roles || []).join(', '),
                  d.lease && [
                      ', lease until ',
                      clock(d.lease.until),
                      ' (',
                      when(d.lease.until),
                      ')',
                  ],
              ]
            : [d.sentence, ' ', d.code && h('code', { class: 'pl' }, d.code)],
    );
}

function about(d) {
    return facts(
        [
            ['Person', person(d.user)],
            ['Owned by', d.own === 'corp' ? 'the company' : 'the person'],
            ['Addresses', [d.address4, d.address6].filter(Boolean).join(', ')],
            ['Last heard', d.last_handshake ? when(d.last_handshake) : 'never'],
            ['From', d.endpoint],
            ['Received, sent', `${bytes(d.rx)}, ${bytes(d.tx)}`],
            ['WireGuard key', h('code', {}, d.wireguard_key)],
            d.hold && [
                'Held',
                `for ${d.hold.pattern}: ${d.hold.count} within ${span(d.hold.within_s)}, by ${d.hold.by}`,
            ],
        ].filter(Boolean),
    );
}

/* What to tell the person. */
const mending = (r) => r.sentence && h('p', { class: 'mend' }, r.sentence, ' ', r.fix);

/* Rules that fail come first. */
function posture(d) {
    const p = d.posture;
    if (!p)
        return h(
            'p',
            { class: 'empty' },
            'It has not reported its state yet. Its agent does, once it runs.',
        );
    const rules = [...(p.rules || [])].sort(
        (a, b) => (a.result === 'pass') - (b.result === 'pass'),
    );
    return [
        facts([
            ['Reported', when(p.at)],
            ['Assurance', `PA${p.assurance}`],
            ['Result', tag(p.result)],
        ]),
        table(
            'What the policy expects of it',
            [['Rule'], ['Expected'], ['Received'], ['Result'], ['', 'acts']],
            rules.map((r) =>
                Object.assign(
                    [
                        [h('code', {}, r.rule), mending(r)],
                        r.expected,
                        r.received || 'nothing',
                        [
                            tag(r.result),
                            r.code && h('code', { class: 'pl' }, r.code),
                            r.grace_until && [' until ', when(r.grace_until)],
                            r.excepted && ' (excepted)',
                        ],
                        r.result !== 'pass' &&
                            !ENDED.includes(d.state) &&
                            exceptRule(d.name, r.rule),
                    ],
                    { mark: r.result === 'pass' ? '' : 'fails' },
                ),
            ),
            'The policy has no posture rules for it.',
        ),
    ];
}

export async function renderOne(view) {
    const name = view.name,
        main = h('div', { class: 'sheets', 'aria-busy': 'true' }),
        before = past(view, name);
    fill(view.root, main);

    async function refresh() {
        try {
            const [d, attempts] = await Promise.all([
                get(`v1/devices/${part(name)}`),
                get('v1/attempts', { device: name, newest: 1, limit: 10 }),
            ]);
            if (view.over) return;
            fill(
                main,
                head(d.name, { back: ['#/devices', 'Devices'], actions: buttons(d) }),
                verdict(d),
                panel('Device', {}, about(d)),
                panel('Posture', {}, posture(d)),
                panel(
                    'Attempts',
                    { aside: link(withQuery('#/attempts', { device: name }), 'All') },
                    attemptsTable(attempts.items, 'None on record.'),
                ),
                before.node,
            );
        } catch (e) {
            if (!view.over) fill(main, head(name, { back: ['#/devices', 'Devices'] }), failure(e));
        }
        main.setAttribute('aria-busy', 'false');
    }

    const all = () => Promise.all([refresh(), before.refresh()]);
    view.refresh = all;
    view.every(15000, refresh);
    await all();
}
