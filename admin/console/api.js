/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The paths of admin/CONTROL.md: questions, acts and their refusals. */

class Refused extends Error {
    constructor(status, body) {
        const error = body?.error || {};
        super(error.message || `The gateway answered ${status}.`);
        this.status = status;
        this.code = error.code || '';
        this.hint = error.hint || '';
        this.body = body || {};
    }
}

let ended = () => {};
/* What happens when the session is over. */
export function whenEnded(act) {
    ended = act;
}

async function json(answer) {
    try {
        return await answer.json();
    } catch {
        return null;
    }
}

/* What a page asks while nobody is at it keeps nobody signed in. */
const ALONE_MS = 60000;
let touched = Date.now();
for (const sign of ['pointerdown', 'pointermove', 'keydown', 'wheel'])
    window.addEventListener(sign, () => (touched = Date.now()), { passive: true, capture: true });
const alone = () => Date.now() - touched > ALONE_MS;

async function send(method, path, body, type) {
    const options = { method, headers: {}, cache: 'no-store', credentials: 'same-origin' };
    if (method === 'POST' || method === 'PUT') {
        options.body = type ? body : JSON.stringify(body ?? {});
        options.headers['Content-Type'] = type || 'application/json';
    }
    let answer;
    try {
        answer = await fetch(path, options);
    } catch {
        throw new Refused(0, {
            error: {
                code: 'unreachable',
                message: 'The gateway does not answer.',
                hint: 'Is the network up? It is tried again.',
            },
        });
    }
    if (answer.ok) return answer;
    const refusal = new Refused(answer.status, await json(answer));
    if (answer.status === 401 && !path.startsWith('v1/session')) ended(refusal);
    throw refusal;
}

/* 'v1/users' and {q: 'x', state: ''}: empty ones are left out. */
export function withQuery(path, query) {
    const pairs = Object.entries(query || {}).filter(
        ([, v]) => v !== '' && v !== undefined && v !== null,
    );
    return pairs.length
        ? `${path}?${pairs.map(([k, v]) => `${k}=${encodeURIComponent(v)}`).join('&')}`
        : path;
}

export const part = encodeURIComponent;
export const get = async (path, query) =>
    json(await send('GET', withQuery(path, alone() ? { ...query, by: 'page' } : query)));
export const post = async (path, body) => json(await send('POST', path, body));
export const put = async (path, body) => json(await send('PUT', path, body));
export const drop = async (path) => json(await send('DELETE', path));
export const postText = async (path, text) =>
    json(await send('POST', path, text, 'application/x-portcullis-policy'));
export const getBytes = async (path) => (await send('GET', path)).arrayBuffer();
