/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The contract as a document for programs, part of this one: admin/openapi.json. */
#include <jansson.h>

#include "gateway/control.h"
#include "gateway/log.h"

extern const char openapi_begin[], openapi_end[];

__asm__(".section .rodata\n"
        "openapi_begin:\n"
        ".incbin \"admin/openapi.json\"\n"
        "openapi_end:\n"
        ".byte 0\n"
        ".text\n");

struct reply control_openapi(struct engine *e, struct request *q)
{
    json_t *o = json_loadb(openapi_begin, (size_t)(openapi_end - openapi_begin), 0, NULL);

    (void)e, (void)q;
    if (!o)
        fatal("out of memory");
    return (struct reply){200, o};
}
