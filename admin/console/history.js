/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What pages of people and of devices both show: devices, attempts, sessions, acts. */
import { get, withQuery } from './api.js';
import { revokeDevice } from './cuts.js';
import { fill, h } from './dom.js';
import { device, failure, link, note, panel, person, table } from './parts.js';
import { at, clock, kind, number, reason, tag, target, when } from './words.js';

export const DEVICE_COLUMNS = (owner) => [
    ['Device'],
    ...(owner ? [['Person']] : []),
    ['State'],
    ['Why, or until when'],
    ['Address', 'num'],
    ['Last heard', 'num'],
    ['', 'acts'],
];

export function deviceRow(d, { owner }) {
    const ended = ['revoked', 'lost', 'retired'].includes(d.state);
    return Object.assign(
        [
            device(d.name),
            ...(owner ? [person(d.user)] : []),
            tag(d.state),
            d.lease
                ? [
                      h('span', { class: 'soft' }, `${d.lease.roles.join(', ')} until `),
                      h('span', { class: 'num' }, clock(d.lease.until)),
                  ]
                : [d.sentence, d.code && h('code', { class: 'pl' }, d.code)],
            d.address4 || d.address6,
            when(d.last_handshake),
            !ended && revokeDevice(d.name, { class: 'danger quiet' }),
        ],
        { mark: ended ? 'off' : '' },
    );
}

export const devicesTable = (items, given, empty) =>
    table(
        'Devices',
        DEVICE_COLUMNS(given.owner),
        items.map((d) => deviceRow(d, given)),
        empty,
    );

export function attemptsTable(items, empty) {
    return table(
        'Attempts',
        [
            ['Attempt', 'num'],
            ['Last', 'num'],
            ['Times', 'num'],
            ['Device'],
            ['Where to'],
            ['Why refused'],
        ],
        items.map((a) => [
            link(`#/attempts/${a.id}`, `${kind(a.kind)} ${a.id}`),
            when(a.last),
            number(a.count),
            device(a.device),
            target(a) || (a.source ? `from ${a.source}` : ''),
            [reason(a.reason), a.code && h('code', { class: 'pl' }, a.code)],
        ]),
        empty,
    );
}

/* ---- from the audit log ----------------------------------------------------------------------- */

/* A grant opens a session of a device, an end closes it. */
function sessions(items) {
    const open = new Map(),
        all = [];
    for (const r of items) {
        if (r.act === 'lease.grant') {
            const one = open.get(r.object) || { device: r.object, from: r.time, roles: [] };
            one.roles = r.detail.roles || r.detail.lease?.roles || one.roles;
            if (!open.has(r.object)) all.push(one);
            open.set(r.object, one);
        } else if (r.act === 'lease.end' && open.has(r.object)) {
            Object.assign(open.get(r.object), {
                to: r.time,
                why: r.detail.cause || r.detail.reason,
            });
            open.delete(r.object);
        }
    }
    return all.reverse();
}

const ENDED = { user: 'the person was cut off', device: 'the device was cut off' };

const sessionsTable = (items) =>
    table(
        'Sessions',
        [['Device'], ['In from', 'num'], ['To', 'num'], ['As'], ['Ended by']],
        sessions(items)
            .slice(0, 20)
            .map((s) => [
                device(s.device),
                at(s.from),
                s.to ? at(s.to) : tag('in'),
                s.roles.join(', '),
                ENDED[s.why] || s.why || '',
            ]),
        'None among the newest 5,000 records of the gateway.',
    );

const QUIET = new Set(['posture.accept', 'receipt']);

const actsTable = (items) =>
    table(
        'Record',
        [['Number', 'num'], ['Time', 'num'], ['Who'], ['What'], ['Of']],
        items
            .filter((r) => !QUIET.has(r.act))
            .reverse()
            .slice(0, 40)
            .map((r) => [
                number(r.seq),
                at(r.time),
                r.actor,
                [
                    h('code', {}, r.act),
                    r.detail.reason && h('span', { class: 'soft' }, ` ${r.detail.reason}`),
                ],
                r.object,
            ]),
        'Nothing among the newest 5,000 records of the gateway.',
    );

/* Sessions and acts of a person or a device: {node, refresh}. */
export function past(view, name) {
    const ins = h('div', { 'aria-busy': 'true' }, note('…')),
        acts = h('div', {}, note('…'));
    async function refresh() {
        try {
            const query = { about: name, last: 5000, limit: 5000 };
            const { items } = await get('v1/audit', query);
            if (view.over) return;
            fill(ins, sessionsTable(items));
            fill(acts, actsTable(items));
        } catch (e) {
            if (!view.over) fill(ins, failure(e));
        }
        ins.setAttribute('aria-busy', 'false');
    }
    const all = link(withQuery('#/audit', { about: name }), 'In the audit log');
    const node = [panel('Sessions', {}, ins), panel('Record', { aside: all }, acts)];
    return { node, refresh };
}
