/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who there is, with which roles and leases, and the kernel told so: the model check's use of the
 * code that the gateway uses, from a policy's text to a transaction and back.
 */
#ifndef TESTS_MODEL_DRIVER_PLANE_H
#define TESTS_MODEL_DRIVER_PLANE_H

#include "tests/unit/nft_lab.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>

#include "gateway/classes.h"
#include "policy/policy.h"

#define DEVICES 64

struct member {
    struct device device;
    uint64_t roles;
    int64_t lease_ms, until; /* 0: none; until: by the monotonic clock */
    uint32_t grants;
    bool there;
};

static struct lab lab;
static struct {
    struct member m[DEVICES];
    struct policy *policy;
    struct classes classes;
    struct dataplane have;
    bool installed;
    struct rule_counts counts;
} plane;

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void say(const char *what, int rc)
{
    if (rc == 0)
        puts("ok");
    else
        printf("failed: %s: %d\n", what, rc);
}

/* ---- the population ------------------------------------------------------------------------- */

/* In the private namespace of the lab alone: no attribute means all connections. */
static int forget_connections(void)
{
    struct {
        struct nlmsghdr h;
        struct nfgenmsg g;
    } msg = {.h = {.nlmsg_len = sizeof msg,
                   .nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK}};
    char answer_buf[512];
    const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
    const ssize_t sent = send(fd, &msg, sizeof msg, 0);
    const ssize_t got = recv(fd, answer_buf, sizeof answer_buf, 0);

    close(fd);
    return sent == (ssize_t)sizeof msg && got > 0 ? 0 : -1;
}

static void forget_population(void)
{
    memset(plane.m, 0, sizeof plane.m);
    policy_free(plane.policy);
    plane.policy = NULL;
    classes_clear(&plane.classes);
    classes_init(&plane.classes, 1);
    dataplane_clear(&plane.have);
    plane.installed = false;
    say("conntrack", forget_connections());
}

static void read_policy(size_t len)
{
    static struct diags diags;
    char *text = malloc(len + 1);
    bool changed;

    if (!text || fread(text, 1, len, stdin) != len)
        exit(1);
    memset(&diags, 0, sizeof diags);
    struct policy *p = policy_parse(text, len, &diags);
    free(text);
    if (!p || classes_use_policy(&plane.classes, p, &changed) != 0) {
        printf("failed: policy: line %d: %s\n", diags.v[0].pos.line, diags.v[0].text);
        policy_free(p);
        return;
    }
    policy_free(plane.policy);
    plane.policy = p;
    puts("ok");
}

static void enrol(unsigned i, const char *addr4, const char *addr6, uint64_t roles)
{
    struct member *m = &plane.m[i];

    *m = (struct member){.roles = roles, .there = true};
    m->device.index = i + 1;
    m->device.addr4 = ip(addr4);
    if (addr6[0] != '-')
        m->device.addr6 = ip(addr6);
    m->device.key.b[0] = (uint8_t)(i + 1);
}

/* Successive grants differ in length, so that a renewal is a change. */
static void grant(struct member *m, int64_t ms)
{
    m->lease_ms = ms + ++m->grants % 16;
    m->until = now_ms() + m->lease_ms;
}

/* ---- what the kernel should hold ------------------------------------------------------------ */

static void want_class(struct dataplane *want, uint16_t id)
{
    const struct access_class *c = &plane.classes.v[id]->c;
    struct access_class *out;
    size_t i = 0;

    while (i < want->n_classes && want->classes[i].id < id)
        i++;
    if (i < want->n_classes && want->classes[i].id == id)
        return;
    memmove(&want->classes[i + 1], &want->classes[i], (want->n_classes - i) * sizeof *out);
    out = &want->classes[i];
    *out = *c;
    out->permits = calloc(c->n_permits + 1, sizeof *out->permits);
    if (!out->permits)
        abort();
    for (size_t k = 0; k < c->n_permits; k++)
        out->permits[k] = c->permits[k];
    want->n_classes++;
}

/* A lease whose class stays keeps its length; one that moves keeps its end. */
static void want_lease(struct dataplane *want, const struct member *m, int64_t now)
{
    const struct lease *old = dataplane_lease(&plane.have, m->device.index);
    const int id = classes_for(&plane.classes, m->roles);

    if (id < 0)
        abort();
    want_class(want, (uint16_t)id);
    want->leases[want->n_leases++] = (struct lease){
        m->device.index, (uint16_t)id,
        old && old->class_id != id ? m->until - now : m->lease_ms};
}

static struct dataplane wanted(void)
{
    struct dataplane want = {.tunnel = lab_tunnel()};
    const int64_t now = now_ms();

    want.classes = calloc(DEVICES + 2, sizeof *want.classes);
    want.devices = calloc(DEVICES, sizeof *want.devices);
    want.leases = calloc(DEVICES, sizeof *want.leases);
    if (!want.classes || !want.devices || !want.leases)
        abort();
    want_class(&want, 0);
    for (size_t i = 0; i < DEVICES; i++) {
        if (!plane.m[i].there)
            continue;
        want.devices[want.n_devices++] = plane.m[i].device;
        if (plane.m[i].lease_ms > 0 && plane.m[i].until > now)
            want_lease(&want, &plane.m[i], now);
    }
    return want;
}

static void forget_unused_classes(void)
{
    for (unsigned id = 1; id <= CLASS_MAX; id++)
        if (plane.classes.v[id] && !dataplane_class(&plane.have, (uint16_t)id))
            classes_forget(&plane.classes, (uint16_t)id);
}

static int apply(const struct dataplane *want)
{
    struct changes list;
    size_t at;
    int rc = (int)plan_diff(&plane.have, want, 1, &list);

    if (rc == 0)
        rc = (int)plan_check(&plane.have, &list, &at);
    if (rc == 0)
        rc = nft_apply(lab.nft, &plane.have, &list);
    changes_clear(&list);
    return rc;
}

static void commit(void)
{
    struct dataplane want = wanted();
    int rc = 0;

    if (!plane.installed)
        rc = nft_guard_install(lab.nft, &want.tunnel);
    if (rc == 0)
        rc = plane.installed ? apply(&want) : nft_install(lab.nft, &want);
    if (rc == 0 && !plane.installed)
        rc = nft_counts(lab.nft, &plane.counts);
    plane.installed = plane.installed || rc == 0;
    if (rc == 0) {
        dataplane_clear(&plane.have);
        plane.have = want;
        forget_unused_classes();
    } else {
        dataplane_clear(&want);
    }
    say("commit", rc);
}

/* What is left of each lease is what it is given for. */
static void install(void)
{
    const int64_t now = now_ms();

    for (size_t i = 0; i < DEVICES; i++)
        if (plane.m[i].lease_ms > 0)
            plane.m[i].lease_ms = plane.m[i].until > now ? plane.m[i].until - now : 0;
    plane.installed = false;
    commit();
}

/* ---- reading back --------------------------------------------------------------------------- */

/* What has expired since the commit is no longer in the kernel, and need not be. */
static bool is_expired(const struct change *c, int64_t now)
{
    return c->kind == CHANGE_LEASE_PUT && plane.m[c->u.lease.device - 1].until <= now;
}

static void snapshot(void)
{
    struct dataplane there = {0};
    struct changes list = {0};
    int rc = nft_snapshot(lab.nft, &there), differences = 0;

    if (rc == 0)
        rc = (int)plan_diff(&there, &plane.have, LEASE_MAX_MS, &list);
    for (size_t i = 0; i < list.n; i++)
        differences += !is_expired(&list.v[i], now_ms());
    changes_clear(&list);
    dataplane_clear(&there);
    say("snapshot", rc != 0 ? rc : differences);
}

static void verify(void)
{
    char what[128] = "";
    const int rc = nft_verify_static(lab.nft, &plane.have, what);

    say(what, rc);
}

#endif
