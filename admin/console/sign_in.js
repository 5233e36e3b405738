/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signing in; and the first time, by a link: passphrase, second factor, recovery codes. */
import { passkeysPossible, signInByPasskey } from './account.js';
import { post } from './api.js';
import { announce, fill, h } from './dom.js';
import { button, carried, failure, field, note, qrCode } from './parts.js';

function frame(root, title, ...content) {
    fill(
        root,
        h(
            'main',
            { class: 'door', id: 'main' },
            h('p', { class: 'brand' }, 'Portcullis'),
            h('h1', { tabindex: '-1' }, title),
            content,
        ),
    );
    root.querySelector('input')?.focus();
}

function form(yes, fields, act, ...more) {
    const wrong = h('div'),
        go = h('button', { type: 'submit', class: 'strong' }, yes);
    const submit = async (event) => {
        event.preventDefault();
        go.disabled = true;
        fill(wrong);
        try {
            await act();
        } catch (e) {
            fill(wrong, failure(e));
        }
        go.disabled = false;
    };
    return h('form', { class: 'stack', method: 'post', on: { submit } }, fields, wrong, go, more);
}

const userField = (value = '') =>
    h('input', {
        type: 'text',
        name: 'user',
        value,
        required: true,
        maxlength: 63,
        autocomplete: 'username',
        autocapitalize: 'none',
        spellcheck: 'false',
    });
const codeField = (hint) =>
    h('input', {
        type: 'text',
        required: true,
        maxlength: 40,
        autocomplete: 'one-time-code',
        autocapitalize: 'none',
        spellcheck: 'false',
        ...hint,
    });

/* done() once there is a session. */
export function signIn(root, done, why) {
    const user = userField(),
        pass = h('input', {
            type: 'password',
            required: true,
            maxlength: 256,
            autocomplete: 'current-password',
        }),
        code = codeField({ inputmode: 'numeric', name: 'code' });
    const wrong = h('div');
    const byKey = passkeysPossible() && [
        button('Sign in with a passkey', async () => {
            try {
                fill(wrong);
                await signInByPasskey();
                done();
            } catch (e) {
                fill(
                    wrong,
                    failure(e.name === 'NotAllowedError' ? new Error('No passkey was used.') : e),
                );
            }
        }),
        wrong,
    ];
    frame(
        root,
        'Sign in',
        why && h('p', { class: 'verdict wait', role: 'status' }, why),
        form(
            'Sign in',
            [
                field('Name', user),
                field('Passphrase', pass),
                field('Code of your authenticator app', code, 'Or one of your recovery codes.'),
            ],
            async () => {
                await post('v1/session', {
                    user: user.value.trim(),
                    passphrase: pass.value,
                    code: code.value.trim(),
                });
                done();
            },
            byKey,
        ),
        note(
            'No account yet, or everything lost? An owner makes you a sign-in link; root makes it with portcullis admin link NAME.',
        ),
    );
}

/* ---- the first time --------------------------------------------------------------------------- */

function recoveryCodes(root, recovery, done) {
    frame(
        root,
        'Keep these recovery codes',
        h(
            'p',
            {},
            'Each opens the door once, in place of the app’s code. Print them, or write them down; they are not shown again.',
        ),
        h(
            'ul',
            { class: 'codes' },
            recovery.map((c) => h('li', {}, h('code', {}, c))),
        ),
        carried(recovery.join('\n'), 'the recovery codes', 'unseen'),
        button('I have them. Go on', done, { class: 'strong' }),
    );
    root.querySelector('h1').focus();
}

function secondFactor(root, user, code, begun, done) {
    const totp = codeField({ inputmode: 'numeric', pattern: '[0-9 ]{6,7}' });
    frame(
        root,
        'Your second factor',
        h(
            'ol',
            { class: 'plain' },
            h(
                'li',
                {},
                'Show this to your authenticator app:',
                qrCode(begun.uri, 'The key of your second factor, for the camera of a phone'),
                'Or choose “enter a key” (time-based) there, and give it this key:',
                carried(begun.secret.replace(/(.{4})(?=.)/g, '$1 '), 'the key', 'key'),
            ),
            h('li', {}, 'Type the six digits that it shows now.'),
        ),
        form('Confirm', [field('Six digits', totp)], async () => {
            const answer = await post('v1/session/confirm', {
                user,
                code,
                totp: totp.value.replace(/ /g, ''),
            });
            announce('You are signed in');
            recoveryCodes(root, answer.recovery || [], done);
        }),
    );
}

export function setUp(root, given, done) {
    const user = userField(given.user),
        pass = h('input', {
            type: 'password',
            required: true,
            minlength: 15,
            maxlength: 256,
            autocomplete: 'new-password',
        });
    const again = h('input', {
        type: 'password',
        required: true,
        maxlength: 256,
        autocomplete: 'new-password',
    });
    frame(
        root,
        'Welcome. Choose your passphrase',
        h('p', {}, 'You open this link once. After this step comes your second factor.'),
        form(
            'Next',
            [
                field(
                    'Your name here',
                    user,
                    given.user ? '' : 'As who sent you the link knows you.',
                ),
                field(
                    'Passphrase',
                    pass,
                    'At least 15 characters. Four or five words that do not belong together are good.',
                ),
                field('The same again', again),
            ],
            async () => {
                if (pass.value !== again.value) throw new Error('The two passphrases differ.');
                const name = user.value.trim();
                secondFactor(
                    root,
                    name,
                    given.code,
                    await post('v1/session/set-up', {
                        user: name,
                        code: given.code,
                        passphrase: pass.value,
                    }),
                    done,
                );
            },
        ),
        note('You have done this before? ', h('a', { href: '#/now' }, 'Sign in')),
    );
}
