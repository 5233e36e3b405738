/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The UAPI reply parser on any bytes. What it accepts must be sorted and without duplicates.
 */
#include <stdlib.h>
#include <string.h>

#include "kernel_rules/wireguard_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wg_state s;
    int rc = wg_uapi_parse((const char *)data, size, NULL, &s);
    if (rc > 0 || (rc < 0 && s.peers))
        abort();
    for (size_t i = 1; i < s.n_peers; i++)
        if (memcmp(&s.peers[i - 1].key, &s.peers[i].key, sizeof s.peers[i].key) >= 0)
            abort();
    wg_state_clear(&s);
    wg_uapi_parse_status((const char *)data, size);
    return 0;
}
