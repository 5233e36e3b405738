/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A block for each network: load a word of the source address, mask it, compare, or go on. */
#include "gateway/source_filter.h"

#define SOURCE4 12               /* offsets in the IP header */
#define SOURCE6 8
#define WHOLE 0x40000            /* bytes to let through: all */

static uint32_t word_at(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static uint32_t mask_of(uint8_t len, unsigned word)
{
    unsigned bits = len > word * 32 ? len - word * 32u : 0;

    return bits >= 32 ? UINT32_MAX : ~(UINT32_MAX >> bits);
}

static size_t block(const struct ip_prefix *net, struct sock_filter *out)
{
    unsigned words = net->addr.family == 4 ? 1 : 4, at = words == 1 ? SOURCE4 : SOURCE6;
    size_t n = 0;

    for (unsigned i = 0; i < words; i++) {
        uint32_t mask = mask_of(net->len, i), where = (uint32_t)SKF_NET_OFF + at + 4 * i;
        uint8_t past = (uint8_t)(3 * (words - 1 - i) + 1);
        out[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, where);
        out[n++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask);
        out[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                                                word_at(net->addr.b + 4 * i) & mask, 0, past);
    }
    out[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, WHOLE);
    return n;
}

size_t source_filter(uint8_t family, const struct ip_prefix *from, size_t n,
                     struct sock_filter out[SOURCE_FILTER_MAX])
{
    size_t at = 0;

    for (size_t i = 0; i < n && i < SOURCE_FILTER_NETS; i++)
        if (from[i].addr.family == family)
            at += block(&from[i], out + at);
    out[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
    return at;
}
