/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of sessions: begun, found, ended. */
#include "gateway/sessions.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "gateway/admins.h"
#include "gateway/clock.h"
#include "policy/address.h"

static void hash_token(const char *token, uint8_t out[32])
{
    crypto_hash_sha256(out, (const uint8_t *)token, strlen(token));
}

int64_t session_idle_left(const struct session *s)
{
    return s->seen_boot_ms + SESSION_IDLE_MS - clock_boot_ms();
}

int64_t session_life_left(const struct session *s)
{
    return s->began_boot_ms + SESSION_LIFE_MS - clock_boot_ms();
}

void session_seen(struct session *s) { s->seen_boot_ms = clock_boot_ms(); }

void session_drop(struct session *s) { sodium_memzero(s, sizeof *s); }

/* ---- ending ---------------------------------------------------------------------------------- */

static void end(struct engine *e, struct session *s, const char *why)
{
    char from[ADDR_TEXT];
    const char *name = e->users[s->user - 1].name;

    audit_note(e, "engine", ENGINE_UID, "console.end", name,
               json_pack("{s:s,s:s,s:I}", "why", why, "from", ip_print(&s->peer, from), "session",
                         (json_int_t)s->id));
    event_add(e, "act", "the session of %s ended: %s", name, why);
    session_drop(s);
}

/* Why it holds no more; NULL: it does. */
static const char *over(const struct engine *e, const struct session *s)
{
    const struct user *u = &e->users[s->user - 1];

    if (session_idle_left(s) <= 0)
        return "idle";
    if (session_life_left(s) <= 0)
        return "12 hours";
    if (u->admin.right != s->as.right || u->admin.since.s != s->as.since.s)
        return "role";
    return admin_active(u) ? NULL : "revoked";
}

void sessions_end(struct engine *e, uint32_t user, const char *why)
{
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        if (e->sessions[i].id && e->sessions[i].user == user)
            end(e, &e->sessions[i], why);
}

void sessions_tick(struct engine *e)
{
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        const char *why = e->sessions[i].id ? over(e, &e->sessions[i]) : NULL;
        if (why)
            end(e, &e->sessions[i], why);
    }
}

/* ---- finding --------------------------------------------------------------------------------- */

struct session *session_find(struct engine *e, const char *token, const struct ip_addr *peer)
{
    struct session *found = NULL;
    uint8_t hash[32];

    if (strlen(token) != SESSION_TOKEN - 1)
        return NULL;
    hash_token(token, hash);
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        if (e->sessions[i].id && ip_cmp(&e->sessions[i].peer, peer) == 0 &&
            sodium_memcmp(e->sessions[i].hash, hash, sizeof hash) == 0)
            found = &e->sessions[i];
    const char *why = found ? over(e, found) : NULL;
    if (!why)
        return found;
    end(e, found, why);
    return NULL;
}

struct session *session_by_id(struct engine *e, int64_t id)
{
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        if (id > 0 && e->sessions[i].id == id)
            return &e->sessions[i];
    return NULL;
}

/* ---- beginning ------------------------------------------------------------------------------- */

static size_t count_of(const struct engine *e, uint32_t user)
{
    size_t n = 0;

    for (size_t i = 0; i < SESSIONS_MAX; i++)
        n += e->sessions[i].id && e->sessions[i].user == user;
    return n;
}

/* A free place, or that of the session longest not seen: of this person's, who has enough of them;
 * of all, when the table is full. */
static struct session *make_room(struct engine *e, uint32_t user)
{
    bool own = count_of(e, user) >= SESSIONS_EACH;
    struct session *oldest = NULL;

    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        struct session *s = &e->sessions[i];
        if (!s->id && !own)
            return s;
        if (s->id && (!own || s->user == user) &&
            (!oldest || s->seen_boot_ms < oldest->seen_boot_ms))
            oldest = s;
    }
    end(e, oldest, "too many");
    return oldest;
}

struct session *session_new(struct engine *e, const struct user *u, const struct ip_addr *peer,
                            char token[SESSION_TOKEN])
{
    struct session *s = make_room(e, u->id);
    uint8_t random[32];

    randombytes_buf(random, sizeof random);
    sodium_bin2base64(token, SESSION_TOKEN, random, sizeof random,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    *s = (struct session){.id = ++e->session_last, .user = u->id, .as = u->admin,
                          .began = clock_wall(), .began_boot_ms = clock_boot_ms(),
                          .seen_boot_ms = clock_boot_ms(), .peer = *peer};
    hash_token(token, s->hash);
    sodium_memzero(random, sizeof random);
    return s;
}
