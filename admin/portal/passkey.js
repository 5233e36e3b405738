// SPDX-License-Identifier: GPL-2.0-or-later
// Adding a passkey and signing in with one: what a browser does with scripts only. What is said to
// the person stands in the page (data-*), so that it is in the catalogue of the page's language.
'use strict';

const bytes = (text) => Uint8Array.from(
    atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer ?? [])))
    .replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');

async function ask(path, body) {
    const answer = await fetch(path, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
    });
    const json = await answer.json();
    if (answer.ok) return json;
    throw new Error([json.error?.message, json.error?.hint].filter(Boolean).join(' '));
}

// The options as the browser's own functions want them: bytes, where JSON has base64url.
function options(publicKey) {
    const list = (v) => v?.map((c) => ({ ...c, id: bytes(c.id) }));
    const o = { ...publicKey, challenge: bytes(publicKey.challenge) };
    if (o.user) o.user = { ...o.user, id: bytes(o.user.id) };
    if (o.excludeCredentials) o.excludeCredentials = list(o.excludeCredentials);
    if (o.allowCredentials) o.allowCredentials = list(o.allowCredentials);
    return { publicKey: o };
}

async function add(form) {
    const { publicKey } = await ask('/v1/passkeys/new', {});
    const made = await navigator.credentials.create(options(publicKey));
    await ask('/v1/passkeys/add', {
        name: new FormData(form).get('name'),
        client_data: text(made.response.clientDataJSON),
        attestation: text(made.response.attestationObject),
    });
    location.assign('/passkeys');
}

async function signIn() {
    const { publicKey } = await ask('/v1/passkeys/ask', {});
    const shown = await navigator.credentials.get(options(publicKey));
    await ask('/v1/passkeys/sign-in', {
        id: text(shown.rawId),
        client_data: text(shown.response.clientDataJSON),
        data: text(shown.response.authenticatorData),
        signature: text(shown.response.signature),
        user_handle: text(shown.response.userHandle),
    });
    location.assign('/');
}

function offer(id, act) {
    const form = document.getElementById(id);
    const said = document.getElementById('passkey-said');
    if (!form || !said) return;
    if (!window.PublicKeyCredential) {
        said.textContent = said.dataset.unsupported;
        return;
    }
    const button = form.querySelector('button');
    form.hidden = false;
    form.addEventListener('submit', async (event) => {
        event.preventDefault();
        button.disabled = true;
        said.textContent = said.dataset.waiting;
        try {
            await act(form);
        } catch (e) {
            const own = { NotAllowedError: 'cancelled', InvalidStateError: 'known' }[e.name];
            said.textContent = own ? said.dataset[own] : e.message || said.dataset.failed;
            button.disabled = false;
        }
    });
}

offer('passkey-add', add);
offer('passkey-sign-in', signIn);
