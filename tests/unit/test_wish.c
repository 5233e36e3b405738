/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parent's mirror: a repair grants what is left of a lease, never more; ended ones go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/parent.h"

#define NOW 5000000

static void add_device(struct changes *c, uint32_t index)
{
    struct change one = {.kind = CHANGE_DEVICE_PUT};
    one.u.device =
        (struct device){index, {4, {10, 77, 0, (uint8_t)(index + 1)}}, {0}, {{(uint8_t)index, 1}}};
    assert_int_equal(changes_add(c, &one), 0);
}

static void add_lease(struct changes *c, uint32_t index, int64_t left_ms)
{
    struct change one = {.kind = CHANGE_LEASE_PUT};
    one.u.lease = (struct lease){index, 1, left_ms};
    assert_int_equal(changes_add(c, &one), 0);
}

/* Devices 1..n, device i with a lease of i seconds. */
static void make(struct dataplane *wish, uint32_t n)
{
    struct changes c = {0};
    struct change class_ = {.kind = CHANGE_CLASS_PUT, .u.class_ = {.id = 1, .n_permits = 1}};
    struct change quarantine = {.kind = CHANGE_CLASS_PUT};
    *wish = (struct dataplane){.tunnel = {.net4 = {{4, {10, 77, 0, 1}}, 16}}};
    class_.u.class_.permits = calloc(1, sizeof(struct permit));
    *class_.u.class_.permits = (struct permit){{{4, {10, 20}}, {4, {10, 20}}}, 6, 80, 80};
    assert_int_equal(changes_add(&c, &quarantine) + changes_add(&c, &class_), 0);
    for (uint32_t i = 1; i <= n; i++) {
        add_device(&c, i);
        add_lease(&c, i, i * 1000);
    }
    wish_apply(wish, &c, NOW);
    changes_clear(&c);
    assert_int_equal(wish->n_leases, n);
}

static void test_a_lease_keeps_its_end(void **state)
{
    struct dataplane wish, view;
    (void)state;
    make(&wish, 3);
    assert_int_equal(wish_last_end(&wish), NOW + 3000);
    assert_int_equal(wish_view(&wish, NOW + 1999, &view), 0);
    assert_int_equal(view.n_leases, 2);
    assert_int_equal(view.leases[0].device, 2);
    assert_int_equal(view.leases[0].left_ms, 1);
    assert_int_equal(view.leases[1].left_ms, 1001);
    assert_int_equal(view.n_devices, 3);
    wish_view_end(&view);
    assert_int_equal(wish.n_leases, 3); /* looking changes nothing */
    assert_int_equal(wish_view(&wish, NOW + 3000, &view), 0);
    assert_int_equal(view.n_leases, 0); /* at its end it is over */
    wish_view_end(&view);
    dataplane_clear(&wish);
}

static void test_prune(void **state)
{
    struct dataplane wish;
    (void)state;
    make(&wish, 5);
    wish_prune(&wish, NOW + 2000);
    assert_int_equal(wish.n_leases, 3);
    assert_int_equal(wish.leases[0].device, 3);
    wish_prune(&wish, NOW + 5000);
    assert_int_equal(wish.n_leases, 0);
    assert_int_equal(wish_last_end(&wish), 0);
    assert_int_equal(wish.n_devices, 5);
    dataplane_clear(&wish);
}

static void test_prune_only_what_is_touched(void **state)
{
    struct dataplane wish;
    struct changes c = {0};
    (void)state;
    make(&wish, 5);
    add_lease(&c, 2, 1000);
    wish_prune_touched(&wish, &c, NOW + 2000);     /* at its very end */
    assert_int_equal(wish.n_leases, 4);
    assert_null(dataplane_lease(&wish, 2));
    assert_non_null(dataplane_lease(&wish, 1)); /* ended, but nobody asks now */
    add_lease(&c, 5, 1000);
    wish_prune_touched(&wish, &c, NOW + 4000);
    assert_non_null(dataplane_lease(&wish, 5)); /* still runs */
    changes_clear(&c);
    dataplane_clear(&wish);
}

/* A class may go when the last lease on it has ended, though nobody took that lease away. */
static void test_prune_all_when_a_class_goes(void **state)
{
    struct dataplane wish;
    struct changes c = {0};
    struct change drop = {.kind = CHANGE_CLASS_DROP, .u.class_ = {.id = 1}};
    size_t at;
    (void)state;
    make(&wish, 2);
    assert_int_equal(changes_add(&c, &drop), 0);
    assert_int_equal(plan_check(&wish, &c, &at), PLAN_CLASS_IN_USE);
    wish_prune_touched(&wish, &c, NOW + 2000);
    assert_int_equal(plan_check(&wish, &c, &at), PLAN_OK);
    changes_clear(&c);
    dataplane_clear(&wish);
}

static void test_copy_is_deep(void **state)
{
    struct dataplane wish, copy;
    (void)state;
    make(&wish, 2);
    assert_int_equal(wish_copy(&wish, &copy), 0);
    assert_ptr_not_equal(copy.classes[1].permits, wish.classes[1].permits);
    assert_memory_equal(copy.devices, wish.devices, 2 * sizeof *wish.devices);
    dataplane_clear(&wish);
    assert_int_equal(copy.n_leases, 2);
    assert_int_equal(copy.leases[1].left_ms, NOW + 2000);
    assert_int_equal(copy.classes[1].permits[0].port_first, 80);
    dataplane_clear(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_lease_keeps_its_end),
        cmocka_unit_test(test_prune),
        cmocka_unit_test(test_prune_only_what_is_touched),
        cmocka_unit_test(test_prune_all_when_a_class_goes),
        cmocka_unit_test(test_copy_is_deep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
