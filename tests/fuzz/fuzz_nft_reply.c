/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel (or what pretends to be it) answers about nf_tables: messages as they lie in a
 * datagram go through the parser of elements, the judge of announced messages and the names of
 * class sets. What an element parser lets through must be writable again and come back the same.
 */
#include <linux/netfilter/nfnetlink.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernel_rules/nft_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool ok)
{
    if (!ok)
        abort();
}

static int same_as(const struct element *e, void *arg)
{
    struct element want = *(const struct element *)arg;
    want.timeout_ms = 0;
    must(memcmp(e, &want, sizeof want) == 0);
    return 0;
}

static int heard(const struct element *e, void *arg)
{
    struct element_writer w;
    struct element copy = *e;
    struct batch b;
    must(e->len > 0 && e->len <= KEY_MAX && memchr(e->chain, 0, sizeof e->chain));
    must(!(e->has_mark && e->chain[0]));
    nft_batch_open(&b);
    const size_t start = b.len;
    elements_open(&w, &b, "any", NFT_MSG_NEWSETELEM, 0);
    elements_put(&w, e);
    elements_close(&w);
    must(b.err == 0);
    must(elements_parse((const void *)(b.buf + start), same_as, &copy) == 0);
    nft_batch_free(&b);
    (void)arg;
    return 0;
}

static void name(const uint8_t *data, size_t len)
{
    char text[24], again[24];
    uint16_t id;
    unsigned which;
    char generation;
    const size_t n = len < sizeof text ? len : sizeof text - 1;
    memcpy(text, data, n);
    text[n] = '\0';
    if (!class_set_parse(text, &id, &which, &generation))
        return;
    class_set_name(again, id, which, generation);
    must(strcmp(text, again) == 0 && id <= CLASS_MAX && which < CLASS_SETS);
}

/* The kernel's messages are aligned, and each says how long it is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct nlmsghdr *nlh = malloc(len + 1);
    if (!nlh || len > 65536) {
        free(nlh);
        return 0;
    }
    memcpy(nlh, data, len);
    name(data, len);
    must(nft_events_parse((const uint8_t *)nlh, len, 5) >= 0);
    if (len >= sizeof *nlh && nlh->nlmsg_len <= len)
        (void)elements_parse(nlh, heard, NULL);
    free(nlh);
    return 0;
}
