/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Invitations that nobody has used yet. */
import { get, post } from './api.js';
import { announce } from './dom.js';
import { button, panel, person, table } from './parts.js';
import { may } from './session.js';
import { at, when } from './words.js';

/* query: of one user, or {} of all. */
export async function openInvitations(query) {
    const { items } = await get('v1/invites', { ...query, state: 'open' });
    return items;
}

function withdraw(i, again) {
    const act = async () => {
        await post(`v1/invites/${i.id}/withdraw`);
        announce('The invitation is withdrawn');
        again();
    };
    const given = { class: 'danger quiet', 'aria-label': `Withdraw the invitation of ${i.user}` };
    return may('help') && button('Withdraw', act, given);
}

/* owner: whether it is said whose they are. Nothing when there are none. */
export function invitationsShown(items, again, { owner }) {
    if (items.length === 0) return null;
    const columns = [['Device'], ['Made', 'num'], ['By'], ['Valid until', 'num'], ['', 'acts']];
    const rows = items.map((i) => [
        ...(owner ? [person(i.user)] : []),
        i.device || 'the person chooses its name',
        when(i.made),
        i.by,
        at(i.until),
        withdraw(i, again),
    ]);
    const title = 'Open invitations';
    return panel(title, {}, table(title, [...(owner ? [['Person']] : []), ...columns], rows));
}
