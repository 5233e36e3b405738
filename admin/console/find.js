/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The search from anywhere: people and devices by a part of a name, with Revoke beside each. */
import { get } from './api.js';
import { revokeDevice, revokePerson } from './cuts.js';
import { fill, h } from './dom.js';
import { failure, later } from './parts.js';
import { tag } from './words.js';

/* {node, focus} */
export function finder() {
    const out = h('div', { class: 'found', hidden: true }),
        said = h('span', { class: 'unseen', role: 'status' });
    const input = h('input', {
        type: 'search',
        placeholder: 'Find (press /)',
        'aria-label': 'Find a person or device',
        maxlength: 100,
        autocomplete: 'off',
        spellcheck: 'false',
        autocapitalize: 'none',
        id: 'find',
    });
    let turn = 0;

    const close = () => {
        turn++;
        input.value = '';
        out.hidden = true;
        fill(out);
    };
    const line = (href, name, full, state, revoke) =>
        h(
            'li',
            {},
            h(
                'a',
                { href, on: { click: close } },
                h('strong', {}, name),
                ' ',
                h('span', { class: 'soft' }, full),
            ),
            tag(state),
            revoke,
        );

    async function look() {
        const mine = ++turn,
            q = input.value.trim();
        if (!q) return close();
        try {
            const [p, d] = await Promise.all([
                get('v1/users', { q, limit: 6 }),
                get('v1/devices', { q, limit: 6 }),
            ]);
            if (mine !== turn) return undefined;
            const lines = [
                ...p.items.map((u) =>
                    line(
                        `#/people/${u.name}`,
                        u.name,
                        u.full_name,
                        u.state,
                        u.state === 'active' &&
                            revokePerson(u.name, {
                                class: 'danger quiet',
                                id: `found-person-${u.name}`,
                            }),
                    ),
                ),
                ...d.items.map((x) =>
                    line(
                        `#/devices/${x.name}`,
                        x.name,
                        `device of ${x.user || 'nobody'}`,
                        x.state,
                        ['in', 'quarantine', 'locked'].includes(x.state) &&
                            revokeDevice(x.name, {
                                class: 'danger quiet',
                                id: `found-device-${x.name}`,
                            }),
                    ),
                ),
            ];
            fill(
                out,
                lines.length
                    ? h('ul', {}, lines)
                    : h('p', { class: 'empty' }, 'Nobody and nothing of that name.'),
            );
            fill(said, `${lines.length} found`);
            out.hidden = false;
        } catch (e) {
            fill(out, failure(e));
        }
        return undefined;
    }

    input.addEventListener('input', later(look));
    const node = h(
        'div',
        {
            class: 'finder',
            role: 'search',
            on: {
                focusout: (e) => {
                    if (!node.contains(e.relatedTarget) && !document.querySelector('dialog[open]'))
                        setTimeout(() => {
                            if (!node.contains(document.activeElement)) close();
                        }, 150);
                },
                keydown: (e) => {
                    const rows = [...out.querySelectorAll('a')],
                        i = rows.indexOf(document.activeElement);
                    if (e.key === 'Escape') close();
                    else if (e.key === 'ArrowDown' && rows.length)
                        rows[Math.min(i + 1, rows.length - 1)].focus();
                    else if (e.key === 'ArrowUp' && i >= 0) (rows[i - 1] || input).focus();
                    else if (e.key === 'Enter' && e.target === input && rows.length)
                        rows[0].click();
                    else return;
                    e.preventDefault();
                },
            },
        },
        input,
        out,
        said,
    );
    return { node, focus: () => input.focus() };
}
