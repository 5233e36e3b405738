/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All SQL of the daemon: the schema by version, and the statements by name. Prepared at open; a
 * mistake in one of them stops the daemon there.
 */
#ifndef GATEWAY_STORE_SQL_H
#define GATEWAY_STORE_SQL_H

/* Step i brings user_version i to i + 1. Steps are never edited, only added. */
static const char *const store_migrations[] = {
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE TABLE users(id INTEGER PRIMARY KEY, state INTEGER NOT NULL, name TEXT NOT NULL UNIQUE,"
    " full_name TEXT, roles TEXT NOT NULL, created INTEGER NOT NULL, ends INTEGER NOT NULL,"
    " signed_in INTEGER NOT NULL, revoked INTEGER NOT NULL, revoked_by TEXT, revoked_reason TEXT);"
    "CREATE TABLE devices(idx INTEGER PRIMARY KEY, user INTEGER REFERENCES users,"
    " state INTEGER NOT NULL, corp INTEGER NOT NULL, name TEXT NOT NULL UNIQUE,"
    " key BLOB NOT NULL UNIQUE, created INTEGER NOT NULL, ended INTEGER NOT NULL,"
    " last_iat INTEGER NOT NULL);"
    "CREATE TABLE ueids(device INTEGER PRIMARY KEY REFERENCES devices, ueid TEXT NOT NULL);"
    "CREATE TABLE keys(kid TEXT PRIMARY KEY, iss TEXT NOT NULL, alg INTEGER NOT NULL,"
    " key BLOB NOT NULL, kind INTEGER NOT NULL, assurance INTEGER NOT NULL,"
    " not_before INTEGER NOT NULL, not_after INTEGER NOT NULL, status INTEGER NOT NULL,"
    " nonce_required INTEGER NOT NULL, life_max INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE leases(device INTEGER PRIMARY KEY REFERENCES devices, roles TEXT NOT NULL,"
    " class INTEGER NOT NULL, granted INTEGER NOT NULL, until INTEGER NOT NULL,"
    " end_boot INTEGER NOT NULL);"
    "CREATE TABLE evidence(device INTEGER PRIMARY KEY REFERENCES devices,"
    " accepted INTEGER NOT NULL, exp INTEGER NOT NULL, end_boot INTEGER NOT NULL,"
    " assurance INTEGER NOT NULL, iss TEXT NOT NULL, kid TEXT NOT NULL, jti TEXT NOT NULL,"
    " sha256 BLOB NOT NULL, facts TEXT NOT NULL);"
    "CREATE INDEX evidence_kid ON evidence(kid);"
    "CREATE TABLE grace(device INTEGER NOT NULL REFERENCES devices, rule TEXT NOT NULL,"
    " since INTEGER NOT NULL, passing INTEGER NOT NULL, PRIMARY KEY(device, rule)) WITHOUT ROWID;"
    "CREATE TABLE exceptions(device INTEGER NOT NULL REFERENCES devices, rule TEXT NOT NULL,"
    " until INTEGER NOT NULL, reason TEXT NOT NULL, made_by TEXT NOT NULL, made INTEGER NOT NULL,"
    " PRIMARY KEY(device, rule)) WITHOUT ROWID;"
    "CREATE TABLE jtis(iss TEXT NOT NULL, jti TEXT NOT NULL, exp INTEGER NOT NULL,"
    " PRIMARY KEY(iss, jti)) WITHOUT ROWID;"
    "CREATE INDEX jtis_exp ON jtis(exp);"
    "CREATE TABLE classes(id INTEGER PRIMARY KEY, permits BLOB NOT NULL);"
    "CREATE TABLE policies(version INTEGER PRIMARY KEY AUTOINCREMENT, sha256 BLOB NOT NULL,"
    " at INTEGER NOT NULL, by TEXT NOT NULL, text BLOB NOT NULL);"
    "CREATE TABLE attempts(id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL,"
    " actor TEXT NOT NULL, user TEXT NOT NULL, device TEXT NOT NULL, role TEXT NOT NULL, resource TEXT NOT NULL,"
    " source BLOB NOT NULL, destination BLOB NOT NULL, proto INTEGER NOT NULL,"
    " port INTEGER NOT NULL, reason INTEGER NOT NULL, code INTEGER NOT NULL, why INTEGER NOT NULL,"
    " first INTEGER NOT NULL, last INTEGER NOT NULL, count INTEGER NOT NULL,"
    " file INTEGER NOT NULL);"
    "CREATE UNIQUE INDEX attempts_same ON attempts(device, destination, proto, port, reason, code,"
    " source, kind, why, actor);"
    "CREATE TABLE outbox(seq INTEGER PRIMARY KEY, record BLOB NOT NULL);",
    "ALTER TABLE attempts ADD COLUMN ended INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE handshakes(device INTEGER PRIMARY KEY REFERENCES devices,"
    " time BLOB NOT NULL);",
    "CREATE TABLE holds(device INTEGER PRIMARY KEY REFERENCES devices, kind INTEGER NOT NULL,"
    " withheld INTEGER NOT NULL, pattern INTEGER NOT NULL, count INTEGER NOT NULL,"
    " within INTEGER NOT NULL, time INTEGER NOT NULL, since INTEGER NOT NULL,"
    " until INTEGER NOT NULL, end_boot INTEGER NOT NULL, by TEXT NOT NULL, attempts BLOB NOT NULL);",
    "CREATE TABLE cases(id INTEGER PRIMARY KEY AUTOINCREMENT, user TEXT NOT NULL,"
    " opened INTEGER NOT NULL, opened_by TEXT NOT NULL, closed INTEGER NOT NULL,"
    " closed_by TEXT NOT NULL, finding TEXT NOT NULL, outcome INTEGER NOT NULL);"
    "CREATE TABLE gathered(case_id INTEGER NOT NULL REFERENCES cases,"
    " attempt INTEGER NOT NULL, PRIMARY KEY(case_id, attempt)) WITHOUT ROWID;"
    "CREATE INDEX gathered_attempt ON gathered(attempt);"
    "CREATE TABLE notes(case_id INTEGER NOT NULL REFERENCES cases, time INTEGER NOT NULL,"
    " by TEXT NOT NULL, text TEXT NOT NULL);",
    /* What is to be sent, and what became of it. */
    "CREATE TABLE deliveries(id INTEGER PRIMARY KEY AUTOINCREMENT, outlet TEXT NOT NULL,"
    " event BLOB NOT NULL);"
    "CREATE INDEX deliveries_outlet ON deliveries(outlet, id);"
    "CREATE TABLE outlets(name TEXT PRIMARY KEY, delivered INTEGER NOT NULL,"
    " dropped INTEGER NOT NULL) WITHOUT ROWID;",
    "CREATE TABLE secrets(user INTEGER PRIMARY KEY REFERENCES users, hash TEXT NOT NULL,"
    " totp BLOB NOT NULL, step INTEGER NOT NULL, made INTEGER NOT NULL);"
    "CREATE TABLE setups(user INTEGER PRIMARY KEY REFERENCES users, code BLOB NOT NULL,"
    " ends INTEGER NOT NULL, begun INTEGER NOT NULL, hash TEXT NOT NULL, totp BLOB NOT NULL,"
    " step INTEGER NOT NULL, made INTEGER NOT NULL);"
    "CREATE TABLE recovery(user INTEGER NOT NULL REFERENCES users, hash BLOB NOT NULL,"
    " PRIMARY KEY(user, hash)) WITHOUT ROWID;",
    "ALTER TABLE users ADD COLUMN compromised INTEGER NOT NULL DEFAULT 0;",
    "CREATE TABLE admins(user INTEGER PRIMARY KEY REFERENCES users, rank INTEGER NOT NULL,"
    " since INTEGER NOT NULL, by TEXT NOT NULL);",
    "CREATE TABLE invites(id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " user INTEGER NOT NULL REFERENCES users, name TEXT NOT NULL, by TEXT NOT NULL,"
    " token BLOB NOT NULL UNIQUE, code BLOB NOT NULL, state INTEGER NOT NULL,"
    " made INTEGER NOT NULL, until INTEGER NOT NULL, end_boot INTEGER NOT NULL,"
    " wrong INTEGER NOT NULL, ended INTEGER NOT NULL, device INTEGER NOT NULL);",
    "ALTER TABLE devices ADD COLUMN approved INTEGER NOT NULL DEFAULT 1;",
    "CREATE TABLE acknowledgements(user INTEGER PRIMARY KEY REFERENCES users,"
    " asked INTEGER NOT NULL, at INTEGER NOT NULL, version INTEGER NOT NULL, sha256 BLOB NOT NULL,"
    " device TEXT NOT NULL, text BLOB NOT NULL);",
    "CREATE TABLE passkeys(id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " user INTEGER NOT NULL REFERENCES users, credential BLOB NOT NULL UNIQUE,"
    " alg INTEGER NOT NULL, key BLOB NOT NULL, counter INTEGER NOT NULL, synced INTEGER NOT NULL,"
    " stopped INTEGER NOT NULL, name TEXT NOT NULL, made INTEGER NOT NULL, used INTEGER NOT NULL);"
    "CREATE INDEX passkeys_user ON passkeys(user);",
    "ALTER TABLE invites ADD COLUMN corp INTEGER NOT NULL DEFAULT 1;",
    "CREATE TABLE visits(id INTEGER PRIMARY KEY AUTOINCREMENT, device INTEGER NOT NULL,"
    " user INTEGER NOT NULL, roles TEXT NOT NULL, began INTEGER NOT NULL, ended INTEGER NOT NULL,"
    " why INTEGER NOT NULL);"
    "CREATE INDEX visits_user ON visits(user, id);"
    "CREATE UNIQUE INDEX visits_open ON visits(device) WHERE ended = 0;",
    "CREATE INDEX invites_open ON invites(user) WHERE state = 1;",
};

/* What a filter of attempts asks for; the numbers are those of store_each_attempt(). */
#define ATTEMPT_FITS "last >= ?2 AND first <= ?3 AND (?4 IS NULL OR user = ?4)"                   \
    " AND (?5 IS NULL OR device = ?5) AND (?6 IS NULL OR role = ?6) AND (?7 < 0 OR kind = ?7)"    \
    " AND (?8 < 0 OR reason = ?8) AND (?9 < 0 OR code = ?9) AND (?11 IS NULL OR"                  \
    " instr(lower(user || char(10) || device || char(10) || role || char(10) || resource ||"      \
    " char(10) || actor), lower(?11)) > 0 OR source = ?12 OR destination = ?12)"

#define STATEMENTS(X)                                                                             \
    X(Q_BEGIN, "BEGIN IMMEDIATE")                                                                 \
    X(Q_COMMIT, "COMMIT")                                                                         \
    X(Q_ROLLBACK, "ROLLBACK")                                                                     \
    X(Q_GET, "SELECT value FROM meta WHERE key = ?")                                              \
    X(Q_SET, "INSERT OR REPLACE INTO meta(key, value) VALUES(?, ?)")                              \
    X(Q_USER_PUT, "INSERT INTO users VALUES(?,?,?,?,?,?,?,?,?,?,?,?)"                             \
      " ON CONFLICT(id) DO UPDATE SET"                                                            \
      " state=excluded.state, full_name=excluded.full_name, roles=excluded.roles,"                \
      " ends=excluded.ends, signed_in=excluded.signed_in, revoked=excluded.revoked,"              \
      " revoked_by=excluded.revoked_by, revoked_reason=excluded.revoked_reason,"                  \
      " compromised=excluded.compromised")                                                        \
    X(Q_USERS, "SELECT * FROM users ORDER BY id")                                                 \
    X(Q_DEV_PUT, "INSERT INTO devices VALUES(?,nullif(?,0),?,?,?,?,?,?,?,?)"                      \
      " ON CONFLICT(idx) DO UPDATE SET user=excluded.user, state=excluded.state,"                 \
      " ended=excluded.ended, last_iat=excluded.last_iat, approved=excluded.approved")            \
    X(Q_DEVS, "SELECT d.*, l.roles, l.class, l.granted, l.until, l.end_boot, e.exp, e.end_boot"   \
      " FROM devices d LEFT JOIN leases l ON l.device = d.idx"                                    \
      " LEFT JOIN evidence e ON e.device = d.idx ORDER BY d.idx")                                 \
    X(Q_UEID_GET, "SELECT ueid FROM ueids WHERE device = ?")                                      \
    X(Q_UEID_SET, "INSERT INTO ueids VALUES(?, ?)")                                               \
    X(Q_KEY_PUT, "INSERT INTO keys VALUES(?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT(kid) DO UPDATE SET"  \
      " status=excluded.status")                                                                  \
    X(Q_KEYS, "SELECT * FROM keys ORDER BY kid")                                                  \
    X(Q_LEASE_PUT, "INSERT OR REPLACE INTO leases VALUES(?,?,?,?,?,?)")                           \
    X(Q_LEASE_DROP, "DELETE FROM leases WHERE device = ?")                                        \
    X(Q_EVIDENCE_PUT, "INSERT OR REPLACE INTO evidence VALUES(?,?,?,?,?,?,?,?,?,?)")              \
    X(Q_EVIDENCE_GET, "SELECT * FROM evidence WHERE device = ?")                                  \
    X(Q_EVIDENCE_DROP, "DELETE FROM evidence WHERE device = ?")                                   \
    X(Q_EVIDENCE_KID_DROP, "DELETE FROM evidence WHERE kid = ?")                                  \
    X(Q_EVIDENCE_KID, "SELECT device FROM evidence WHERE kid = ?")                                \
    X(Q_NEW_BOOT_L, "UPDATE leases SET end_boot = ?1 + 1000 * CASE WHEN granted > ?2 THEN 0"      \
      " ELSE max(0, min(until - ?2, until - granted)) END")                                       \
    X(Q_NEW_BOOT_E, "UPDATE evidence SET end_boot = ?1 + 1000 * CASE WHEN accepted > ?2 THEN 0"   \
      " ELSE max(0, min(exp - ?2, exp - accepted)) END")                                          \
    X(Q_GRACE_GET, "SELECT rule, since, passing FROM grace WHERE device = ? LIMIT ?")             \
    X(Q_GRACE_PUT, "INSERT OR REPLACE INTO grace VALUES(?,?,?,?)")                                \
    X(Q_GRACE_DROP, "DELETE FROM grace WHERE device = ? AND rule = ?")                            \
    X(Q_EXCEPTION_GET, "SELECT rule, until, reason FROM exceptions WHERE device = ? LIMIT ?")     \
    X(Q_EXCEPTION_PUT, "INSERT OR REPLACE INTO exceptions VALUES(?,?,?,?,?,?)")                   \
    X(Q_JTI_GET, "SELECT 1 FROM jtis WHERE iss = ? AND jti = ?")                                  \
    X(Q_JTI_PUT, "INSERT INTO jtis VALUES(?,?,?)")                                                \
    X(Q_JTI_PRUNE, "DELETE FROM jtis WHERE exp < ?")                                              \
    X(Q_JTI_COUNT, "SELECT count(*) FROM jtis")                                                   \
    X(Q_CLASS_PUT, "INSERT OR REPLACE INTO classes VALUES(?,?)")                                  \
    X(Q_CLASS_DROP, "DELETE FROM classes WHERE id = ?")                                           \
    X(Q_CLASSES, "SELECT id, permits FROM classes ORDER BY id")                                   \
    X(Q_POLICY_ADD, "INSERT INTO policies(sha256, at, by, text) VALUES(?,?,?,?)")                 \
    X(Q_POLICY_GET, "SELECT version, sha256, at, by, text FROM policies WHERE version = ?")       \
    X(Q_ATTEMPT_ADD, "INSERT INTO attempts(kind, actor, user, device, role, resource, source,"    \
      " destination, proto, port, reason, code, why, first, last, count, file, ended)"            \
      " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"                                              \
      " ON CONFLICT(device, destination, proto, port, reason, code, source, kind, why, actor)"    \
      " DO UPDATE SET last = max(last, excluded.last), count = count + excluded.count,"           \
      " file = excluded.file, user = excluded.user, role = excluded.role,"                        \
      " resource = excluded.resource, ended = excluded.ended RETURNING id")                       \
    X(Q_HANDSHAKE_PUT, "INSERT OR REPLACE INTO handshakes VALUES(?,?)")                           \
    X(Q_HANDSHAKES, "SELECT device, time FROM handshakes")                                        \
    X(Q_ATTEMPT_GET, "SELECT * FROM attempts WHERE id = ?")                                       \
    X(Q_ATTEMPT_PRUNE, "DELETE FROM attempts WHERE id IN (SELECT id FROM attempts"                \
      " WHERE id NOT IN (SELECT attempt FROM gathered) ORDER BY last"                             \
      " LIMIT max(0, (SELECT count(*) FROM attempts) - ?))")                                      \
    X(Q_ATTEMPT_PRUNE_OLD, "DELETE FROM attempts WHERE last < ? AND id NOT IN"                    \
      " (SELECT attempt FROM gathered)")                                                          \
    X(Q_ATTEMPTS, "SELECT * FROM attempts WHERE id > ?1 AND " ATTEMPT_FITS                        \
      " ORDER BY id LIMIT ?10")                                                                   \
    X(Q_ATTEMPTS_BACK, "SELECT * FROM attempts WHERE (last, id) < (?13, ?14) AND id > ?1 AND "    \
      ATTEMPT_FITS " ORDER BY last DESC, id DESC LIMIT ?10")                                      \
    X(Q_ATTEMPT_NEWEST, "SELECT id FROM attempts WHERE device = ? AND kind = ? AND last >= ?"     \
      " AND (?4 < 0 OR reason = ?4) ORDER BY last DESC, id DESC LIMIT ?5")                        \
    X(Q_ATTEMPTS_OF, "SELECT * FROM attempts WHERE device = ?1 AND user = ?2 AND last >= ?3"      \
      " AND (last, id) < (?4, ?5) ORDER BY last DESC, id DESC LIMIT ?6")                          \
    X(Q_HOLD_PUT, "INSERT OR REPLACE INTO holds VALUES(?,?,?,?,?,?,?,?,?,?,?,?)")                 \
    X(Q_HOLD_DROP, "DELETE FROM holds WHERE device = ?")                                          \
    X(Q_HOLDS, "SELECT * FROM holds ORDER BY device")                                             \
    X(Q_FORGET_BOOT_H, "UPDATE holds SET end_boot = 0")                                           \
    X(Q_CASE_ADD, "INSERT INTO cases(user, opened, opened_by, closed, closed_by, finding,"        \
      " outcome) VALUES(?,?,?,0,'','',0) RETURNING id")                                           \
    X(Q_CASE_CLOSE, "UPDATE cases SET closed = ?, closed_by = ?, finding = ?, outcome = ?"        \
      " WHERE id = ?")                                                                            \
    X(Q_CASE_GET, "SELECT * FROM cases WHERE id = ?")                                             \
    X(Q_CASES, "SELECT * FROM cases WHERE id > ?1 AND (?2 IS NULL OR user = ?2)"                  \
      " AND (?3 < 0 OR (closed != 0) = ?3) ORDER BY id LIMIT ?4")                                 \
    X(Q_GATHER, "INSERT OR IGNORE INTO gathered VALUES(?,?)")                                     \
    X(Q_GATHERED, "SELECT attempt FROM gathered WHERE case_id = ? ORDER BY attempt")              \
    X(Q_CASES_OF, "SELECT case_id FROM gathered WHERE attempt = ? ORDER BY case_id")              \
    X(Q_NOTE_ADD, "INSERT INTO notes VALUES(?,?,?,?)")                                            \
    X(Q_NOTES, "SELECT time, by, text FROM notes WHERE case_id = ? ORDER BY rowid")               \
    X(Q_DELIVERY_ADD, "INSERT INTO deliveries(outlet, event) VALUES(?, ?)")                       \
    X(Q_DELIVERIES, "SELECT id, event FROM deliveries WHERE outlet = ? AND id > ? ORDER BY id"    \
      " LIMIT ?")                                                                                 \
    X(Q_DELIVERY_COUNT, "SELECT count(*) FROM deliveries WHERE outlet = ?")                       \
    X(Q_DELIVERY_DROP, "DELETE FROM deliveries WHERE outlet = ? AND id <= ?")                     \
    X(Q_DELIVERY_NTH, "SELECT id FROM deliveries WHERE outlet = ? ORDER BY id LIMIT 1 OFFSET ?")  \
    X(Q_DELIVERY_OUTLETS, "SELECT DISTINCT outlet FROM deliveries")                               \
    X(Q_OUTLET_GET, "SELECT delivered, dropped FROM outlets WHERE name = ?")                      \
    X(Q_OUTLET_PUT, "INSERT OR REPLACE INTO outlets VALUES(?,?,?)")                               \
    X(Q_SECRET_GET, "SELECT hash, totp, step, made FROM secrets WHERE user = ?")                  \
    X(Q_SECRET_PUT, "INSERT OR REPLACE INTO secrets VALUES(?,?,?,?,?)")                           \
    X(Q_SECRET_DROP, "DELETE FROM secrets WHERE user = ?")                                        \
    X(Q_SETUP_GET, "SELECT code, ends, begun, hash, totp, step, made FROM setups WHERE user = ?") \
    X(Q_SETUP_PUT, "INSERT OR REPLACE INTO setups VALUES(?,?,?,?,?,?,?,?)")                       \
    X(Q_SETUP_DROP, "DELETE FROM setups WHERE user = ?")                                          \
    X(Q_RECOVERY_ADD, "INSERT INTO recovery VALUES(?,?)")                                         \
    X(Q_RECOVERY_GET, "SELECT 1 FROM recovery WHERE user = ? AND hash = ?")                       \
    X(Q_RECOVERY_DROP, "DELETE FROM recovery WHERE user = ? AND hash = ?")                        \
    X(Q_RECOVERY_CLEAR, "DELETE FROM recovery WHERE user = ?")                                    \
    X(Q_RECOVERY_COUNT, "SELECT count(*) FROM recovery WHERE user = ?")                           \
    X(Q_ADMIN_PUT, "INSERT OR REPLACE INTO admins VALUES(?,?,?,?)")                               \
    X(Q_ADMIN_DROP, "DELETE FROM admins WHERE user = ?")                                          \
    X(Q_ADMINS, "SELECT user, rank, since, by FROM admins ORDER BY user")                        \
    X(Q_INVITE_ADD, "INSERT INTO invites(user, name, by, token, code, state, made, until,"        \
      " end_boot, wrong, ended, device, corp) VALUES(?,?,?,?,?,?,?,?,?,0,0,0,?) RETURNING id")    \
    X(Q_INVITE_PUT, "UPDATE invites SET device = ?, state = ?, wrong = ?, ended = ?"              \
      " WHERE id = ?")                                                                            \
    X(Q_INVITE_GET, "SELECT * FROM invites WHERE id = ?")                                         \
    X(Q_INVITE_FIND, "SELECT * FROM invites WHERE token = ?")                                     \
    X(Q_INVITES, "SELECT * FROM invites WHERE id > ?1 AND (?2 = 0 OR user = ?2) ORDER BY id")     \
    X(Q_INVITE_COUNT, "SELECT count(*) FROM invites WHERE user = ? AND state = 1 AND until > ?")  \
    X(Q_INVITE_VOID, "UPDATE invites SET state = 4, ended = ?2 WHERE user = ?1 AND state = 1")    \
    X(Q_INVITE_PRUNE, "DELETE FROM invites WHERE until < ?1 AND ended < ?1")                      \
    X(Q_NEW_BOOT_I, "UPDATE invites SET end_boot = ?1 + 1000 * CASE WHEN made > ?2 THEN 0"        \
      " ELSE max(0, min(until - ?2, until - made)) END")                                          \
    X(Q_PASSKEY_ADD, "INSERT INTO passkeys(user, credential, alg, key, counter, synced, stopped,"  \
      " name, made, used) VALUES(?,?,?,?,?,?,?,?,?,?)")                                           \
    X(Q_PASSKEYS, "SELECT * FROM passkeys WHERE user = ? ORDER BY id LIMIT ?")                    \
    X(Q_PASSKEY_FIND, "SELECT * FROM passkeys WHERE credential = ?")                              \
    X(Q_PASSKEY_PUT, "UPDATE passkeys SET counter = ?, stopped = ?, name = ?, used = ?"           \
      " WHERE id = ?")                                                                            \
    X(Q_PASSKEY_DROP, "DELETE FROM passkeys WHERE id = ?")                                        \
    X(Q_PASSKEYS_DROP, "DELETE FROM passkeys WHERE user = ?")                                     \
    X(Q_ASKED_PUT, "INSERT INTO acknowledgements VALUES(?,?,0,0,?,'',x'')"                        \
      " ON CONFLICT(user) DO UPDATE SET asked=excluded.asked")                                    \
    X(Q_SIGNED_PUT, "INSERT OR REPLACE INTO acknowledgements VALUES(?,?,?,?,?,?,?)")              \
    X(Q_SIGNED, "SELECT user, asked, at, version, sha256 FROM acknowledgements")                  \
    X(Q_SIGNED_TEXT, "SELECT text, sha256 FROM acknowledgements WHERE user = ? AND at != 0")      \
    X(Q_VISIT_BEGIN, "INSERT INTO visits(device, user, roles, began, ended, why)"                 \
      " VALUES(?,?,?,?,0,0) ON CONFLICT(device) WHERE ended = 0 DO UPDATE SET"                    \
      " user = excluded.user, roles = excluded.roles")                                            \
    X(Q_VISIT_END, "UPDATE visits SET ended = max(began, ?2), why = ?3"                           \
      " WHERE device = ?1 AND ended = 0")                                                         \
    X(Q_VISITS, "SELECT * FROM visits WHERE user = ?1 AND id < ?2 AND (ended = 0 OR ended >= ?3)" \
      " ORDER BY id DESC LIMIT ?4")                                                               \
    X(Q_VISIT_PRUNE, "DELETE FROM visits WHERE id IN (SELECT id FROM visits ORDER BY id LIMIT"    \
      " 1000) AND ended != 0 AND (ended < ?1 OR id <= (SELECT max(id) FROM visits) - ?2)")        \
    X(Q_OUTBOX_PUT, "INSERT INTO outbox VALUES(?,?)")                                             \
    X(Q_OUTBOX_DROP, "DELETE FROM outbox WHERE seq <= ?")                                         \
    X(Q_OUTBOX, "SELECT record FROM outbox ORDER BY seq")

enum sql {
#define X(name, text) name,
    STATEMENTS(X)
#undef X
    Q_COUNT
};

#endif
