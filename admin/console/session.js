/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is signed in, and what they may. The gateway decides; here is only what is shown. */
import { drop, get } from './api.js';

const RANK = { auditor: 1, helpdesk: 2, operator: 3, owner: 4 };
const NEEDS = { read: 1, help: 2, operate: 3, own: 4 };
export const ROLES = {
    owner: 'Owner: everything, admins and keys included',
    operator: 'Operator: people, devices, policy and cases',
    helpdesk: 'Help desk: invites and resets, grants nothing',
    auditor: 'Auditor: reads everything, changes nothing',
};

let mine = null;

export const session = () => mine;
export const may = (right) => (RANK[mine?.role] || 0) >= NEEDS[right];

/* The session, or null when there is none. */
export async function load() {
    try {
        const answer = await get('v1/session');
        mine = answer && answer.user ? answer : null;
    } catch (e) {
        mine = null;
        if (e.status !== 401 && e.status !== 403 && e.status !== 404) throw e;
    }
    return mine;
}

export function forget() {
    mine = null;
}

export async function signOut() {
    try {
        await drop('v1/session');
    } finally {
        mine = null;
    }
}
