/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Admins: who may do what here, who is signed in now, and one's own passkeys. */
import { carriedLink, passkeys } from './account.js';
import { drop, get, part, post, put } from './api.js';
import { dialog } from './dialog.js';
import { announce, fill, h } from './dom.js';
import { button, failure, field, head, note, panel, person, select, table } from './parts.js';
import { may, ROLES, session } from './session.js';
import { at, span, tag } from './words.js';

const CHOICES = Object.entries(ROLES);

function add(reload) {
    const name = h('input', {
            type: 'text',
            required: true,
            maxlength: 63,
            autocapitalize: 'none',
            spellcheck: 'false',
            autocomplete: 'off',
        }),
        role = select(CHOICES, 'operator');
    dialog({
        title: 'Add an admin',
        yes: 'Add',
        content: [
            field('Name of a person', name, 'They have to be a person here first.'),
            field('Role', role),
        ],
        act: async () => {
            const a = await put(`v1/admins/${part(name.value)}`, { role: role.value });
            reload();
            return {
                title: `${a.name} is ${a.role} now`,
                content: h('p', {}, 'Next: “Sign-in link” in their row, for their first sign-in.'),
            };
        },
    });
}

function change(a, reload) {
    const role = select(CHOICES, a.role);
    dialog({
        title: `Role of ${a.name}`,
        yes: 'Set role',
        content: [field('Role', role), note('Their sessions end; they sign in anew.')],
        act: async () => {
            await put(`v1/admins/${part(a.name)}`, { role: role.value });
            reload();
        },
    });
}

const remove = (a, reload) =>
    dialog({
        title: `Remove ${a.name} from the admins?`,
        yes: 'Remove',
        danger: true,
        content: h(
            'p',
            {},
            'Their sessions end at once. As a person, with their devices, they stay.',
        ),
        act: async () => {
            await drop(`v1/admins/${part(a.name)}`);
            reload();
        },
    });

const linkFor = (a) =>
    dialog({
        title: `A sign-in link for ${a.name}?`,
        yes: 'Make the link',
        content: h(
            'p',
            {},
            'With it they choose a new passphrase and second factor. It opens once, within a day.',
        ),
        act: async () => carriedLink(await post(`v1/admins/${part(a.name)}/link`)),
    });

/* Why somebody cannot sign in, if so. */
function standing(a) {
    if (!a.active) return 'cannot sign in';
    return a.set_up === false ? 'has not opened a sign-in link yet' : '';
}

function adminRow(a, reload) {
    return [
        person(a.name),
        a.full_name,
        [a.role, standing(a) && h('span', { class: 'soft' }, ` (${standing(a)})`)],
        [a.since ? at(a.since) : '', a.by && ` by ${a.by}`],
        may('own') &&
            h(
                'span',
                { class: 'actions' },
                button('Sign-in link', () => linkFor(a), {
                    'aria-label': `Sign-in link for ${a.name}`,
                }),
                button('Role', () => change(a, reload), { 'aria-label': `Role of ${a.name}` }),
                button('Remove', () => remove(a, reload), {
                    class: 'danger quiet',
                    'aria-label': `Remove ${a.name}`,
                }),
            ),
    ];
}

function sessionRow(s, reload) {
    const mine = s.id === session().id;
    return [
        person(s.user),
        s.role,
        s.from,
        at(s.since),
        span(s.idle_s),
        mine
            ? tag('this one')
            : (may('own') || s.user === session().user) &&
              button(
                  'End',
                  async () => {
                      await post(`v1/sessions/${s.id}/end`);
                      announce('The session is ended');
                      reload();
                  },
                  { class: 'danger quiet', 'aria-label': `End the session of ${s.user}` },
              ),
    ];
}

export async function render(view) {
    const admins = h('div'),
        sessions = h('div'),
        keys = h('div');
    fill(
        view.root,
        head('Admins', {
            actions: may('own') && button('Add an admin', () => add(refresh), { class: 'strong' }),
            lead: 'Each admin is a person, with a name of their own in every record.',
        }),
        panel('Admins', {}, admins),
        panel('Signed in now', {}, sessions),
        panel('Your passkeys', {}, keys),
        panel(
            'What the roles may',
            {},
            h(
                'ul',
                { class: 'plain' },
                CHOICES.map(([, text]) => h('li', {}, text)),
            ),
        ),
    );

    async function refresh() {
        try {
            const [a, s] = await Promise.all([get('v1/admins'), get('v1/sessions')]);
            if (view.over) return;
            fill(
                admins,
                table(
                    'Admins',
                    [['Name'], ['Full name'], ['Role'], ['Since', 'num'], ['', 'acts']],
                    a.items.map((x) => adminRow(x, refresh)),
                    'Nobody. Root adds the first one: portcullis admin add NAME owner',
                ),
            );
            fill(
                sessions,
                table(
                    'Sessions',
                    [
                        ['Admin'],
                        ['Role'],
                        ['From', 'num'],
                        ['Since', 'num'],
                        ['Ends when idle for', 'num'],
                        ['', 'acts'],
                    ],
                    s.items.map((x) => sessionRow(x, refresh)),
                    'Nobody.',
                ),
            );
        } catch (e) {
            fill(admins, failure(e));
        }
    }

    view.refresh = refresh;
    passkeys(keys);
    await refresh();
}
