/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A logged packet as the kernel hands it over. What decodes must be sound and must come through
 * the channel unchanged.
 */
#include <stdint.h>
#include <stdlib.h>

#include "gateway/capture.h"
#include "policy/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool ok)
{
    if (!ok)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct denied_packet in, out;
    struct writer w;
    struct reader r;
    if (denied_decode(data, len, &in) < 0)
        return 0;
    must(in.src.family == 4 || in.src.family == 6);
    must(in.src.family == in.dst.family && (unsigned)in.reason <= DENY_REASONS && in.time_us >= 0);
    must(in.length >= (in.src.family == 4 ? 20 : 40));
    writer_init(&w, 4096);
    put_denied(&w, &in);
    must(!w.failed);
    reader_init(&r, w.v, w.n);
    get_denied(&r, &out);
    must(reader_done(&r));
    must(in.time_us == out.time_us && in.reason == out.reason && in.proto == out.proto &&
         in.sport == out.sport && in.dport == out.dport && in.length == out.length &&
         in.file == out.file && ip_cmp(&in.src, &out.src) == 0 && ip_cmp(&in.dst, &out.dst) == 0);
    writer_clear(&w);
    return 0;
}
