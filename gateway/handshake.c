/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who knocks: the classes of WireGuard's first message. */
#include "gateway/handshake.h"

const char *handshake_class_name(enum handshake_class c)
{
    static const char *const names[HANDSHAKE_CLASSES] = {
        [HANDSHAKE_BAD_MAC] = "bad-mac",
        [HANDSHAKE_UNDECRYPTABLE] = "undecryptable",
        [HANDSHAKE_UNKNOWN_KEY] = "unknown-key",
        [HANDSHAKE_ENDED_KEY] = "ended-key",
        [HANDSHAKE_REPLAYED] = "replayed",
        [HANDSHAKE_KNOWN_KEY] = "known-key",
    };

    return c < HANDSHAKE_CLASSES ? names[c] : "";
}
