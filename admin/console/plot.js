/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Plots, drawn as elements. Each has its numbers in words for those who do not see it. */
import { h, svg } from './dom.js';
import { clock, number } from './words.js';

const W = 400,
    H = 130,
    LEFT = 44,
    RIGHT = 8,
    TOP = 10,
    BOTTOM = 22;

/* 1, 2 or 5 times a power of ten, at least v. */
function round(v) {
    const power = 10 ** Math.floor(Math.log10(Math.max(v, 1)));
    return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= v);
}

const scale = (from, to, a, b) => (v) => a + ((v - from) / (to - from || 1)) * (b - a);

function grid(y, top, format) {
    return (top % 2 ? [0, top] : [0, top / 2, top]).map((v) =>
        svg(
            'g',
            { class: 'grid' },
            svg('line', { x1: LEFT, x2: W - RIGHT, y1: y(v), y2: y(v) }),
            svg('text', { x: LEFT - 6, y: y(v) + 4, 'text-anchor': 'end' }, format(v)),
        ),
    );
}

function hours(x, from, to) {
    const step = [900, 1800, 3600, 7200, 14400, 21600].find((s) => (to - from) / s <= 5) || 86400;
    const marks = [];
    for (let t = Math.ceil(from / step) * step; t <= to; t += step)
        marks.push(
            svg('text', { class: 'mark', x: x(t), y: H - 6, 'text-anchor': 'middle' }, clock(t)),
        );
    return marks;
}

function picture(label, ...children) {
    return svg(
        'svg',
        { class: 'plot', viewBox: `0 0 ${W} ${H}`, role: 'img', 'aria-label': label },
        children,
    );
}

const path = (items, x, y, key) =>
    items.map((s, i) => `${i ? 'L' : 'M'}${x(s.time).toFixed(1)} ${y(s[key]).toFixed(1)}`).join('');

const few = (items) =>
    items.length < 2 &&
    h(
        'p',
        { class: 'empty' },
        'The gateway takes a sample each minute; come back in a few minutes.',
    );

/* items {time, leases, quarantine}: two lines. */
export function devicesPlot(items) {
    if (few(items)) return few(items);
    const from = items[0].time,
        to = items[items.length - 1].time,
        end = items[items.length - 1];
    const top = round(Math.max(4, ...items.map((s) => Math.max(s.leases, s.quarantine))));
    const x = scale(from, to, LEFT, W - RIGHT),
        y = scale(0, top, H - BOTTOM, TOP);
    return h(
        'div',
        {},
        h(
            'p',
            { class: 'legend' },
            h('span', { class: 'key good' }, `in: ${number(end.leases)}`),
            h('span', { class: 'key wait' }, `in quarantine: ${number(end.quarantine)}`),
        ),
        picture(
            `Devices over time. Now ${end.leases} are in, ${end.quarantine} in quarantine; ` +
                `most at once ${Math.max(...items.map((s) => s.leases))}.`,
            grid(y, top, number),
            hours(x, from, to),
            svg('path', { class: 'curve wait', d: path(items, x, y, 'quarantine') }),
            svg('path', { class: 'curve good', d: path(items, x, y, 'leases') }),
        ),
    );
}

/* At most 120 bars: neighbours are added up. */
function bars(items) {
    const n = Math.ceil(items.length / 120),
        out = [];
    for (let i = 0; i < items.length; i += n) {
        const some = items.slice(i, i + n);
        out.push({ time: some[0].time, denied: some.reduce((sum, s) => sum + s.denied, 0) });
    }
    return out;
}

/* items {time, denied}: a bar a minute, or a few of them. */
export function deniedPlot(items) {
    if (few(items)) return few(items);
    const b = bars(items),
        from = items[0].time,
        to = items[items.length - 1].time;
    const sum = items.reduce((n, s) => n + s.denied, 0);
    const top = round(Math.max(4, ...b.map((s) => s.denied)));
    const wide = Math.max(1, (W - LEFT - RIGHT) / b.length - 1);
    const x = scale(0, b.length, LEFT, W - RIGHT),
        y = scale(0, top, H - BOTTOM, TOP);
    return h(
        'div',
        {},
        h(
            'p',
            { class: 'legend' },
            h('span', { class: 'key bad' }, `denied packets: ${number(sum)} since ${clock(from)}`),
        ),
        picture(
            `Denied packets over time: ${sum} since ${clock(from)}.`,
            grid(y, top, number),
            hours(scale(from, to, LEFT, W - RIGHT), from, to),
            b.map(
                (s, i) =>
                    s.denied > 0 &&
                    svg('rect', {
                        class: 'bar bad',
                        x: x(i),
                        y: y(s.denied),
                        width: wide,
                        height: H - BOTTOM - y(s.denied),
                    }),
            ),
        ),
    );
}

/* receipts {time, cut_ms}: a dot each, on a logarithmic scale. */
export function latencyPlot(receipts) {
    if (receipts.length === 0)
        return h(
            'p',
            { class: 'empty' },
            'Nobody has been revoked yet. Each revocation leaves a dot here: how long it took until the kernel had cut.',
        );
    const values = receipts.map((r) => Math.max(0.01, r.cut_ms)).sort((a, b) => a - b);
    const median = values[Math.floor(values.length / 2)],
        worst = values[values.length - 1];
    const low = Math.floor(Math.log10(values[0])),
        high = Math.max(low + 1, Math.ceil(Math.log10(worst)));
    const x = scale(-0.5, receipts.length - 0.5, LEFT, W - RIGHT),
        y = scale(low, high, H - BOTTOM, TOP);
    const lines = Array.from({ length: high - low + 1 }, (_, i) => low + i);
    return h(
        'div',
        {},
        h(
            'p',
            { class: 'legend' },
            h(
                'span',
                {},
                `${number(receipts.length)} ${receipts.length === 1 ? 'revocation' : 'revocations'}; until the kernel had cut: median `,
                h('strong', { class: 'num' }, `${median.toFixed(2)} ms`),
                ', slowest ',
                h('strong', { class: 'num' }, `${worst.toFixed(2)} ms`),
            ),
        ),
        picture(
            `Revocation latency of ${receipts.length} revocations: median ${median.toFixed(2)} ms, slowest ${worst.toFixed(2)} ms.`,
            lines.map((p) =>
                svg(
                    'g',
                    { class: 'grid' },
                    svg('line', { x1: LEFT, x2: W - RIGHT, y1: y(p), y2: y(p) }),
                    svg(
                        'text',
                        { x: LEFT - 6, y: y(p) + 4, 'text-anchor': 'end' },
                        `${10 ** p} ms`,
                    ),
                ),
            ),
            receipts.map((r, i) =>
                svg(
                    'circle',
                    { class: 'dot', cx: x(i), cy: y(Math.log10(Math.max(0.01, r.cut_ms))), r: 3 },
                    svg('title', {}, `${r.object}: ${r.cut_ms.toFixed(2)} ms`),
                ),
            ),
        ),
    );
}
