/* SPDX-License-Identifier: GPL-2.0-or-later */
/* People: searched on the server; one page each. */
import { passkeysOf } from './account.js';
import { addPerson, invite, policyRoles, restorePerson, setRoles, signInCode } from './acts.js';
import { get, part, withQuery } from './api.js';
import { compromisedPerson, revokePerson } from './cuts.js';
import { fill, h } from './dom.js';
import { attemptsTable, devicesTable, past } from './history.js';
import { invitationsShown, openInvitations } from './invites.js';
import {
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
import { at, dateTime, tag, when } from './words.js';

const STATES = [
    ['', 'Any state'],
    ['active', 'Active'],
    ['revoked', 'Revoked'],
    ['ended', 'Ended'],
];

/* Has not signed their part of the policy in time. */
const unsigned = (u) => u.acknowledgement?.state === 'overdue';

function row(u) {
    return Object.assign(
        [
            person(u.name),
            u.full_name,
            [tag(u.state), unsigned(u) && [' ', tag('unsigned')]],
            u.roles.join(', ') || h('span', { class: 'soft' }, 'none'),
            u.devices.length <= 3
                ? u.devices.map((d, i) => [i > 0 && ', ', device(d)])
                : `${u.devices.length} devices`,
            when(u.signed_in),
            u.state === 'active' && revokePerson(u.name, { class: 'danger quiet' }),
        ],
        { mark: u.state === 'active' ? '' : 'off' },
    );
}

export async function render(view) {
    const filters = {
        q: view.query.q || '',
        state: view.query.state || '',
        role: view.query.role || '',
    };
    const roles = select(
        [['', 'Any role'], ...(filters.role ? [[filters.role, filters.role]] : [])],
        filters.role,
        { 'aria-label': 'Role' },
    );
    const list = pagedList({
        view,
        caption: 'People',
        row,
        ask: (query) => get('v1/users', { ...query, count: 1 }),
        query: () => filters,
        columns: [
            ['Name'],
            ['Full name'],
            ['State'],
            ['Roles'],
            ['Devices'],
            ['Signed in', 'num'],
            ['', 'acts'],
        ],
        empty: 'Nobody fits. Search for a part of a name or a role.',
    });
    const filter = (name) => (event) => {
        filters[name] = event.target.value;
        view.address(withQuery('#/people', filters));
        list.restart();
    };
    const states = select(STATES, filters.state, { 'aria-label': 'State' });
    states.addEventListener('change', filter('state'));
    roles.addEventListener('change', filter('role'));
    policyRoles().then(
        (all) =>
            fill(
                roles,
                [['', 'Any role'], ...all.map((r) => [r, r])].map(([v, text]) =>
                    h('option', { value: v, selected: v === filters.role }, text),
                ),
            ),
        () => {},
    );
    fill(
        view.root,
        head('People', { actions: addPerson() }),
        h(
            'div',
            { class: 'filters' },
            searchField('Name, full name or role', filters.q, filter('q')),
            states,
            roles,
        ),
        list.node,
    );
    view.refresh = list.refresh;
    await list.refresh();
}

/* ---- one -------------------------------------------------------------------------------------- */

function buttons(u) {
    return u.state === 'revoked'
        ? [restorePerson(u.name)]
        : [
              invite(u.name),
              signInCode(u.name),
              setRoles(u),
              compromisedPerson(u.name),
              revokePerson(u.name),
          ];
}

/* Whether they signed their part of the policy. */
function signedShown(a) {
    if (!a || a.state === 'not-asked') return undefined;
    const signed = a.signed_at ? ['version ', a.version, ', ', when(a.signed_at)] : 'never';
    return a.state === 'signed' ? signed : [signed, `; ${a.state}: by `, at(a.by)];
}

function about(u) {
    return facts(
        [
            ['State', tag(u.state)],
            u.revoked && [
                'Revoked',
                [
                    at(u.revoked.time),
                    ` by ${u.revoked.by}${u.revoked.reason ? `: ${u.revoked.reason}` : ''}`,
                ],
            ],
            ['Roles', u.roles.join(', ') || 'none'],
            ['Signed in', u.signed_in ? when(u.signed_in) : 'never'],
            u.compromised && [
                'Secrets',
                ['compromised ', at(u.compromised), '; new ones are to be chosen'],
            ],
            ['Ends', u.end && dateTime(u.end).slice(0, 10)],
            ['Added', at(u.created)],
            ['Policy signed', signedShown(u.acknowledgement)],
        ].filter(Boolean),
    );
}

export async function renderOne(view) {
    const name = view.name;
    const main = h('div', { class: 'sheets', 'aria-busy': 'true' }),
        before = past(view, name);
    fill(view.root, main);

    async function refresh() {
        try {
            const [u, devices, attempts, cases, invited] = await Promise.all([
                get(`v1/users/${part(name)}`),
                get('v1/devices', { user: name, limit: 50 }),
                get('v1/attempts', { user: name, newest: 1, limit: 10 }),
                get('v1/cases', { user: name, limit: 20 }),
                openInvitations({ user: name }),
            ]);
            if (view.over) return;
            fill(
                main,
                head(u.full_name || u.name, {
                    back: ['#/people', 'People'],
                    lead: h('code', {}, u.name),
                    actions: buttons(u),
                }),
                panel('State', {}, about(u)),
                invitationsShown(invited, refresh, { owner: false }),
                panel(
                    'Devices',
                    {},
                    devicesTable(
                        devices.items,
                        { owner: false },
                        'None yet. Invite one: the person gets a link, and a code by phone.',
                    ),
                ),
                panel(
                    'Attempts',
                    { aside: link(withQuery('#/attempts', { user: name }), 'All') },
                    attemptsTable(attempts.items, 'None on record.'),
                ),
                cases.items.length > 0 &&
                    panel(
                        'Cases',
                        {},
                        h(
                            'ul',
                            { class: 'feed' },
                            cases.items.map((c) =>
                                h(
                                    'li',
                                    {},
                                    at(c.opened),
                                    h(
                                        'span',
                                        {},
                                        link(`#/cases/${c.id}`, `Case ${c.id}`),
                                        ' ',
                                        tag(c.state),
                                    ),
                                ),
                            ),
                        ),
                    ),
                u.passkeys?.length > 0 && panel('Passkeys', {}, passkeysOf(u, refresh)),
                before.node,
            );
        } catch (e) {
            if (!view.over) fill(main, head(name, { back: ['#/people', 'People'] }), failure(e));
        }
        main.setAttribute('aria-busy', 'false');
    }

    const all = () => Promise.all([refresh(), before.refresh()]);
    view.refresh = all;
    view.every(30000, refresh);
    await all();
}
