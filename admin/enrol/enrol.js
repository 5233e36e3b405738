// SPDX-License-Identifier: GPL-2.0-or-later
// Enrolment in the browser: makes an X25519 key, sends its public half with the invitation, and
// shows the WireGuard configuration. The secret half is put into it here and goes nowhere.
import { qrSvg } from './qr.js';

const $ = (id) => document.getElementById(id);
const show = (id, yes) => { $(id).hidden = !yes; };

// What comes from outside this page becomes text, never anything else.
function say(id, text) { $(id).textContent = text; }

function complain(text) {
    say('problem', text);
    show('problem', text !== '');
}

// --- the link ---------------------------------------------------------------------------------

// "#TOKEN.PIN": the pin is for programs, a browser has its own way to know the server.
function tokenOfLink() {
    const found = /^#([A-Z2-9]{26})(\.[A-Za-z0-9_-]{43})?$/.exec(location.hash);
    return found ? found[1] : '';
}

// --- the key ----------------------------------------------------------------------------------

// base64url of 32 bytes, as a key has it, to the base64 that WireGuard writes.
const standard = (text) => `${text.replace(/-/g, '+').replace(/_/g, '/')}=`;

// {secret, open}, or null where the browser cannot.
async function makeKey() {
    try {
        const pair = await crypto.subtle.generateKey({ name: 'X25519' }, true, ['deriveBits']);
        const key = await crypto.subtle.exportKey('jwk', pair.privateKey);
        return { secret: standard(key.d), open: standard(key.x) };
    } catch {
        return null;
    }
}

// --- asking -----------------------------------------------------------------------------------

// "Laptop at home" -> "laptop-at-home": names are small letters, digits and few signs.
function plainName(typed) {
    return typed.normalize('NFKD').replace(/[\u0300-\u036f]/g, '').toLowerCase()
        .replace(/[^a-z0-9._-]+/g, '-').replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '').slice(0, 40);
}

// The answer as an object; an answer that is none is a refusal, too.
async function redeem(token, key) {
    const asked = { token, code: $('code').value, wireguard_key: key.open };
    const name = plainName($('name').value);
    if (name) asked.name = name;
    const answer = await fetch('/v1/enrol', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(asked),
        cache: 'no-store', credentials: 'omit', redirect: 'error', referrerPolicy: 'no-referrer',
    });
    const said = await answer.json();
    return answer.status === 201 ? said : { error: said.error ?? {}, left: said.tries_left };
}

function refused(r) {
    const words = [r.error.message ?? 'The gateway refused.', r.error.hint ?? ''];
    if (Number.isInteger(r.left) && r.left > 0)
        words.push(r.left === 1 ? 'One try is left.' : `${r.left} tries are left.`);
    complain(words.filter((w) => w).join(' '));
    if (r.error.code === 'no_invitation' || r.left === 0) show('ask', false);
    else $(r.error.code === 'bad_name' || r.error.code === 'name_taken' ? 'name' : 'code').focus();
}

// --- showing ----------------------------------------------------------------------------------

let kept = false;   // has the person taken the configuration somewhere?

function offerFile(name, text) {
    for (const node of document.querySelectorAll('.file')) node.textContent = name;
    const save = () => {
        const link = document.createElement('a');
        link.href = URL.createObjectURL(new Blob([text], { type: 'application/octet-stream' }));
        link.download = name;
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 60000);
        kept = true;
    };
    for (const button of document.querySelectorAll('.save')) button.addEventListener('click', save);
}

function offerCopy(text) {
    $('copy').addEventListener('click', async () => {
        try {
            await navigator.clipboard.writeText(text);
            say('copied', 'Copied.');
            kept = true;
        } catch {
            getSelection().selectAllChildren($('text'));
            say('copied', 'Marked: copy it with the keyboard.');
        }
    });
}

function showPicture(text) {
    const svg = qrSvg(text, 'The configuration, for the camera of a phone');
    if (svg) $('picture').append(svg);
    show('picture', svg !== null);
    show('no-picture', svg === null);
}

// A tunnel's name has at most 15 characters, of those that every system takes.
const tunnelName = (gateway) => gateway.replace(/[^A-Za-z0-9-]/g, '-').slice(0, 15) || 'office';

function done(r, key) {
    const text = r.wg_quick.replace(/^PrivateKey = PRIVATE_KEY$/m, `PrivateKey = ${key.secret}`);
    const tunnel = tunnelName(r.gateway);
    say('title', 'Almost done: set up WireGuard');
    say('who', `${r.full_name || r.user}, your device is called ${r.device}.`);
    show('waiting', r.state === 'waiting');
    offerFile(`${tunnel}.conf`, text);
    say('quick', `wg-quick up ${tunnel}`);
    for (const link of document.querySelectorAll('.portal'))
        link.textContent = link.href = r.portal_url;
    say('text', text);
    offerCopy(text);
    showPicture(text);
    if (matchMedia('(max-width: 40rem)').matches) $('computer').before($('phone'));
    show('ask', false);
    show('done', true);
    document.title = 'Set up WireGuard';
    $('title').focus();
    history.replaceState(null, '', location.pathname);   // used up: not a thing to keep
    addEventListener('beforeunload', (event) => { if (!kept) event.preventDefault(); });
}

// --- the page ---------------------------------------------------------------------------------

async function submit(event, token, key) {
    event.preventDefault();
    complain('');
    $('go').disabled = true;
    try {
        const r = await redeem(token, key);
        if (r.error) refused(r);
        else done(r, key);
    } catch {
        complain('The gateway does not answer. Try again in a minute; if it then says that the invitation is '
            + 'over, ask for a new one.');
    }
    $('go').disabled = false;
}

async function begin() {
    const token = tokenOfLink(), key = await makeKey();
    if (!token) {
        complain('This page is opened by the link of an invitation. Use the whole link that was sent to you.');
        return;
    }
    if (!key) {
        show('help-key', true);
        return;
    }
    $('ask').addEventListener('submit', (event) => submit(event, token, key));
    show('ask', true);
    $('code').focus();
}

addEventListener('hashchange', () => location.reload());
begin();
