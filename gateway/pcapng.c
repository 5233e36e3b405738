/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Blocks and options: each padded to 4 bytes, lengths before and behind. Little-endian. */
#include "gateway/pcapng.h"

#include <string.h>

#include "gateway/syslog_format.h"

#define SECTION 0x0a0d0d0au
#define INTERFACE 1u
#define PACKET 6u
#define BYTE_ORDER_MAGIC 0x1a2b3c4du

enum option { OPT_END = 0, OPT_COMMENT = 1, SHB_OS = 3, SHB_USERAPPL = 4, IF_NAME = 2,
              IF_TSRESOL = 9 };

static size_t padded(size_t n) { return (n + 3) & ~(size_t)3; }

static void put_padded(struct writer *w, const void *p, size_t n)
{
    static const uint8_t zero[4];

    put_raw(w, p, n);
    put_raw(w, zero, padded(n) - n);
}

static void option(struct writer *w, enum option code, const void *p, size_t n)
{
    put_u16(w, (uint16_t)code);
    put_u16(w, (uint16_t)n);
    put_padded(w, p, n);
}

static void text_option(struct writer *w, enum option code, const char *s)
{
    char clean[PCAPNG_COMMENT];

    text_clean(s, clean, sizeof clean);
    option(w, code, clean, strlen(clean));
}

static void end_options(struct writer *w)
{
    put_u16(w, OPT_END);
    put_u16(w, 0);
}

/* The block's whole length stands at both of its ends. */
static void put_block(struct writer *w, uint32_t type, const struct writer *body)
{
    uint32_t whole = (uint32_t)body->n + 12;

    if (body->failed)
        w->failed = true;
    put_u32(w, type);
    put_u32(w, whole);
    put_raw(w, body->v, body->n);
    put_u32(w, whole);
}

void pcapng_begin(struct writer *w, uint16_t link, const char *interface, const char *comment)
{
    static const uint8_t nanoseconds = 9;
    struct writer b;

    writer_init(&b, 4096);
    put_u32(&b, BYTE_ORDER_MAGIC);
    put_u16(&b, 1);                      /* version 1.0 */
    put_u16(&b, 0);
    put_i64(&b, -1);                     /* the section's length is not said */
    text_option(&b, OPT_COMMENT, comment);
    text_option(&b, SHB_OS, "Linux");
    text_option(&b, SHB_USERAPPL, "Portcullis " VERSION);
    end_options(&b);
    put_block(w, SECTION, &b);
    writer_clear(&b);
    put_u16(&b, link);
    put_u16(&b, 0);
    put_u32(&b, 0);                      /* no packet is cut */
    text_option(&b, IF_NAME, interface);
    option(&b, IF_TSRESOL, &nanoseconds, 1);
    end_options(&b);
    put_block(w, INTERFACE, &b);
    writer_clear(&b);
}

size_t pcapng_size(size_t len, const char *comment)
{
    char clean[PCAPNG_COMMENT];

    return 32 + padded(len) + 4 + padded(strlen(text_clean(comment, clean, sizeof clean))) + 4;
}

void pcapng_packet(struct writer *w, int64_t time_us, const void *packet, size_t len,
                   const char *comment)
{
    uint64_t ns = (uint64_t)time_us * 1000;
    struct writer b;

    writer_init(&b, len + PCAPNG_COMMENT + 64);
    put_u32(&b, 0);                      /* the interface */
    put_u32(&b, (uint32_t)(ns >> 32));
    put_u32(&b, (uint32_t)ns);
    put_u32(&b, (uint32_t)len);
    put_u32(&b, (uint32_t)len);
    put_padded(&b, packet, len);
    text_option(&b, OPT_COMMENT, comment);
    end_options(&b);
    put_block(w, PACKET, &b);
    writer_clear(&b);
}
