/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events as they come: a stream from the gateway, or questions every few seconds when there is none. */
import { get } from './api.js';

const POLL_MS = 3000;
const listeners = new Set();
let source = null,
    timer = 0,
    last = -1,
    state = 'off',
    told = () => {};

function become(now) {
    if (now !== state) told((state = now));
}

function hand(items) {
    for (const item of items) last = Math.max(last, item.seq);
    if (items.length > 0) for (const listener of listeners) listener(items);
}

async function poll() {
    try {
        const answer = await get(
            'v1/events',
            last < 0 ? { after: -1 } : { after: last, limit: 500 },
        );
        if (last < 0) last = answer.last;
        else hand(answer.items || []);
        become('polling');
    } catch {
        become('lost');
    }
    if (!source && state !== 'off') timer = setTimeout(poll, POLL_MS);
}

function pollInstead() {
    source?.close();
    source = null;
    clearTimeout(timer);
    timer = setTimeout(poll, 0);
}

function read(event) {
    let data;
    try {
        data = JSON.parse(event.data);
    } catch {
        return;
    }
    hand(data.items || [data]);
}

export function start(onState) {
    stop();
    told = onState;
    become('starting');
    source = new EventSource('v1/events?after=-1');
    source.onopen = () => become('live');
    source.onmessage = read;
    source.onerror = () => {
        if (source?.readyState === EventSource.CLOSED) pollInstead();
        else become('lost');
    };
}

export function stop() {
    source?.close();
    source = null;
    clearTimeout(timer);
    last = -1;
    become('off');
}

/* listener(items) until the function that this returns is called. */
export function listen(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
}
