/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers, times and the closed lists of the gateway as people say them. */
import { h } from './dom.js';

/* ---- times ---------------------------------------------------------------------------------- */

const two = (n) => String(n).padStart(2, '0');

export function dateTime(s) {
    const d = new Date(s * 1000);
    return (
        `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ` +
        `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`
    );
}

export function clock(s) {
    const d = new Date(s * 1000);
    return `${two(d.getHours())}:${two(d.getMinutes())}`;
}

const now = () => Date.now() / 1000;

const count = (n, unit) => `${n} ${unit}${n === 1 ? '' : 's'}`;

/* 90 -> "1 minute" */
export function span(s) {
    if (s < 60) return count(Math.max(0, Math.round(s)), 'second');
    if (s < 3600) return count(Math.floor(s / 60), 'minute');
    if (s < 172800) return count(Math.floor(s / 3600), 'hour');
    return count(Math.floor(s / 86400), 'day');
}

/* 90 -> "1 min": for tables. */
function short(s) {
    if (s < 60) return `${Math.round(s)} s`;
    if (s < 3600) return `${Math.floor(s / 60)} min`;
    return `${Math.floor(s / 3600)} h`;
}

function near(s) {
    const d = now() - s;
    if (Math.abs(d) >= 172800) return dateTime(s).slice(0, 10);
    if (d < -1) return `in ${short(-d)}`;
    return d < 5 ? 'now' : `${short(d)} ago`;
}

/* A time as people say it, with the whole of it behind. */
export function when(s) {
    if (!s) return h('span', { class: 'soft' }, '–');
    return h('time', { datetime: new Date(s * 1000).toISOString(), title: dateTime(s) }, near(s));
}

/* The whole of it, for records. */
export function at(s) {
    return h('time', { datetime: new Date(s * 1000).toISOString(), class: 'num' }, dateTime(s));
}

/* ---- numbers -------------------------------------------------------------------------------- */

export const number = (n) => Number(n || 0).toLocaleString('en-US');

export function bytes(n) {
    const units = ['B', 'kB', 'MB', 'GB', 'TB'];
    let i = 0;
    for (; n >= 1000 && i < 4; i++) n /= 1000;
    return `${i && n < 10 ? n.toFixed(1) : Math.round(n)} ${units[i]}`;
}

export const ms = (n) => (n < 10 ? `${n.toFixed(2)} ms` : `${n.toFixed(1)} ms`);

/* ---- closed lists --------------------------------------------------------------------------- */

const STATES = {
    in: ['In', 'good'],
    active: ['Active', 'good'],
    quarantine: ['Quarantine', 'wait'],
    waiting: ['Waiting', 'wait'],
    locked: ['Locked', 'bad'],
    revoked: ['Revoked', 'bad'],
    lost: ['Lost', 'bad'],
    retired: ['Retired', 'off'],
    ended: ['Ended', 'off'],
    open: ['Open', 'wait'],
    closed: ['Closed', 'off'],
    pass: ['Pass', 'good'],
    warn: ['Warning', 'wait'],
    grace: ['Grace', 'wait'],
    deny: ['Denied', 'bad'],
    unjudged: ['Not judged', 'off'],
    unsigned: ['Policy not signed', 'wait'],
};

/* A state as a tag, in a colour and in words. */
export function tag(state) {
    const [text, tone] = STATES[state] || [state, 'off'];
    return h('span', { class: `tag ${tone}` }, text);
}

const REASONS = {
    'no-lease': 'the device had no lease',
    'unknown-source': 'an address that no device has',
    'not-permitted': 'none of the roles permits it',
    spoofed: 'forged source address',
    'wrong-direction': 'from the office towards a device',
    'device-to-device': 'from one device to another',
    'gateway-input': 'to the gateway itself',
    invalid: 'malformed packet',
    'bad-mac': 'does not know the gateway’s key',
    undecryptable: 'handshake cannot be read',
    'unknown-key': 'a key that nobody has',
    'ended-key': 'a key that was cut off',
    replayed: 'an old handshake, sent again',
    'two-places': 'one key at two places',
    'sign-in-failed': 'sign-in failed',
    'sign-in-too-often': 'too many sign-ins failed',
    'passkey-cloned': 'a copy of a passkey',
    forbidden: 'more than their role may',
    'no-invitation': 'an invitation that is none',
    'invitation-over': 'an invitation that is over',
    'wrong-code': 'a wrong code',
    'enrol-too-often': 'too many tries to enrol',
    'key-known': 'a key that is known already',
    'device-revoked': 'device revoked',
    'device-lost': 'device lost',
    'device-retired': 'device retired',
    'person-revoked': 'person revoked',
    'person-ended': 'person’s time ended',
};

export const reason = (r) => REASONS[r] || r;
export const DENY_REASONS = [
    'no-lease',
    'not-permitted',
    'spoofed',
    'wrong-direction',
    'device-to-device',
    'gateway-input',
    'unknown-source',
    'invalid',
];
export const KNOCK_REASONS = ['bad-mac', 'undecryptable', 'unknown-key', 'ended-key', 'replayed'];

const KINDS = {
    packet: 'Packet',
    token: 'Report',
    knock: 'Knock',
    admin: 'Admin',
    'two-places': 'Two places',
    enrol: 'Invitation',
};
export const kind = (k) => KINDS[k] || k.charAt(0).toUpperCase() + k.slice(1);

export const OUTCOMES = {
    'no-action': 'No action',
    'false-alarm': 'False alarm',
    training: 'Training',
    warning: 'Warning',
    'access-changed': 'Access changed',
    suspended: 'Suspended',
    terminated: 'Employment ended',
    referred: 'Referred to others',
};

/* Where an attempt went. */
export function target(a) {
    if (!a.destination) return '';
    const host =
        a.port !== undefined && a.destination.includes(':') ? `[${a.destination}]` : a.destination;
    const port = a.port ? `${host}:${a.port}` : a.destination;
    return `${port}${a.proto ? `/${a.proto}` : ''}${a.resource ? ` (${a.resource})` : ''}`;
}
