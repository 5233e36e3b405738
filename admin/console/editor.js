/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A text area with the numbers of its lines, and what is wrong with a line written behind it. The
 * text area is the plain one of the browser, with its undo, its search and its keys; the numbers and
 * the words lie in layers that scroll with it.
 */
import { fill, h } from './dom.js';

export function editor({ label, text, describedBy, readonly, onInput }) {
    const area = h('textarea', {
        'aria-label': label,
        'aria-describedby': describedBy,
        spellcheck: 'false',
        autocapitalize: 'none',
        autocomplete: 'off',
        wrap: 'off',
        readonly,
        rows: 30,
    });
    const numbers = h('div', { class: 'numbers', 'aria-hidden': 'true' }),
        words = h('div', { class: 'words', 'aria-hidden': 'true' });
    let wrong = new Map(),
        drawn = -1;

    const lines = () => area.value.split('\n');

    function scroll() {
        numbers.scrollTop = area.scrollTop;
        words.scrollTop = area.scrollTop;
        words.scrollLeft = area.scrollLeft;
    }

    /* Only lines with a message have text in the layer: it keeps their width, unseen. */
    function draw() {
        const all = lines();
        fill(
            numbers,
            all.map((_, i) => h('div', { class: wrong.get(i + 1)?.severity }, i + 1)),
        );
        fill(
            words,
            all.map((line, i) => {
                const d = wrong.get(i + 1);
                return h(
                    'div',
                    { class: d?.severity },
                    d
                        ? [
                              h('span', { class: 'under' }, line),
                              h('span', { class: 'message' }, ` ${d.text}`),
                          ]
                        : ' ',
                );
            }),
        );
        drawn = all.length;
        scroll();
    }

    area.addEventListener('scroll', scroll);
    area.addEventListener('input', () => {
        wrong = new Map();
        area.setAttribute('aria-invalid', 'false');
        if (lines().length !== drawn || words.querySelector('.message')) draw();
        onInput();
    });
    area.value = text;
    draw();

    return {
        node: h('div', { class: 'editor' }, numbers, h('div', { class: 'sheet' }, words, area)),
        text: () => area.value,
        set(value) {
            area.value = value;
            wrong = new Map();
            draw();
        },
        mark(diagnostics) {
            wrong = new Map();
            for (const d of [...diagnostics].reverse()) wrong.set(d.line, d);
            area.setAttribute(
                'aria-invalid',
                String(diagnostics.some((d) => d.severity === 'error')),
            );
            draw();
        },
        goTo(line, col) {
            const at =
                lines()
                    .slice(0, line - 1)
                    .reduce((n, l) => n + l.length + 1, 0) + Math.max(0, (col || 1) - 1);
            area.focus();
            area.setSelectionRange(at, at);
            area.scrollTop = Math.max(
                0,
                (line - 8) * (area.scrollHeight / Math.max(1, lines().length)),
            );
        },
    };
}
