/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Passkeys and sign-in links of admins. */
import { get, part, post } from './api.js';
import { dialog } from './dialog.js';
import { announce, fill, h } from './dom.js';
import { button, carried, facts, field, note, table } from './parts.js';
import { may } from './session.js';
import { at, when } from './words.js';

/* ---- base64url and the browser's own bytes ---------------------------------------------------- */

const toBytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
const toText = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
        .replace(/\+/g, '-')
        .replace(/\//g, '_')
        .replace(/=+$/, '');

const described = (list) => (list || []).map((c) => ({ ...c, id: toBytes(c.id) }));

/* The gateway's options, with bytes where the browser wants bytes. */
function options({ publicKey: o }) {
    const out = { ...o, challenge: toBytes(o.challenge) };
    if (o.user) out.user = { ...o.user, id: toBytes(o.user.id) };
    if (o.allowCredentials) out.allowCredentials = described(o.allowCredentials);
    if (o.excludeCredentials) out.excludeCredentials = described(o.excludeCredentials);
    return out;
}

/* Only where the console is called by a name: an address has no passkeys. */
export const passkeysPossible = () =>
    window.isSecureContext && !!window.PublicKeyCredential && !/^[\d.]+$|:/.test(location.hostname);

/* Nobody is named: the passkey says whose it is. */
export async function signInByPasskey() {
    const publicKey = options(await post('v1/session/passkey/begin'));
    const { id, response } = await navigator.credentials.get({ publicKey });
    return post('v1/session/passkey/finish', {
        id,
        client_data: toText(response.clientDataJSON),
        data: toText(response.authenticatorData),
        signature: toText(response.signature),
        user_handle: toText(response.userHandle || new ArrayBuffer(0)),
    });
}

/* ---- one's own ------------------------------------------------------------------------------- */

function add(box) {
    const name = h('input', { type: 'text', required: true, maxlength: 60, placeholder: 'Laptop' });
    dialog({
        title: 'Add a passkey',
        yes: 'Go on',
        content: [
            h('p', {}, 'Your browser asks for your finger, your face or your security key.'),
            field('What you call it', name),
        ],
        act: async () => {
            const publicKey = options(await post('v1/session/passkeys/begin'));
            const { response } = await navigator.credentials.create({ publicKey });
            await post('v1/session/passkeys/finish', {
                name: name.value,
                client_data: toText(response.clientDataJSON),
                attestation: toText(response.attestationObject),
            });
            announce('The passkey is kept');
            passkeys(box);
        },
    });
}

function remove(box, p) {
    dialog({
        title: `Remove the passkey ${p.name}?`,
        yes: 'Remove',
        danger: true,
        content: h('p', {}, 'It opens nothing any more. Take it out of your device, too.'),
        act: async () => {
            await post('v1/session/passkeys/remove', { id: p.id });
            passkeys(box);
        },
    });
}

function row(box, p, fresh) {
    return [
        [p.name, p.stopped && h('span', { class: 'soft' }, ' (stopped: a copy of it was used)')],
        at(p.created),
        when(p.used),
        fresh && button('Remove', () => remove(box, p), { class: 'danger quiet' }),
    ];
}

export async function passkeys(box) {
    try {
        const a = await get('v1/session/passkeys');
        if (!a.on) {
            fill(box, note(a.why || 'This gateway offers no passkeys.'));
            return;
        }
        fill(
            box,
            table(
                'Passkeys',
                [['Name'], ['Since', 'num'], ['Last used', 'num'], ['', 'acts']],
                a.items.map((p) => row(box, p, a.fresh)),
                'None yet. With one you sign in by finger, face or security key.',
            ),
            !passkeysPossible()
                ? note(`Passkeys need the console by its name: ${a.site || 'see gateway.conf'}.`)
                : a.fresh
                  ? button('Add a passkey', () => add(box))
                  : note('To change them sign out and in again, by passphrase and code.'),
        );
    } catch (e) {
        fill(box, note(e.message));
    }
}

/* Somebody else's, to be taken away when a device is gone. */
export function passkeysOf(u, again) {
    const act = (p) => () =>
        dialog({
            title: `Remove the passkey ${p.name} of ${u.name}?`,
            yes: 'Remove',
            danger: true,
            content: h('p', {}, 'It opens nothing any more. Their passphrase and app still do.'),
            act: async () => {
                await post(`v1/users/${part(u.name)}/passkeys/remove`, { id: p.id });
                again();
            },
        });
    return table(
        'Passkeys',
        [['Name'], ['Since', 'num'], ['Last used', 'num'], ['', 'acts']],
        u.passkeys.map((p) => [
            p.name,
            at(p.created),
            when(p.used),
            may('help') && button('Remove', act(p), { class: 'danger quiet' }),
        ]),
    );
}

/* A one-time link for another admin. */
export function carriedLink(a) {
    return {
        title: `Sign-in link for ${a.user}`,
        content: [
            h('p', {}, 'Give it to them in person, or by a channel that only they read.'),
            carried(a.link, 'the link', 'wide'),
            facts([['Valid until', at(a.until)]]),
        ],
    };
}
