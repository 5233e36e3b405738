/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cases: attempts, what was found out, and the outcome for the person. */
import { get, part, post } from './api.js';
import { dialog } from './dialog.js';
import { fill, h } from './dom.js';
import { attemptsTable } from './history.js';
import { button, facts, field, head, link, pagedList, panel, person, select } from './parts.js';
import { may } from './session.js';
import { at, OUTCOMES, tag, when } from './words.js';

export async function render(view) {
    const state = select(
        [
            ['open', 'Open'],
            ['closed', 'Closed'],
            ['', 'All'],
        ],
        view.query.state ?? 'open',
        { 'aria-label': 'State' },
    );
    const list = pagedList({
        view,
        caption: 'Cases',
        columns: [
            ['Case', 'num'],
            ['Person'],
            ['State'],
            ['Opened', 'num'],
            ['By'],
            ['Attempts', 'num'],
            ['Outcome'],
        ],
        ask: (query) => get('v1/cases', query),
        query: () => ({ state: state.value }),
        cursor: 'after',
        empty: 'No case. One begins with attempts: choose them on the page Attempts.',
        row: (c) => [
            link(`#/cases/${c.id}`, `Case ${c.id}`),
            person(c.user),
            tag(c.state),
            when(c.opened),
            c.opened_by,
            c.attempts.length,
            c.outcome ? OUTCOMES[c.outcome] : '',
        ],
    });
    state.addEventListener('change', () => list.restart());
    fill(view.root, head('Cases'), h('div', { class: 'filters' }, state), list.node);
    view.refresh = list.refresh;
    await list.refresh();
}

export async function renderOne(view) {
    const path = `v1/cases/${part(view.name)}`,
        main = h('div', { class: 'sheets' });
    fill(view.root, main);

    const addNote = () => {
        const text = h('textarea', { rows: 5, required: true, maxlength: 2000 });
        dialog({
            title: 'Add a note',
            yes: 'Add',
            content: field('Note', text),
            act: async () => show(await post(`${path}/notes`, { text: text.value })),
        });
    };
    const close = () => {
        const finding = h('textarea', { rows: 4, required: true, maxlength: 2000 }),
            outcome = select(Object.entries(OUTCOMES), 'training');
        dialog({
            title: 'Close the case',
            yes: 'Close it',
            content: [field('What was found', finding), field('Outcome for the person', outcome)],
            act: async () =>
                show(
                    await post(`${path}/close`, { finding: finding.value, outcome: outcome.value }),
                ),
        });
    };

    function show(c) {
        const open = c.state === 'open' && may('operate');
        fill(
            main,
            head(`Case ${c.id}`, {
                back: ['#/cases', 'Cases'],
                actions: open && [
                    button('Add a note', addNote),
                    button('Close the case', close, { class: 'strong' }),
                ],
            }),
            panel(
                'State',
                {},
                facts(
                    [
                        ['Person', person(c.user)],
                        ['State', tag(c.state)],
                        ['Opened', [at(c.opened), ` by ${c.opened_by}`]],
                        c.closed && ['Closed', [at(c.closed), ` by ${c.closed_by}`]],
                        ['Found', c.finding],
                        ['Outcome', c.outcome && OUTCOMES[c.outcome]],
                    ].filter(Boolean),
                ),
            ),
            panel(
                'Notes',
                {},
                c.notes.length
                    ? h(
                          'ul',
                          { class: 'feed' },
                          c.notes.map((n) =>
                              h(
                                  'li',
                                  {},
                                  at(n.time),
                                  h('span', {}, h('strong', {}, `${n.by} `), n.text),
                              ),
                          ),
                      )
                    : h('p', { class: 'empty' }, 'None.'),
            ),
            panel('Attempts', {}, attemptsTable(c.attempts)),
        );
    }

    show(await get(path));
    view.refresh = async () => show(await get(path));
}
