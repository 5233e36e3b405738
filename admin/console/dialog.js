/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions before acts, and what came of them. One dialog at a time; Escape leaves it. */
import { announce, fill, h, save } from './dom.js';
import { button, facts, failure, newId, table } from './parts.js';
import { ms } from './words.js';

/*
 * content: nodes or a function of close. act(close) does it when the person agrees: what it returns
 * (nodes) takes the place of the question; nothing closes the dialog. A refusal is shown in place.
 */
export function dialog({ title, content, act, yes, danger, wide }) {
    const id = newId('dialog'),
        wrong = h('div');
    const box = h('dialog', { class: wide ? 'wide' : '', 'aria-labelledby': id });
    const close = () => box.close();
    const agree = act && h('button', { type: 'submit', class: danger ? 'danger' : 'strong' }, yes);
    const body = h(
        'div',
        { class: 'dialog-body' },
        typeof content === 'function' ? content(close) : content,
    );
    const form = h(
        'form',
        { method: 'dialog', on: { submit } },
        h('h2', { id, tabindex: '-1' }, title),
        body,
        wrong,
        h('div', { class: 'dialog-foot' }, button(act ? 'Cancel' : 'Close', close), agree),
    );

    async function submit(event) {
        event.preventDefault();
        if (!act) return close();
        agree.disabled = true;
        fill(wrong);
        try {
            const after = await act(close);
            if (!box.open) return undefined;
            if (after) showAfter(after);
            else close();
        } catch (e) {
            fill(wrong, failure(e));
        }
        agree.disabled = false;
        return undefined;
    }

    function showAfter(after) {
        const done = button('Done', close, { class: 'strong' });
        fill(
            form,
            h('h2', { id }, after.title),
            h('div', { class: 'dialog-body' }, after.content),
            h('div', { class: 'dialog-foot' }, after.extra, done),
        );
        done.focus();
        announce(after.said || after.title);
    }

    const back = document.activeElement;
    box.append(form);
    box.addEventListener('close', () => {
        box.remove();
        if (back?.isConnected) back.focus();
    });
    document.body.append(box);
    box.showModal();
    (body.querySelector('input, textarea, select') || agree || form).focus();
    return { close, box };
}

/* ---- receipts -------------------------------------------------------------------------------- */

const wallMs = (us) => {
    const d = new Date(us / 1000);
    return `${d.toTimeString().slice(0, 8)}.${String(Math.floor(us / 1000) % 1000).padStart(3, '0')}`;
};

function times(r) {
    const rows = [
        ['Asked for', r.requested_us, 0],
        ['Cut in the kernel', r.kernel_cut_us, r.cut_ms],
        ['Written to disk', r.durable_us, r.durable_ms],
        ['Answered', r.answered_us, (r.answered_us - r.requested_us) / 1000],
    ];
    return table(
        'When it happened',
        [['Step'], ['At', 'num'], ['After', 'num']],
        rows.map(([what, us, after]) => [what, wallMs(us), after ? ms(after) : '0']),
    );
}

const left = (r) =>
    `leases: ${r.leases_left}, connections: ${r.connections_left}, peers: ${r.peers_left}`;

/* What the gateway read back from its kernel, for the one who asked. */
export function receiptShown(r) {
    return {
        title: `${r.object} is cut off`,
        said: `${r.object} is cut off, after ${ms(r.cut_ms)}. ${r.verified ? 'Verified.' : 'Not verified.'}`,
        content: [
            h(
                'p',
                { class: `verdict ${r.verified ? 'good' : 'bad'}` },
                h('strong', {}, ms(r.cut_ms)),
                r.verified
                    ? ' from your request to the cut in the kernel; read back and found gone.'
                    : ' to the cut, but the kernel still holds something of it. See the alarms.',
            ),
            times(r),
            facts([
                ['Receipt', h('code', {}, r.receipt)],
                ['Devices', r.devices.map((d) => d.name).join(', ') || 'none'],
                [
                    'Ended',
                    `connections: ${r.connections_ended}, reports made void: ${r.tokens_revoked}`,
                ],
                ['Left in the kernel', left(r)],
            ]),
        ],
        extra:
            r.document &&
            button('Save signed receipt', () =>
                save(JSON.stringify(r.document), `receipt-${r.receipt}.json`, 'application/json'),
            ),
    };
}
