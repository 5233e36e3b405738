/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Posture facts: the closed set of statements about a device that a token's `pst` claim carries
 * (posture.md, pst v1). A fact that is absent is unknown, never false.
 */
#ifndef POLICY_FACTS_H
#define POLICY_FACTS_H

#include "policy/model.h"

#define FACT_TEXT 64          /* a text fact with its NUL */

enum fact_type { FACT_BOOL, FACT_INT, FACT_STRING, FACT_VERSION, FACT_DATE, FACT_LIST };

/* id, name in the language and path in pst, type. FACT_DATE is whole seconds since 1970 (int) or
 * YYYY-MM-DD in the token; FACT_LIST is an array of strings. */
#define FACTS(X)                                      \
    X(OWN, "own", FACT_STRING)                        \
    X(OS_FAMILY, "os.family", FACT_STRING)            \
    X(OS_VER, "os.ver", FACT_VERSION)                 \
    X(OS_BUILD, "os.build", FACT_VERSION)             \
    X(OS_PATCH, "os.patch", FACT_DATE)                \
    X(PEND_CRIT, "pend.crit", FACT_INT)               \
    X(PEND_IMP, "pend.imp", FACT_INT)                 \
    X(AV_NAME, "av.name", FACT_STRING)                \
    X(AV_VER, "av.ver", FACT_VERSION)                 \
    X(AV_ON, "av.on", FACT_BOOL)                      \
    X(AV_RT, "av.rt", FACT_BOOL)                      \
    X(AV_DEFS_AT, "av.defs_at", FACT_DATE)            \
    X(FW_ON, "fw.on", FACT_BOOL)                      \
    X(FW_IN, "fw.in", FACT_BOOL)                      \
    X(FDE_SYS, "fde.sys", FACT_BOOL)                  \
    X(FDE_ALL, "fde.all", FACT_BOOL)                  \
    X(LOCK_ON, "lock.on", FACT_BOOL)                  \
    X(LOCK_MAX_S, "lock.max_s", FACT_INT)             \
    X(TAMPER_ROOTED, "tamper.rooted", FACT_BOOL)      \
    X(TAMPER_DEVMODE, "tamper.devmode", FACT_BOOL)    \
    X(MDM_ENROLLED, "mdm.enrolled", FACT_BOOL)        \
    X(MDM_ID, "mdm.id", FACT_STRING)                  \
    X(INV_ASSET, "inv.asset", FACT_STRING)            \
    X(INV_SERIAL_H, "inv.serial_h", FACT_STRING)      \
    X(LIC_GENUINE, "lic.genuine", FACT_BOOL)          \
    X(LIC_UNLISTED, "lic.unlisted", FACT_INT)         \
    X(LIC_UNAUTH, "lic.unauth", FACT_LIST)            \
    X(USB_STORAGE, "usb.storage", FACT_BOOL)          \
    X(EDR_NAME, "edr.name", FACT_STRING)              \
    X(EDR_ON, "edr.on", FACT_BOOL)                    \
    X(EDR_RISK, "edr.risk", FACT_INT)                 \
    X(OEMBOOT, "oemboot", FACT_BOOL)                  \
    X(DBGSTAT, "dbgstat", FACT_INT)                   \
    X(HWMODEL, "hwmodel", FACT_STRING)

enum fact_id {
#define X(id, name, type) FACT_##id,
    FACTS(X)
#undef X
    FACT_COUNT
};

struct fact {
    bool known;
    int64_t n;                    /* FACT_BOOL 0/1, FACT_INT, FACT_DATE seconds, FACT_LIST count */
    char text[FACT_TEXT];         /* FACT_STRING, FACT_VERSION; FACT_LIST: joined, cut with ".." */
};

struct facts {
    struct wall at;               /* pst.at: when they were gathered */
    struct fact v[FACT_COUNT];
};

const char *fact_name(enum fact_id id);
enum fact_type fact_type(enum fact_id id);
enum fact_id fact_by_name(const char *name, size_t len);   /* FACT_COUNT when there is none */

/* Number by number; a missing part counts as 0. Texts hold digits and dots only. */
int version_cmp(const char *a, const char *b);
bool version_valid(const char *s);

#endif
