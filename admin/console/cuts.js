/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ending access: one button, one question, the receipt. */
import { part, post } from './api.js';
import { dialog, receiptShown } from './dialog.js';
import { h } from './dom.js';
import { button, field } from './parts.js';
import { may } from './session.js';

let changed = () => {};
/* The frame says here what is to be shown anew after an act: changed(name). */
export function afterActs(act) {
    changed = act;
}
export const acted = (name) => changed(name);

export const input = (given) => h('input', { type: 'text', autocomplete: 'off', ...given });
export const reasonField = (control, hint) => field('Reason (kept on record)', control, hint);

function ending({ title, says, path, yes, name }) {
    const reason = input({ maxlength: 200 });
    dialog({
        title,
        yes,
        danger: true,
        content: [h('p', {}, says), reasonField(reason)],
        act: async () => {
            const receipt = await post(path, reason.value ? { reason: reason.value } : {});
            acted(name);
            return receiptShown(receipt);
        },
    });
}

export function revokePerson(name, given = {}) {
    return (
        may('operate') &&
        button(
            'Revoke',
            () =>
                ending({
                    title: `Revoke ${name}?`,
                    yes: `Revoke ${name}`,
                    name,
                    path: `v1/users/${part(name)}/revoke`,
                    says: 'All of their devices are cut off at once, downloads that run included. It can be undone: Restore.',
                }),
            {
                class: 'danger',
                id: `revoke-person-${name}`,
                'aria-label': `Revoke ${name}`,
                ...given,
            },
        )
    );
}

export function revokeDevice(name, given = {}) {
    return (
        may('operate') &&
        button(
            'Revoke',
            () =>
                ending({
                    title: `Revoke the device ${name}?`,
                    yes: `Revoke ${name}`,
                    name,
                    path: `v1/devices/${part(name)}/revoke`,
                    says: 'It is cut off at once and for good; its person keeps their other devices. To come back it has to be enrolled anew.',
                }),
            {
                class: 'danger',
                id: `revoke-device-${name}`,
                'aria-label': `Revoke the device ${name}`,
                ...given,
            },
        )
    );
}

export const lostDevice = (name) =>
    may('operate') &&
    button('Lost', () =>
        ending({
            title: `Is ${name} lost or stolen?`,
            yes: 'Cut it off as lost',
            name,
            path: `v1/devices/${part(name)}/lost`,
            says: 'It is cut off at once and never comes back. Whatever knocks with its key afterwards is recorded.',
        }),
    );

export const retireDevice = (name) =>
    may('operate') &&
    button('Retire', () =>
        ending({
            title: `Retire ${name}?`,
            yes: 'Retire it',
            name,
            path: `v1/devices/${part(name)}/retire`,
            says: 'For a device that is no longer used. It is cut off at once and its key ends for good.',
        }),
    );

export const compromisedPerson = (name) =>
    may('operate') &&
    button('Compromised', () =>
        ending({
            title: `Are the secrets of ${name} known to somebody else?`,
            yes: 'End all of their secrets',
            name,
            path: `v1/users/${part(name)}/compromised`,
            says: 'All of their devices end for good, passphrase and second factor are void. The person stays: give them a sign-in code and invite their devices anew.',
        }),
    );
