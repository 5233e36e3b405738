/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A good token that states every fact there is, as an agent or an MDM would send it: 1.2 kB. */
#ifndef TESTS_BENCH_FULL_TOKEN_H
#define TESTS_BENCH_FULL_TOKEN_H

#include "tests/unit/token_maker.h"

static const char full_facts[] =
    "{\"v\":1,\"at\":1779999990,\"own\":\"corp\","
    "\"os\":{\"family\":\"debian\",\"ver\":\"12.8\",\"build\":\"6.1.0.27\",\"patch\":"
    "\"2026-05-20\"},\"pend\":{\"crit\":0,\"imp\":2},"
    "\"av\":{\"name\":\"clamav\",\"ver\":\"1.0.7\",\"on\":true,\"rt\":true,\"defs_at\":"
    "\"2026-05-28\"},\"fw\":{\"on\":true,\"in\":true},\"fde\":{\"sys\":true,\"all\":true},"
    "\"lock\":{\"on\":true,\"max_s\":300},\"tamper\":{\"rooted\":false,\"devmode\":false},"
    "\"mdm\":{\"enrolled\":true,\"id\":\"5f0e8c1a-77d2\"},"
    "\"inv\":{\"asset\":\"HCB-00417\",\"serial_h\":\"q83vEjRWeJASNFZ4kBI0VniQEjRWeJASNFZ4kBI0Vng\"},"
    "\"lic\":{\"genuine\":true,\"unlisted\":0,\"unauth\":[]},\"usb\":{\"storage\":false}}";

/* malloc'd. */
static inline char *full_token(const struct maker *m)
{
    json_t *claims = maker_claims(m, K_MDM);

    maker_edit(claims, "pst", full_facts);
    maker_edit(claims, "hwmodel", "\"AQIDBAUGBwg\"");
    maker_edit(claims, "swname", "\"portcullis-agent\"");
    maker_edit(claims, "oemboot", "true");
    return maker_seal(m, K_MDM, claims);
}

#endif
