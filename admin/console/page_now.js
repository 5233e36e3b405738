/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Now: who is in, who is in quarantine and why, attempts as they come, alarms. */
import { allowWithheld, approveDevice, unlockDevice } from './acts.js';
import { get } from './api.js';
import { revokeDevice } from './cuts.js';
import { fill, h } from './dom.js';
import { devicesPlot, deniedPlot, latencyPlot } from './plot.js';
import { device, failure, head, link, note, panel, person, table } from './parts.js';
import { at, clock, kind, number, reason, span, target, when } from './words.js';

const FEED = 12,
    QUARANTINE = 25,
    IN = 15;

/* ---- how the gateway is ---------------------------------------------------------------------- */

function tile(value, label, href, tone) {
    return h(
        'a',
        { class: `tile ${tone}`, href },
        h('strong', { class: 'num' }, number(value)),
        h('span', {}, label),
    );
}

/* Of a gateway that runs for less than an hour: all. */
function hourOf(status, history) {
    const since = Date.now() / 1000 - 3600;
    if (status.uptime_s < 3600)
        return Object.values(status.denied).reduce((n, r) => n + r.denied, 0);
    return history.filter((s) => s.time >= since).reduce((n, s) => n + s.denied, 0);
}

function tiles(status, history) {
    const d = status.devices;
    const locked = d.locked || 0,
        quarantine = Math.max(0, d.quarantine - locked);
    return h(
        'div',
        { class: 'tiles' },
        tile(d.leased, 'devices are in', '#/devices?state=in', 'good'),
        tile(quarantine, 'in quarantine', '#/devices?state=quarantine', quarantine ? 'wait' : ''),
        tile(locked, 'locked', '#/devices?state=locked', locked ? 'bad' : ''),
        tile(hourOf(status, history), 'packets denied in the last hour', '#/attempts', ''),
        tile(
            status.alarms.length,
            status.alarms.length === 1 ? 'alarm' : 'alarms',
            '#/now',
            status.alarms.length ? 'bad' : '',
        ),
    );
}

const sign = (ok, text) =>
    h(
        'li',
        { class: ok ? 'good' : 'bad' },
        h('span', { class: 'dot', 'aria-hidden': 'true' }),
        text,
    );

function health(s) {
    const outlets = s.outlets.filter((o) => o.fault),
        restarts = Object.entries(s.roles).filter(([, r]) => r.restarts);
    return h(
        'ul',
        { class: 'signs', 'aria-label': 'How the gateway is' },
        sign(
            s.kernel.table === 'ours' && !s.kernel.drift,
            s.kernel.drift
                ? `Kernel rules differ: ${s.kernel.drift}`
                : s.kernel.table === 'ours'
                  ? 'Kernel rules as they should be'
                  : 'Kernel rules cannot be read',
        ),
        sign(
            s.clock.synchronised || s.clock.source === 'host',
            s.clock.synchronised
                ? 'Clock synchronised'
                : s.clock.source === 'host'
                  ? 'Clock of the host'
                  : 'Clock not synchronised: no new leases',
        ),
        s.outlets.length > 0 &&
            sign(
                outlets.length === 0,
                outlets.length
                    ? `Logs are not delivered to ${outlets.map((o) => o.name).join(', ')}`
                    : 'Logs are delivered',
            ),
        restarts.length > 0 &&
            sign(
                false,
                `Started again: ${restarts.map(([n, r]) => `${n} ${r.restarts} times`).join(', ')}`,
            ),
        sign(true, `Up for ${span(s.uptime_s)}`),
    );
}

function alarms(list) {
    return h(
        'ul',
        { class: 'feed' },
        [...list]
            .reverse()
            .slice(0, 8)
            .map((a) => h('li', { class: 'bad' }, at(a.time), h('span', {}, a.text))),
    );
}

/* ---- people ---------------------------------------------------------------------------------- */

function quarantineTable(items) {
    return table(
        'Devices in quarantine',
        [['Device'], ['Person'], ['Why'], ['Last heard', 'num'], ['', 'acts']],
        items.map((d) => [
            device(d.name),
            person(d.user),
            [d.sentence, d.code && h('code', { class: 'pl' }, d.code)],
            when(d.last_handshake),
            h(
                'span',
                { class: 'actions' },
                d.state === 'waiting' && approveDevice(d.name),
                revokeDevice(d.name, { class: 'danger quiet' }),
            ),
        ]),
        'Nobody.',
    );
}

function inTable(items) {
    return table(
        'Devices that are in',
        [['Device'], ['Person'], ['Roles'], ['Lease until', 'num'], ['', 'acts']],
        items.map((d) => [
            device(d.name),
            person(d.user),
            (d.lease?.roles || []).join(', '),
            d.lease ? h('span', { class: 'num' }, clock(d.lease.until)) : '',
            revokeDevice(d.name, { class: 'danger quiet' }),
        ]),
        'Nobody is in.',
    );
}

const MORE = {
    in: 'that are in',
    quarantine: 'in quarantine',
    waiting: 'that wait for approval',
};
const more = (answer, state) =>
    answer.total > answer.items.length &&
    h(
        'p',
        { class: 'more' },
        link(`#/devices?state=${state}`, `All ${number(answer.total)} ${MORE[state]}`),
    );

/* ---- attempts as they come -------------------------------------------------------------------- */

function attemptLine(a) {
    const who = a.device || a.actor || (a.key ? `key ${a.key.slice(0, 8)}…` : 'somebody unknown');
    return h(
        'li',
        {},
        when(a.last),
        h(
            'span',
            {},
            h('span', { class: 'kind' }, kind(a.kind)),
            ' ',
            link(
                `#/attempts/${a.id}`,
                `${who}${a.user ? ` (${a.user})` : ''}${target(a) ? ` → ${target(a)}` : a.source ? ` from ${a.source}` : ''}`,
            ),
            h(
                'span',
                { class: 'soft' },
                ` ${reason(a.reason)}${a.count > 1 ? `, ${number(a.count)} times` : ''}`,
            ),
        ),
    );
}

function held(r) {
    if (r.held.length === 0 && r.withheld.length === 0) return null;
    const rows = (list, what) =>
        list.map((x) => [
            device(x.device),
            person(x.user),
            `${x.pattern}: ${x.count} within ${span(x.within_s)}`,
            what === 'held'
                ? x.until
                    ? when(x.until)
                    : 'until an admin ends it'
                : 'withheld: too many at once',
            unlockDevice(x.device),
        ]);
    return panel(
        'Held by the gateway',
        { aside: r.withheld.length > 0 && allowWithheld() },
        table(
            'Holds',
            [['Device'], ['Person'], ['For'], ['Until'], ['', 'acts']],
            [...rows(r.held, 'held'), ...rows(r.withheld, 'withheld')],
        ),
    );
}

/* Without those that are held, which are shown above. */
function quarantineShown(waiting, unapproved) {
    const items = [...unapproved.items, ...waiting.items].filter((d) => !d.hold);
    return [quarantineTable(items), more(unapproved, 'waiting'), more(waiting, 'quarantine')];
}

const feedShown = ({ items }) =>
    items.length > 0
        ? h('ul', { class: 'feed' }, items.map(attemptLine))
        : h('p', { class: 'empty' }, 'None on record.');

/* A gateway that nobody uses yet. */
function beginning(d) {
    return (
        d.enrolled + d.ended === 0 &&
        panel(
            'Begin here',
            {},
            h(
                'ol',
                { class: 'plain' },
                h(
                    'li',
                    {},
                    link('#/policy', 'Policy'),
                    ': what there is in the office, and which role reaches what.',
                ),
                h('li', {}, link('#/people', 'People'), ': add a person, with their roles.'),
                h(
                    'li',
                    {},
                    'On the person’s page: invite a device. They get a link, and a code by phone.',
                ),
                h(
                    'li',
                    {},
                    'It shows here as soon as it is there: in quarantine until it is found healthy, then in.',
                ),
            ),
        )
    );
}

const troubleShown = (status, respond) => [
    beginning(status.devices),
    status.alarms.length > 0 && panel('Alarms', {}, alarms(status.alarms)),
    held(respond),
];

/* ---- the page --------------------------------------------------------------------------------- */

export async function render(view) {
    const top = h('div', { 'aria-busy': 'true' }),
        trouble = h('div', { class: 'sheets' }),
        quarantine = h('div'),
        inside = h('div'),
        feed = h('div'),
        devices = h('div'),
        denied = h('div'),
        latency = h('div', {}, note('…'));
    fill(
        view.root,
        head('Now'),
        top,
        trouble,
        h(
            'div',
            { class: 'columns' },
            h('div', {}, panel('In quarantine, and why', {}, quarantine), panel('In', {}, inside)),
            h('div', {}, panel('Attempts', { aside: link('#/attempts', 'All') }, feed)),
        ),
        h(
            'div',
            { class: 'plots' },
            panel('Devices, last 24 hours', {}, devices),
            panel('Denied packets, last 24 hours', {}, denied),
            panel(
                'How fast a revocation cuts',
                { aside: link('#/audit?act=receipt', 'Receipts') },
                latency,
            ),
        ),
    );

    /* Each part as soon as it has come; what is slow holds nothing else up. */
    async function part(box, asked, show) {
        try {
            const answers = await Promise.all(asked);
            if (!view.over) fill(box, show(...answers));
        } catch (e) {
            if (!view.over) fill(box, failure(e));
        }
    }

    async function refresh() {
        const status = get('v1/status'),
            history = get('v1/history'),
            respond = get('v1/respond');
        const of = (state, limit) => get('v1/devices', { state, limit, count: 1 });
        const waiting = [of('quarantine', QUARANTINE), of('waiting', QUARANTINE)];
        await Promise.all([
            part(quarantine, waiting, quarantineShown),
            part(inside, [of('in', IN)], (a) => [inTable(a.items), more(a, 'in')]),
            part(feed, [get('v1/attempts', { newest: 1, limit: FEED })], feedShown),
            part(devices, [history], (a) => devicesPlot(a.items)),
            part(denied, [history], (a) => deniedPlot(a.items)),
            part(trouble, [status, respond], troubleShown),
            part(top, [status, history], (s, a) => {
                view.status(s);
                return [tiles(s, a.items), health(s)];
            }),
        ]);
        top.setAttribute('aria-busy', 'false');
    }

    async function refreshLatency() {
        try {
            const { items } = await get('v1/audit', { act: 'receipt', last: 5000, limit: 200 });
            const cuts = items.map((r) => ({ ...r.detail, time: r.time }));
            fill(latency, latencyPlot(cuts.filter((r) => r.devices?.length > 0)));
        } catch (e) {
            fill(latency, failure(e));
        }
    }

    const all = () => Promise.all([refresh(), refreshLatency()]);

    view.every(10000, refresh);
    view.onEvents((items) => (items.some((i) => i.kind === 'act') ? all() : refresh()));
    view.refresh = all;
    await all();
}
