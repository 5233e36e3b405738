/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Passkeys and sign-in links of admins. */
import { drop, get, part, post } from './api.js';
import { announce, fill, h } from './dom.js';
import { button, carried, facts, failure, note, table } from './parts.js';
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

/* The gateway's options, as the browser wants them. */
function options(o) {
    const given = o.publicKey || o,
        out = { ...given, challenge: toBytes(given.challenge) };
    if (given.user) out.user = { ...given.user, id: toBytes(given.user.id) };
    if (given.allowCredentials) out.allowCredentials = described(given.allowCredentials);
    if (given.excludeCredentials) out.excludeCredentials = described(given.excludeCredentials);
    return out;
}

function answered(credential) {
    const r = credential.response,
        response = { clientDataJSON: toText(r.clientDataJSON) };
    for (const name of ['attestationObject', 'authenticatorData', 'signature', 'userHandle'])
        if (r[name]) response[name] = toText(r[name]);
    return { id: credential.id, rawId: toText(credential.rawId), type: credential.type, response };
}

export const passkeysPossible = () => window.isSecureContext && !!window.PublicKeyCredential;

/* Signs in; the session comes with the last answer. */
export async function signInByPasskey(user) {
    const begun = await post('v1/session/passkey/begin', user ? { user } : {});
    const credential = await navigator.credentials.get({ publicKey: options(begun) });
    return post('v1/session/passkey/finish', {
        ...(user ? { user } : {}),
        ...answered(credential),
    });
}

/* ---- one's own ------------------------------------------------------------------------------- */

async function register(box) {
    const begun = await post('v1/session/passkeys/begin', {});
    const credential = await navigator.credentials.create({ publicKey: options(begun) });
    await post('v1/session/passkeys/finish', answered(credential));
    announce('The passkey is kept');
    passkeys(box);
}

export async function passkeys(box) {
    const wrong = h('div'),
        guarded = (act) => async () => {
            try {
                fill(wrong);
                await act();
            } catch (e) {
                fill(wrong, failure(e));
            }
        };
    try {
        const { items } = await get('v1/session/passkeys');
        fill(
            box,
            table(
                'Passkeys',
                [['Name'], ['Since', 'num'], ['Last used', 'num'], ['', 'acts']],
                items.map((p) => [
                    p.name || p.id,
                    p.made ? at(p.made) : '',
                    when(p.used),
                    button(
                        'Remove',
                        guarded(async () => {
                            await drop(`v1/session/passkeys/${part(p.id)}`);
                            passkeys(box);
                        }),
                        { class: 'danger quiet' },
                    ),
                ]),
                'None yet.',
            ),
            passkeysPossible()
                ? button(
                      'Add a passkey',
                      guarded(() => register(box)),
                  )
                : note('Passkeys need the console by its name, not by its address.'),
            wrong,
        );
    } catch (e) {
        fill(
            box,
            note(
                e.status === 404 || e.status === 409
                    ? 'This gateway offers no passkeys.'
                    : e.message,
            ),
        );
    }
}

/* A one-time link for another admin. */
export function carriedLink(a) {
    const link = a.link || `${location.origin}${location.pathname}#set-up=${a.code}`;
    return {
        title: `Sign-in link for ${a.user}`,
        content: [
            h('p', {}, 'Give it to them in person, or by a channel that only they read.'),
            carried(link, 'the link', 'wide'),
            facts([['Valid until', at(a.until)]]),
        ],
    };
}
