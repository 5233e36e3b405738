/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Policy: the file, its errors at their lines, what it would change in sentences, applying it. */
import { get, post, postText, withQuery } from './api.js';
import { dialog } from './dialog.js';
import { announce, fill, h } from './dom.js';
import { editor } from './editor.js';
import { button, field, head, later, note, panel, select } from './parts.js';
import { may, session } from './session.js';
import { dateTime, number } from './words.js';

const TRIALS = [
    ['120', '2 minutes'],
    ['300', '5 minutes'],
    ['900', '15 minutes'],
    ['3600', '1 hour'],
    ['', 'No trial: at once and for good'],
];
const VERSIONS = 20;

function verdictOf(answer) {
    const errors = answer.diagnostics.filter((d) => d.severity === 'error').length;
    if (errors > 0)
        return [
            'bad',
            errors === 1
                ? '1 error. It cannot be applied.'
                : `${errors} errors. It cannot be applied.`,
        ];
    if (answer.tests.failed > 0)
        return ['bad', `${answer.tests.failed} of its tests fail. It cannot be applied.`];
    return [
        'good',
        `No errors. ${number(answer.tests.passed)} of ${number(answer.tests.passed)} of its tests pass.`,
    ];
}

/* ---- applying --------------------------------------------------------------------------------- */

function applied(a, reload) {
    reload();
    return {
        title: `Version ${a.version} is in force`,
        content: [
            h(
                'p',
                {},
                a.changed_devices === 1
                    ? 'The rights of 1 device changed, at once.'
                    : `The rights of ${number(a.changed_devices)} devices changed, at once.`,
            ),
            a.confirm_until &&
                h(
                    'p',
                    { class: 'verdict wait' },
                    `Keep it before ${dateTime(a.confirm_until).slice(11)}, with the button at the top. Otherwise the gateway goes back by itself.`,
                ),
        ],
    };
}

/* It would take everything from most: the numbers, and a second agreement. */
function massRemoval(e, text, trial, reload) {
    dialog({
        title: 'This leaves most of those who are in with nothing',
        yes: `Cut off ${e.body.devices_lost} devices`,
        danger: true,
        content: h(
            'p',
            {},
            h(
                'strong',
                {},
                `${number(e.body.devices_lost)} of the ${number(e.body.devices_in)} devices`,
            ),
            ' that are in would lose all access. Is that what you mean?',
        ),
        act: async () =>
            applied(
                await postText(
                    withQuery('v1/policy/apply', { confirm: trial, mass_removal: 1 }),
                    text,
                ),
                reload,
            ),
    });
}

/* other: the policy that somebody else has applied since this one was begun. */
function askApply(text, diff, other, reload) {
    const trial = select(TRIALS, '300');
    dialog({
        title: 'Apply this policy?',
        yes: 'Apply',
        wide: true,
        content: [
            other &&
                h(
                    'p',
                    { class: 'verdict wait' },
                    `Since you began, ${other.applied_by} applied version ${other.version}. `,
                    'What is not in your text is taken back: see what changes.',
                ),
            h('p', {}, 'What changes:'),
            h('pre', { class: 'sentences', tabindex: '0' }, diff || 'Nothing.'),
            field(
                'On trial for',
                trial,
                'Without your word within this time the gateway goes back to the version before: you cannot lock yourself out.',
            ),
        ],
        act: async (close) => {
            try {
                return applied(
                    await postText(withQuery('v1/policy/apply', { confirm: trial.value }), text),
                    reload,
                );
            } catch (e) {
                if (e.code !== 'mass_removal') throw e;
                close();
                return massRemoval(e, text, trial.value, reload);
            }
        },
    });
}

const rollBack = (reload) =>
    dialog({
        title: 'Go back to the policy before?',
        yes: 'Roll back',
        danger: true,
        content: h('p', {}, 'The rights of the version before are in force again at once.'),
        act: async () => {
            const v = await post('v1/policy/rollback');
            reload();
            return { title: `Rolled back: version ${v.version} is in force`, content: [] };
        },
    });

/* What somebody has typed and not applied: kept when they go to another page, or their session ends. */
let draft = null;
export const unsaved = () => draft !== null;
export function forget() {
    draft = null;
}

/* ---- the page --------------------------------------------------------------------------------- */

function showProblems(box, edit, diagnostics) {
    fill(
        box,
        diagnostics.length > 0 &&
            h(
                'ul',
                { class: 'problems' },
                diagnostics.map((d, i) =>
                    h(
                        'li',
                        { class: d.severity },
                        button(`Line ${d.line}`, () => edit.goTo(d.line, d.col), {
                            class: 'quiet',
                            id: `problem-${i}`,
                            'aria-label': `Go to line ${d.line}`,
                        }),
                        h(
                            'span',
                            {},
                            d.text,
                            d.hint && h('span', { class: 'soft' }, `: ${d.hint}`),
                        ),
                    ),
                ),
            ),
    );
}

export async function render(view) {
    const current = await get('v1/policy');
    let inForce = current,
        turn = 0,
        ok = false;
    const verdict = h('p', { class: 'verdict', id: 'policy-verdict', role: 'status' }, 'Checking…');
    const problems = h('div'),
        sentences = h('div'),
        title = h('p', { class: 'lead' });
    const checkLater = later(check, 350);
    const edit = editor({
        label: 'Policy file',
        text: current.text,
        describedBy: 'policy-verdict',
        readonly: !may('operate'),
        onInput() {
            keep();
            checkLater();
        },
    });
    const apply =
        may('operate') &&
        button('Apply…', () => begin().catch(wrong), {
            class: 'strong',
            disabled: true,
        });
    const back = may('operate') && button('Roll back…', () => rollBack(reload));
    const undo = may('operate') && button('Drop my changes', () => put(inForce.text));
    const versions = h('select', { 'aria-label': 'Version' });

    function tell() {
        fill(
            title,
            `Version ${inForce.version}, by ${inForce.applied_by}, ${dateTime(inForce.applied_at)}. `,
            h('code', { title: inForce.sha256 }, inForce.sha256.slice(0, 12)),
        );
        const from = Math.max(1, inForce.version - VERSIONS);
        fill(
            versions,
            Array.from({ length: inForce.version - from + 1 }, (_, i) => inForce.version - i).map(
                (v) =>
                    h(
                        'option',
                        { value: v },
                        v === inForce.version ? `Version ${v}, in force` : `Version ${v}`,
                    ),
            ),
        );
    }

    function keep() {
        const text = edit.text();
        draft = text === inForce.text ? null : { user: session().user, text };
    }

    function put(text) {
        edit.set(text);
        keep();
        return check();
    }

    function wrong(e) {
        fill(verdict, e.message);
        verdict.className = 'verdict bad';
        ok = false;
    }

    /* What it changes is asked anew: somebody else may have applied another meanwhile. */
    async function begin() {
        const text = edit.text(),
            now = await get('v1/policy');
        const diff = (await postText('v1/policy/diff', text)).text;
        askApply(text, diff, now.version === inForce.version ? null : now, reload);
    }

    async function check() {
        const mine = ++turn,
            text = edit.text(),
            same = text === inForce.text;
        try {
            const answer = await postText('v1/policy/check', text);
            if (mine !== turn || view.over) return;
            edit.mark(answer.diagnostics);
            showProblems(problems, edit, answer.diagnostics);
            const [tone, words] = verdictOf(answer);
            fill(verdict, words);
            verdict.className = `verdict ${tone}`;
            ok = answer.ok;
            const diff = ok && !same ? (await postText('v1/policy/diff', text)).text : '';
            if (mine !== turn || view.over) return;
            fill(
                sentences,
                !ok
                    ? note('First mend the errors.')
                    : same
                      ? note(
                            'This is the policy in force. Change it on the left: what that would mean is written here.',
                        )
                      : h(
                            'pre',
                            {
                                class: 'sentences',
                                tabindex: '0',
                                'aria-label': 'What would change',
                            },
                            diff || 'Nothing that anybody would notice.',
                        ),
            );
        } catch (e) {
            if (view.over) return;
            wrong(e);
        }
        if (apply) apply.disabled = !ok || same;
        if (undo) undo.disabled = same;
    }

    /* Another one is in force now: shown, unless something was typed. */
    async function follow() {
        const { version } = await get('v1/policy');
        if (!view.over && version !== inForce.version && edit.text() === inForce.text)
            await reload();
    }

    async function reload() {
        inForce = await get('v1/policy');
        tell();
        view.statusNow();
        await put(inForce.text);
    }

    versions.addEventListener('change', async () => {
        const v = await get('v1/policy', { version: versions.value });
        announce(`Version ${v.version} is in the editor`);
        await put(v.text);
    });
    tell();
    fill(
        view.root,
        head('Policy', { actions: [back, apply] }),
        title,
        h(
            'div',
            { class: 'columns policy' },
            h('div', {}, edit.node, h('div', { class: 'filters under' }, versions, undo)),
            h('div', {}, verdict, problems, panel('What would change', {}, sentences)),
        ),
    );
    view.onEvents((items) => {
        if (items.some((i) => i.kind === 'act')) view.refresh();
    });
    if (draft?.user === session().user) edit.set(draft.text);
    view.refresh = follow;
    await check();
}

function leftOf(policy) {
    const s = Math.round(policy.confirm_until - Date.now() / 1000);
    return s > 0
        ? `It goes back by itself in ${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}.`
        : 'It goes back now.';
}

/* Once a second. */
export function trialTick(policy) {
    const left = policy?.confirm_until && document.getElementById('trial-left');
    if (left) fill(left, leftOf(policy));
}

/* The policy on trial, for the top of every page. Null when there is none. */
export function trialBanner(policy, again) {
    if (!policy?.confirm_until) return null;
    const act = (path, words) => async () => {
        try {
            await post(path);
            announce(words);
        } finally {
            again();
        }
    };
    return h(
        'div',
        { class: 'banner wait', role: 'region', 'aria-label': 'Policy on trial' },
        h(
            'span',
            {},
            h('strong', {}, `Policy version ${policy.version} is on trial. `),
            h('span', { id: 'trial-left' }, leftOf(policy)),
        ),
        may('operate') &&
            h(
                'span',
                { class: 'actions' },
                button('Roll back', act('v1/policy/rollback', 'Rolled back'), { id: 'trial-back' }),
                button('Keep it', act('v1/policy/confirm', 'The policy is kept'), {
                    class: 'strong',
                    id: 'trial-keep',
                }),
            ),
    );
}
