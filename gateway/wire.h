/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Typed, bounded fields of a message. Numbers are little-endian. Every put and get can fail; a
 * failure sticks, so that a sequence is checked once, at its end. Leftover bytes are an error.
 */
#ifndef GATEWAY_WIRE_H
#define GATEWAY_WIRE_H

#include "policy/model.h"

struct writer { uint8_t *v; size_t n, size, max; bool failed; };   /* grows up to max bytes */
struct reader { const uint8_t *v; size_t n; bool failed; };

void writer_init(struct writer *w, size_t max);
void writer_clear(struct writer *w);                     /* wipes, frees; can be used again */
void put_u8(struct writer *w, uint8_t v);
void put_u16(struct writer *w, uint16_t v);
void put_u32(struct writer *w, uint32_t v);
void put_u64(struct writer *w, uint64_t v);
void put_i64(struct writer *w, int64_t v);
void put_raw(struct writer *w, const void *p, size_t n);          /* n is known to both sides */
void put_blob(struct writer *w, const void *p, size_t n);         /* u32 length, bytes */
void put_text(struct writer *w, const char *s);                   /* blob without the NUL */

void reader_init(struct reader *r, const void *p, size_t n);
uint8_t get_u8(struct reader *r);
uint16_t get_u16(struct reader *r);
uint32_t get_u32(struct reader *r);
uint64_t get_u64(struct reader *r);
int64_t get_i64(struct reader *r);
bool get_bool(struct reader *r);                          /* u8, 0 or 1; anything else fails */
void get_raw(struct reader *r, void *out, size_t n);
/* Points into the message; *n <= max or it fails. */
const uint8_t *get_blob(struct reader *r, size_t *n, size_t max);
/* Copies; fails on NUL inside, on bytes that are not UTF-8, and when size is too small. */
void get_text(struct reader *r, char *out, size_t size);
bool reader_done(const struct reader *r);     /* nothing failed and nothing is left */

/* The model's structs, field by field. */
void put_addr(struct writer *w, const struct ip_addr *a);
struct ip_addr get_addr(struct reader *r);
void put_tunnel(struct writer *w, const struct tunnel *t);
void get_tunnel(struct reader *r, struct tunnel *t);
void put_device(struct writer *w, const struct device *d);
void get_device(struct reader *r, struct device *d);
void put_lease(struct writer *w, const struct lease *l);
void get_lease(struct reader *r, struct lease *l);
void put_permit(struct writer *w, const struct permit *p);
void get_permit(struct reader *r, struct permit *p);

#endif
