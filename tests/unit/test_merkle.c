/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Merkle trees: the leaves and roots with which the implementations of certificate transparency
 * test themselves, and every proof of every tree of up to 70 leaves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <sodium.h>
#include <string.h>

#include "policy/merkle.h"

#define LEAVES 70

static struct merkle_hash stored[2 * LEAVES], roots[LEAVES + 1], leaves[LEAVES];

static int read_stored(void *arg, uint64_t position, struct merkle_hash *out)
{
    const size_t *n = arg;

    if (position >= *n)
        return -1;
    *out = stored[position];
    return 0;
}

static void hash_of(const char *hex, struct merkle_hash *out)
{
    size_t n;

    assert_int_equal(sodium_hex2bin(out->b, sizeof out->b, hex, strlen(hex), NULL, &n, NULL), 0);
    assert_int_equal(n, sizeof out->b);
}

/* ---- known vectors -------------------------------------------------------------------------- */

static const char *const known_leaves[8] = {"", "00", "10", "2021", "3031", "40414243",
                                            "5051525354555657", "606162636465666768696a6b6c6d6e6f"};
static const char *const known_roots[9] = {
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};

static size_t grow_known(size_t n)
{
    struct merkle_tree t = {0};
    size_t at = 0;

    for (size_t i = 0; i < n; i++) {
        uint8_t data[16];
        size_t len;
        struct merkle_hash leaf, made[MERKLE_LEVELS];
        assert_int_equal(sodium_hex2bin(data, sizeof data, known_leaves[i],
                                        strlen(known_leaves[i]), NULL, &len, NULL), 0);
        merkle_leaf(data, len, &leaf);
        size_t more = merkle_append(&t, &leaf, made);
        memcpy(&stored[at], made, more * sizeof *made);
        at += more;
    }
    merkle_root(&t, &roots[n]);
    return at;
}

static void roots_are_those_of_certificate_transparency(void **state)
{
    (void)state;
    for (size_t n = 0; n <= 8; n++) {
        struct merkle_hash want;
        grow_known(n);
        hash_of(known_roots[n], &want);
        assert_memory_equal(roots[n].b, want.b, sizeof want.b);
    }
}

static void assert_proof(const struct merkle_proof *p, const char *const *want, size_t n)
{
    assert_int_equal(p->n, n);
    for (size_t i = 0; i < n; i++) {
        struct merkle_hash h;
        hash_of(want[i], &h);
        assert_memory_equal(p->v[i].b, h.b, sizeof h.b);
    }
}

static void proofs_are_those_of_certificate_transparency(void **state)
{
    static const char *const path_0_8[] = {
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"};
    static const char *const path_5_8[] = {
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"};
    static const char *const grown_6_8[] = {
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"};
    struct merkle_proof p;
    size_t n = grow_known(8);

    (void)state;
    assert_int_equal(merkle_inclusion(0, 8, read_stored, &n, &p), 0);
    assert_proof(&p, path_0_8, 3);
    assert_int_equal(merkle_inclusion(5, 8, read_stored, &n, &p), 0);
    assert_proof(&p, path_5_8, 3);
    assert_int_equal(merkle_consistency(6, 8, read_stored, &n, &p), 0);
    assert_proof(&p, grown_6_8, 3);
}

/* ---- every tree of up to LEAVES leaves ------------------------------------------------------ */

/* RFC 9162, 2.1.1, written down as it stands there. */
static void plain_root(size_t from, size_t to, struct merkle_hash *out)
{
    struct merkle_hash left, right;
    size_t k = 1;

    if (to - from == 1) {
        *out = leaves[from];
        return;
    }
    while (2 * k < to - from)
        k *= 2;
    plain_root(from, from + k, &left);
    plain_root(from + k, to, &right);
    merkle_node(&left, &right, out);
}

static size_t grow_all(void)
{
    struct merkle_tree t = {0};
    struct merkle_hash made[MERKLE_LEVELS];
    size_t at = 0;

    for (size_t i = 0; i < LEAVES; i++) {
        assert_int_equal(at, merkle_stored(i));
        merkle_leaf(&i, sizeof i, &leaves[i]);
        size_t n = merkle_append(&t, &leaves[i], made);
        memcpy(&stored[at], made, n * sizeof *made);
        at += n;
        merkle_root(&t, &roots[i + 1]);
    }
    return at;
}

static void a_tree_grows_as_the_definition_says(void **state)
{
    size_t n = grow_all();

    (void)state;
    for (size_t size = 1; size <= LEAVES; size++) {
        struct merkle_hash want, got;
        struct merkle_tree t;
        plain_root(0, size, &want);
        assert_true(merkle_same(&want, &roots[size]));
        assert_int_equal(merkle_load(&t, size, read_stored, &n), 0);
        merkle_root(&t, &got);
        assert_true(merkle_same(&want, &got));
    }
}

static void each_leaf_is_proved_where_it_is_and_nowhere_else(void **state)
{
    struct merkle_proof p;
    size_t n = grow_all();

    (void)state;
    for (size_t size = 1; size <= LEAVES; size++)
        for (size_t i = 0; i < size; i++) {
            assert_int_equal(merkle_inclusion(i, size, read_stored, &n, &p), 0);
            for (size_t j = 0; j < size; j++)
                assert_int_equal(merkle_included(&leaves[i], j, size, &roots[size], &p), i == j);
            assert_false(merkle_included(&leaves[(i + 1) % LEAVES], i, size, &roots[size], &p));
            if (size < LEAVES)
                assert_false(merkle_included(&leaves[i], i, size, &roots[size + 1], &p));
        }
}

static void each_tree_is_proved_the_beginning_of_each_later_one(void **state)
{
    struct merkle_proof p;
    size_t n = grow_all();

    (void)state;
    for (size_t size = 1; size <= LEAVES; size++)
        for (size_t from = 0; from <= size; from++) {
            assert_int_equal(merkle_consistency(from, size, read_stored, &n, &p), 0);
            assert_true(merkle_consistent(from, &roots[from], size, &roots[size], &p));
            if (from == 0)
                continue;
            assert_false(merkle_consistent(from, &roots[from - 1], size, &roots[size], &p));
            assert_false(merkle_consistent(from, &roots[from], size, &roots[size - 1], &p));
        }
}

/* One bit of a proof, one hash more, one less. */
static void an_altered_proof_proves_nothing(void **state)
{
    struct merkle_proof p, q;
    size_t n = grow_all();

    (void)state;
    assert_int_equal(merkle_inclusion(20, 53, read_stored, &n, &p), 0);
    for (size_t i = 0; i < p.n; i++)
        for (unsigned bit = 0; bit < 256; bit += 37) {
            q = p;
            q.v[i].b[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_false(merkle_included(&leaves[20], 20, 53, &roots[53], &q));
        }
    q = p;
    q.n--;
    assert_false(merkle_included(&leaves[20], 20, 53, &roots[53], &q));
    q.n += 2;
    assert_false(merkle_included(&leaves[20], 20, 53, &roots[53], &q));
    assert_int_equal(merkle_consistency(20, 53, read_stored, &n, &p), 0);
    for (size_t i = 0; i < p.n; i++) {
        q = p;
        q.v[i].b[3] ^= 4;
        assert_false(merkle_consistent(20, &roots[20], 53, &roots[53], &q));
    }
    q = p;
    q.n--;
    assert_false(merkle_consistent(20, &roots[20], 53, &roots[53], &q));
    q.n += 2;
    assert_false(merkle_consistent(20, &roots[20], 53, &roots[53], &q));
}

static void what_is_not_there_is_no_proof(void **state)
{
    struct merkle_proof p;
    struct merkle_tree t;
    size_t n = grow_all(), less = n - 5;

    (void)state;
    assert_int_equal(merkle_inclusion(7, 7, read_stored, &n, &p), -1);
    assert_int_equal(merkle_consistency(8, 7, read_stored, &n, &p), -1);
    assert_int_equal(merkle_inclusion(1, UINT64_MAX, read_stored, &n, &p), -1);
    assert_int_equal(merkle_load(&t, UINT64_MAX, read_stored, &n), -1);
    assert_int_equal(merkle_load(&t, LEAVES, read_stored, &less), -1);
    assert_int_equal(merkle_inclusion(1, LEAVES, read_stored, &less, &p), -1);
    assert_int_equal(merkle_consistency(3, LEAVES, read_stored, &less, &p), -1);
    p = (struct merkle_proof){.n = 1};
    assert_false(merkle_included(&leaves[0], 0, 0, &roots[0], &p));
    assert_false(merkle_consistent(0, &roots[0], 5, &roots[5], &p));
    assert_false(merkle_consistent(6, &roots[6], 5, &roots[5], &p));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots_are_those_of_certificate_transparency),
        cmocka_unit_test(proofs_are_those_of_certificate_transparency),
        cmocka_unit_test(a_tree_grows_as_the_definition_says),
        cmocka_unit_test(each_leaf_is_proved_where_it_is_and_nowhere_else),
        cmocka_unit_test(each_tree_is_proved_the_beginning_of_each_later_one),
        cmocka_unit_test(an_altered_proof_proves_nothing),
        cmocka_unit_test(what_is_not_there_is_no_proof),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
