/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Explain: may this person reach that, and why; and who reaches it at all. */
import { get, withQuery } from './api.js';
import { fill, h } from './dom.js';
import { device, failure, field, head, panel, person, select, table } from './parts.js';
import { tag, when } from './words.js';

const PROTOCOLS = [
    ['tcp', 'tcp'],
    ['udp', 'udp'],
    ['icmp', 'icmp (ping)'],
];

/* "10.20.0.9:5432/udp", "[fd20::9]:443", "customs-db" */
export function destination(text, proto) {
    const m =
        /^\s*(?:\[([^\]]+)\]|([^\s:/]+|[^\s/]*:[^\s/]*:[^\s/]*))(?::(\d+))?(?:\/([a-z0-9]+))?\s*$/.exec(
            text,
        );
    if (!m) return { to: text.trim(), proto };
    return { to: m[1] || m[2], port: m[3], proto: m[4] || proto };
}

function shown(a) {
    const known = a.devices.filter((d) => d.kernel);
    return [
        h(
            'p',
            { class: `verdict ${a.permitted ? 'good' : 'bad'}` },
            h('strong', {}, a.permitted ? 'Yes. ' : 'No. '),
            a.sentence,
        ),
        known.length > 0 &&
            table(
                'By which device',
                [
                    ['Device'],
                    ['State'],
                    ['May it'],
                    ['Why'],
                    ['Policy line', 'num'],
                    ['Lease until', 'num'],
                    ['The kernel'],
                ],
                a.devices.map((d) => [
                    device(d.device),
                    tag(d.state),
                    d.permitted ? 'yes' : 'no',
                    d.sentence || d.reason,
                    d.line || '',
                    d.lease_until ? when(d.lease_until) : '',
                    d.kernel
                        ? [
                              h(
                                  'span',
                                  { class: d.kernel.agrees ? 'soft' : 'tag bad' },
                                  d.kernel.agrees ? 'agrees' : 'DIFFERS',
                              ),
                              ` ${d.kernel.detail}`,
                          ]
                        : '',
                ]),
            ),
    ];
}

function whoShown(a) {
    return [
        h(
            'p',
            {},
            h('strong', {}, a.destination),
            a.resource ? ` is ${a.resource}. ` : ' belongs to no resource. ',
            a.roles.length ? `Roles that reach it: ${a.roles.join(', ')}.` : 'No role reaches it.',
        ),
        table(
            'Who reaches it',
            [['Person'], ['Full name'], ['By the roles'], ['Now'], ['From']],
            a.items.map((p) => [
                person(p.user),
                p.full_name,
                p.roles.join(', '),
                p.now ? tag('in') : 'not now',
                p.devices.map((d, i) => [i > 0 && ', ', device(d)]),
            ]),
            'Nobody.',
        ),
    ];
}

function form(fields, yes, act) {
    const out = h('div', { 'aria-live': 'polite' });
    const run = async (event) => {
        event?.preventDefault();
        try {
            fill(out, await act());
        } catch (e) {
            fill(out, failure(e));
        }
    };
    return {
        node: h(
            'div',
            {},
            h(
                'form',
                { class: 'ask', method: 'dialog', on: { submit: run } },
                fields,
                h('button', { type: 'submit', class: 'strong' }, yes),
            ),
            out,
        ),
        run,
    };
}

export async function render(view) {
    const q = view.query;
    const input = (value, hint, given = {}) =>
        h('input', {
            type: 'text',
            value: value || '',
            required: true,
            placeholder: hint,
            autocapitalize: 'none',
            spellcheck: 'false',
            autocomplete: 'off',
            maxlength: 120,
            ...given,
        });
    const names = h('datalist', { id: 'names' });
    const user = input(q.user, 'maria', { list: 'names' }),
        to = input(
            q.to && q.port ? `${q.to.includes(':') ? `[${q.to}]` : q.to}:${q.port}` : q.to,
            '10.20.0.9:5432',
        );
    const proto = select(PROTOCOLS, q.proto || 'tcp'),
        whoTo = input('', 'customs-db'),
        whoProto = select(PROTOCOLS, 'tcp');
    user.addEventListener('input', async () => {
        const { items } = await get('v1/users', { q: user.value, limit: 10 });
        fill(
            names,
            items.map((u) => h('option', { value: u.name }, u.full_name)),
        );
    });
    const explain = form(
        [
            field('Person', user),
            field('Destination', to, 'Address and port, or the name of a resource'),
            field('Protocol', proto),
        ],
        'Explain',
        async () => {
            const d = destination(to.value, proto.value);
            view.address(withQuery('#/explain', { user: user.value, ...d }));
            return shown(
                await get('v1/explain', { user: user.value.trim(), ...d, proto: named(d) }),
            );
        },
    );
    const who = form(
        [
            field('Destination', whoTo, 'Address and port, or the name of a resource'),
            field('Protocol', whoProto),
        ],
        'Who reaches it?',
        async () => {
            const d = destination(whoTo.value, whoProto.value);
            return whoShown(await get('v1/who', { ...d, proto: named(d) }));
        },
    );
    fill(
        view.root,
        head('Explain', {
            lead: 'What the policy says, checked against what the kernel holds this moment.',
        }),
        names,
        panel('May this person reach that?', {}, explain.node),
        panel('Who reaches this?', {}, who.node),
    );
    view.refresh = () => {};
    if (q.user && q.to) await explain.run();
}

/* A resource brings its own protocol. */
const named = (d) =>
    /^[a-z0-9][a-z0-9._-]*$/.test(d.to) && !/^\d+\.\d+\.\d+\.\d+$/.test(d.to) && !d.port
        ? undefined
        : d.proto;
