/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What pages are put together from. */
import { fill, h, svg } from './dom.js';
import { qrMatrix } from './qr.js';
import { number } from './words.js';

let numbers = 0;
export const newId = (stem) => `${stem}-${++numbers}`;

/* The head of a page: one h1, what is known at once, the buttons. */
export function head(title, { lead, actions, back } = {}) {
    return h(
        'header',
        { class: 'head' },
        back && h('a', { class: 'back', href: back[0] }, `‹ ${back[1]}`),
        h(
            'div',
            { class: 'head-line' },
            h('h1', { tabindex: '-1' }, title),
            actions && h('div', { class: 'actions' }, actions),
        ),
        lead && h('p', { class: 'lead' }, lead),
    );
}

export function panel(title, given, ...children) {
    const id = newId('panel');
    return h(
        'section',
        { class: `panel ${given?.class || ''}`, 'aria-labelledby': id },
        h('div', { class: 'panel-head' }, h('h2', { id }, title), given?.aside),
        children,
    );
}

export function button(text, act, given = {}) {
    return h('button', { type: 'button', ...given, on: { click: act } }, text);
}

export const link = (href, ...text) => h('a', { href }, text);
export const person = (name) =>
    name
        ? link(`#/people/${encodeURIComponent(name)}`, name)
        : h('span', { class: 'soft' }, 'nobody');
export const device = (name) => (name ? link(`#/devices/${encodeURIComponent(name)}`, name) : '');

export const note = (...text) => h('p', { class: 'note' }, text);

/* [[name, value], ...]; values that are undefined are left out. */
export function facts(pairs) {
    return h(
        'dl',
        { class: 'facts' },
        pairs
            .filter(([, v]) => v !== undefined && v !== null && v !== '')
            .map(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]),
    );
}

/* ---- tables --------------------------------------------------------------------------------- */

/* columns: [label, class?]; rows: arrays of cells, the first of them is the row's header. A row may
 * have .mark, a class. What stands in for no rows is `empty`. */
export function table(caption, columns, rows, empty) {
    if (rows.length === 0) return h('p', { class: 'empty' }, empty || 'Nothing here.');
    const cell = (content, i) =>
        i === 0
            ? h('th', { scope: 'row', class: columns[0][1] }, content)
            : h('td', { class: columns[i][1] }, content);
    return h(
        'div',
        { class: 'scroll', role: 'group', 'aria-label': caption, tabindex: '0' },
        h(
            'table',
            {},
            h('caption', { class: 'unseen' }, caption),
            h(
                'thead',
                {},
                h(
                    'tr',
                    {},
                    columns.map(([label, look]) =>
                        h(
                            'th',
                            { scope: 'col', class: look },
                            label || h('span', { class: 'unseen' }, 'Actions'),
                        ),
                    ),
                ),
            ),
            h(
                'tbody',
                {},
                rows.map((row) => h('tr', { class: row.mark }, row.map(cell))),
            ),
        ),
    );
}

/* ---- lists that the gateway searches and divides ---------------------------------------------- */

/*
 * ask(query) -> {items, next?, total?}; row(item) -> cells. `query()` is what the filters say now;
 * `cursor` names the parameter that "next" goes into.
 */
export function pagedList({
    view,
    caption,
    columns,
    ask,
    query,
    row,
    empty,
    size = 100,
    cursor = 'after',
}) {
    const body = h('div', { class: 'list', 'aria-busy': 'true' });
    const foot = h('div', { class: 'pager' });
    let before = [''],
        turn = 0;

    function showFoot(answer) {
        const from = (before.length - 1) * size + 1,
            n = answer.items.length;
        const told =
            n === 0
                ? ''
                : `${number(from)}–${number(from + n - 1)}` +
                  (answer.total !== undefined ? ` of ${number(answer.total)}` : '');
        const more = answer.next !== undefined;
        fill(
            foot,
            h('span', { class: 'soft num', role: 'status' }, told),
            (more || before.length > 1) &&
                h(
                    'span',
                    { class: 'actions' },
                    button(
                        'Back',
                        () => {
                            before.pop();
                            turnTo();
                        },
                        { id: `${caption}-back`, disabled: before.length < 2 },
                    ),
                    button(
                        'Next',
                        () => {
                            before.push(answer.next);
                            turnTo();
                        },
                        { id: `${caption}-next`, disabled: !more },
                    ),
                ),
        );
    }

    /* Another page is read from its top. */
    async function turnTo() {
        await show();
        window.scrollTo(0, 0);
    }

    async function show() {
        const mine = ++turn;
        try {
            const answer = await ask({
                ...query(),
                limit: size,
                [cursor]: before[before.length - 1],
            });
            if (mine !== turn || view.over) return;
            fill(body, table(caption, columns, answer.items.map(row), empty));
            showFoot(answer);
        } catch (e) {
            if (mine === turn && !view.over) fill(body, failure(e));
        }
        body.setAttribute('aria-busy', 'false');
    }

    return {
        node: h('div', {}, body, foot),
        refresh: show,
        restart() {
            before = [''];
            return show();
        },
    };
}

/* ---- filters -------------------------------------------------------------------------------- */

export function later(act, wait = 180) {
    let timer;
    return (...given) => {
        clearTimeout(timer);
        timer = setTimeout(() => act(...given), wait);
    };
}

export function field(label, control, hint) {
    const id = control.id || newId('field');
    control.id = id;
    const hintId = hint && `${id}-hint`;
    if (hint) control.setAttribute('aria-describedby', hintId);
    return h(
        'div',
        { class: 'field' },
        h('label', { for: id }, label),
        control,
        hint && h('p', { class: 'hint', id: hintId }, hint),
    );
}

export function select(options, value, given = {}) {
    return h(
        'select',
        given,
        options.map(([v, text]) => h('option', { value: v, selected: v === value }, text)),
    );
}

export function searchField(label, value, act, given = {}) {
    return h('input', {
        type: 'search',
        'aria-label': label,
        placeholder: label,
        value,
        maxlength: 100,
        spellcheck: 'false',
        autocomplete: 'off',
        autocapitalize: 'none',
        ...given,
        on: { input: later(act) },
    });
}

/* ---- what went wrong ------------------------------------------------------------------------ */

export function failure(e) {
    return h(
        'div',
        { class: 'failure', role: 'alert' },
        h('strong', {}, e.message),
        e.hint && h('p', {}, e.hint),
    );
}

/* Text to be carried elsewhere, and the button that does. */
export function carried(text, label, look = '') {
    const done = h('span', { class: 'soft', role: 'status' });
    const copy = button(
        'Copy',
        async () => {
            try {
                await navigator.clipboard.writeText(text);
                fill(done, 'Copied');
            } catch {
                fill(done, 'Mark it and copy it by hand.');
            }
        },
        { 'aria-label': `Copy ${label}` },
    );
    return h('div', { class: 'carried' }, h('code', { class: look }, text), copy, done);
}

/* The same for the camera of a phone: black on white, light or dark. */
export function qrCode(text, label) {
    const rows = qrMatrix(text, 'M'),
        quiet = 4;
    if (!rows) return null;
    const side = rows.length + 2 * quiet;
    const dark = rows.map((row, y) =>
        row.map((on, x) => (on ? `M${x + quiet} ${y + quiet}h1v1h-1z` : '')).join(''),
    );
    return svg(
        'svg',
        { class: 'qr', viewBox: `0 0 ${side} ${side}`, role: 'img', 'aria-label': label },
        svg('rect', { class: 'light', width: side, height: side }),
        svg('path', { class: 'dark', d: dark.join('') }),
    );
}
