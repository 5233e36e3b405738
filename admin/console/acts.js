/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Giving access, and the rest of what admins do: a button, one question, what came of it. */
import { get, part, post, put } from './api.js';
import { acted, input, reasonField } from './cuts.js';
import { dialog } from './dialog.js';
import { announce, h } from './dom.js';
import { button, carried, facts, field, link, newId, note, qrCode, select } from './parts.js';
import { may } from './session.js';
import { at, span } from './words.js';

/* ---- giving access --------------------------------------------------------------------------- */

export const restorePerson = (name) =>
    may('operate') &&
    button(
        'Restore',
        () =>
            dialog({
                title: `Restore ${name}?`,
                yes: 'Restore',
                content: h(
                    'p',
                    {},
                    'Their devices may come back in, once each has reported its state anew and is healthy.',
                ),
                act: async () => {
                    await post(`v1/users/${part(name)}/restore`);
                    announce(`${name} is restored`);
                    acted(name);
                },
            }),
        { class: 'strong' },
    );

export const unlockDevice = (name) =>
    may('operate') &&
    button(
        'Unlock',
        () => {
            const reason = input({ maxlength: 200, required: true });
            dialog({
                title: `Unlock ${name}?`,
                yes: 'Unlock',
                content: [
                    h('p', {}, 'Its hold ends. What led to it stays on record.'),
                    reasonField(reason),
                ],
                act: async () => {
                    await post(`v1/devices/${part(name)}/unlock`, { reason: reason.value });
                    acted(name);
                },
            });
        },
        { class: 'strong' },
    );

export const approveDevice = (name, given = {}) =>
    may('operate') &&
    button(
        'Approve',
        () =>
            dialog({
                title: `Approve ${name}?`,
                yes: 'Approve',
                content: h(
                    'p',
                    {},
                    'It may come in from now on, when it is healthy and its person’s roles are open. Ask the person whether it is theirs: by phone, not by mail.',
                ),
                act: async () => {
                    await post(`v1/devices/${part(name)}/approve`);
                    announce(`${name} is approved`);
                    acted(name);
                },
            }),
        { class: 'strong', id: `approve-${name}`, 'aria-label': `Approve ${name}`, ...given },
    );

const until = (s) => [at(s), ` (${span(s - Date.now() / 1000)} from now)`];

function invitation(a) {
    return {
        title: `Invitation for ${a.user}`,
        content: [
            h('p', {}, '1. Send this link, by mail or chat. It opens once.'),
            carried(a.link, 'the link', 'wide'),
            qrCode(a.link, 'The link, for the camera of a phone'),
            h('p', {}, '2. Read this code to them by phone. Not by the same mail.'),
            carried(a.code, 'the code', 'code'),
            facts([['Valid until', until(a.until)]]),
            note(
                'Neither is shown again. The person’s private key is made on their device and never leaves it.',
            ),
        ],
    };
}

const OWNERS = [
    ['byod', 'the person'],
    ['corp', 'the company'],
];

function askInvitation(user) {
    const name = input({ maxlength: 63, placeholder: `${user}-laptop`, autocapitalize: 'none' });
    const own = select(OWNERS, 'corp');
    dialog({
        title: `Invite a device of ${user}`,
        yes: 'Make the invitation',
        content: [
            field('Name of the device', name, 'Leave it empty to let the person choose.'),
            field('It belongs to', own),
        ],
        act: async () => {
            const asked = { own: own.value, ...(name.value ? { device: name.value } : {}) };
            const a = await post(`v1/users/${part(user)}/invite`, asked);
            acted(user);
            return invitation(a);
        },
    });
}

export const invite = (user) => may('help') && button('Invite a device', () => askInvitation(user));

export const signInCode = (user) =>
    may('help') &&
    button('Sign-in code', () =>
        dialog({
            title: `A new sign-in code for ${user}?`,
            yes: 'Make the code',
            content: h(
                'p',
                {},
                'With it they choose a new passphrase and a new second factor. Do this only when you know that it is them who ask.',
            ),
            act: async () => {
                const a = await post(`v1/users/${part(user)}/sign-in-code`);
                return {
                    title: `Sign-in code for ${user}`,
                    content: [
                        h('p', {}, 'Read it to them. They enter it on the portal, at Set up.'),
                        carried(a.code, 'the code', 'code'),
                        facts([['Valid until', until(a.until)]]),
                    ],
                };
            },
        }),
    );

/* The roles of the policy in force, by its text. */
export async function policyRoles() {
    const { text } = await get('v1/policy');
    return [...text.matchAll(/^[ \t]*role[ \t]+([a-z0-9][a-z0-9._-]*)/gm)].map((m) => m[1]);
}

function roleBoxes(all, mine) {
    const boxes = [...new Set([...all, ...mine])].map((role) => {
        const id = newId('role');
        return {
            role,
            node: h('input', { type: 'checkbox', id, checked: mine.includes(role) }),
            id,
        };
    });
    return {
        node: h(
            'fieldset',
            { class: 'choices' },
            h('legend', {}, 'Roles'),
            boxes.map((b) => h('label', { for: b.id }, b.node, b.role)),
        ),
        chosen: () => boxes.filter((b) => b.node.checked).map((b) => b.role),
    };
}

export const setRoles = (user) =>
    may('operate') &&
    button('Roles', async () => {
        const boxes = roleBoxes(await policyRoles(), user.roles);
        dialog({
            title: `Roles of ${user.name}`,
            yes: 'Set roles',
            content: [
                boxes.node,
                note(
                    'It is in force at once: what a role no longer permits ends with its next packet.',
                ),
            ],
            act: async () => {
                await put(`v1/users/${part(user.name)}/roles`, { roles: boxes.chosen() });
                announce('Roles are set');
                acted(user.name);
            },
        });
    });

export const addPerson = () =>
    may('operate') &&
    button(
        'Add a person',
        async () => {
            const name = input({
                maxlength: 63,
                required: true,
                pattern: '[a-z0-9][a-z0-9._\\-]*',
                autocapitalize: 'none',
                spellcheck: 'false',
            });
            const full = input({ maxlength: 120 }),
                end = input({ type: 'date' });
            const boxes = roleBoxes(await policyRoles(), []);
            dialog({
                title: 'Add a person',
                yes: 'Add',
                content: [
                    field(
                        'Name',
                        name,
                        'Small letters and digits, as in maria.ortiz. It is never used for somebody else.',
                    ),
                    field('Full name', full),
                    boxes.node,
                    field('Until (for those whose time is known)', end),
                ],
                act: async () => {
                    const body = { name: name.value, roles: boxes.chosen() };
                    if (full.value) body.full_name = full.value;
                    if (end.value)
                        body.end = Math.floor(new Date(`${end.value}T23:59:59`).getTime() / 1000);
                    const user = await post('v1/users', body);
                    acted(user.name);
                    return {
                        title: `${user.name} is added`,
                        content: [
                            h(
                                'p',
                                {},
                                'Next: ',
                                link(`#/people/${part(user.name)}`, 'their page'),
                                ', to invite a device and give a sign-in code.',
                            ),
                        ],
                    };
                },
            });
        },
        { class: 'strong' },
    );

/* Shows the device of nobody (an import) to a person. */
export const assignDevice = (name) =>
    may('operate') &&
    button(
        'Give to a person',
        () => {
            const user = input({ required: true, maxlength: 63, autocapitalize: 'none' });
            dialog({
                title: `Whose is ${name}?`,
                yes: 'It is theirs',
                content: field('Name of the person', user),
                act: async () => {
                    await put(`v1/devices/${part(name)}/user`, { user: user.value });
                    acted(name);
                },
            });
        },
        { class: 'strong' },
    );

const DAYS = [
    ['1', '1 day'],
    ['7', '7 days'],
    ['30', '30 days'],
    ['90', '90 days'],
];

export const exceptRule = (device, rule) =>
    may('operate') &&
    button(
        'Except',
        () => {
            const reason = input({ required: true, maxlength: 200 }),
                days = select(DAYS, '7');
            dialog({
                title: `Except ${device} from a rule`,
                yes: 'Except it',
                content: [
                    facts([['Rule', h('code', {}, rule)]]),
                    field('For', days),
                    reasonField(reason, 'A validator reads it.'),
                ],
                act: async () => {
                    await post(`v1/devices/${part(device)}/exceptions`, {
                        rule,
                        reason: reason.value,
                        until: Math.floor(Date.now() / 1000) + Number(days.value) * 86400,
                    });
                    acted(device);
                },
            });
        },
        { 'aria-label': `Except ${device} from ${rule}` },
    );

/* What the share of the policy withheld is done after all. */
export const allowWithheld = () =>
    may('operate') &&
    button('Do it all the same', () => {
        const reason = input({ required: true, maxlength: 200 });
        dialog({
            title: 'Hold these devices too?',
            yes: 'Hold them',
            danger: true,
            content: [
                h(
                    'p',
                    {},
                    'So many at once is more than the policy lets the gateway hold by itself.',
                ),
                reasonField(reason),
            ],
            act: async () => {
                await post('v1/respond/allow', { reason: reason.value });
                acted('');
            },
        });
    });

export function openCase(attempts, user, then) {
    const who = input({ value: user || '', required: true, maxlength: 63 }),
        text = h('textarea', { rows: 4, maxlength: 2000 });
    dialog({
        title:
            attempts.length === 1
                ? 'Open a case on this attempt'
                : `Open a case on ${attempts.length} attempts`,
        yes: 'Open the case',
        content: [field('Person it is about', who), field('First note', text)],
        act: async () => {
            const made = await post('v1/cases', {
                user: who.value,
                attempts,
                ...(text.value ? { note: text.value } : {}),
            });
            then(made);
        },
    });
}
