/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names, units and help of every metric; https://prometheus.io/docs/practices/naming/ */
#include "gateway/metrics.h"

#include <stdio.h>
#include <stdlib.h>

#include "gateway/log.h"

#define P "portcullis_"
#define U(x) ((unsigned long long)(x))

static const uint64_t bounds_us[METRIC_BUCKETS] = {100,   250,   500,    1000,   2500,
                                                   5000, 10000, 50000, 250000, 1000000};
static const char *const bounds[METRIC_BUCKETS] = {"0.0001", "0.00025", "0.0005", "0.001", "0.0025",
                                                   "0.005",  "0.01",    "0.05",   "0.25",  "1"};

void histogram_add(struct histogram *h, uint64_t us)
{
    h->count++;
    h->sum_us += us;
    for (size_t i = 0; i < METRIC_BUCKETS; i++)
        if (us <= bounds_us[i]) {
            h->bucket[i]++;
            return;
        }
}

void metrics_posture(struct metric_counts *m, bool in, enum refusal_code code)
{
    if (in)
        m->in++;
    else if ((unsigned)code < METRIC_CODES)
        m->quarantine[code]++;
}

/* ---- one metric ----------------------------------------------------------------------------- */

static void head(FILE *f, const char *name, const char *type, const char *help)
{
    fprintf(f, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void one(FILE *f, const char *name, const char *type, const char *help, uint64_t value)
{
    head(f, name, type, help);
    fprintf(f, "%s %llu\n", name, U(value));
}

/* A sample with one label. The value is escaped as the format asks. */
static void sample(FILE *f, const char *name, const char *label, const char *text, uint64_t value)
{
    fprintf(f, "%s{%s=\"", name, label);
    for (; *text; text++)
        if (*text == '\n')
            fputs("\\n", f);
        else
            fprintf(f, "%s%c", *text == '"' || *text == '\\' ? "\\" : "", *text);
    fprintf(f, "\"} %llu\n", U(value));
}

static void latency(FILE *f, const char *name, const char *help, const struct histogram *h)
{
    uint64_t below = 0;

    head(f, name, "histogram", help);
    for (size_t i = 0; i < METRIC_BUCKETS; i++) {
        below += h->bucket[i];
        fprintf(f, "%s_bucket{le=\"%s\"} %llu\n", name, bounds[i], U(below));
    }
    fprintf(f, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %llu.%06llu\n%s_count %llu\n", name,
            U(h->count), name, U(h->sum_us / 1000000), U(h->sum_us % 1000000), name, U(h->count));
}

/* ---- groups --------------------------------------------------------------------------------- */

static void about(FILE *f, const struct metrics *m)
{
    head(f, P "build_info", "gauge", "The gateway's name and version.");
    fprintf(f, P "build_info{gateway=\"%s\",version=\"" VERSION "\"} 1\n", m->gateway);
    one(f, P "start_time_seconds", "gauge", "When the engine started, since 1970.",
        (uint64_t)m->started);
    one(f, P "clock_synchronised", "gauge", "1 while the clock is trusted: without, no new leases.",
        m->clock_synchronised);
    head(f, P "policy_info", "gauge", "The policy in force.");
    fprintf(f, P "policy_info{version=\"%lld\",sha256=\"%s\"} 1\n", (long long)m->policy_version,
            m->policy_sha256);
    one(f, P "policy_applied_time_seconds", "gauge", "When it was applied, since 1970.",
        (uint64_t)m->policy_applied);
    one(f, P "audit_records_total", "counter", "Records in the audit log.", m->audit_records);
    one(f, P "alarms_total", "counter", "Alarms raised since the start.", m->counts->alarms);
}

static void people(FILE *f, const struct metrics *m)
{
    static const char *const states[METRIC_DEVICE_STATES] = {"in", "quarantine", "locked",
                                                             "revoked", "lost", "retired"};

    one(f, P "leases", "gauge", "Leases in force.", m->leases);
    head(f, P "devices", "gauge", "Devices by state.");
    for (size_t i = 0; i < METRIC_DEVICE_STATES; i++)
        sample(f, P "devices", "state", states[i], m->devices[i]);
    head(f, P "users", "gauge", "People by state.");
    sample(f, P "users", "state", "active", m->users_active);
    sample(f, P "users", "state", "revoked", m->users_revoked);
}

static void by_reason(FILE *f, const char *name, const char *help,
                      const uint64_t value[DENY_REASONS])
{
    head(f, name, "counter", help);
    for (int i = 0; i < DENY_REASONS; i++)
        sample(f, name, "reason", deny_reason_name((enum deny_reason)i), value[i]);
}

/* denied = logged + sampled away; logged = received + lost, but for those that are on their way and
 * those of moments in which the capture role was started again. */
static void denials(FILE *f, const struct metrics *m)
{
    uint64_t sampled[DENY_REASONS];

    for (int i = 0; i < DENY_REASONS; i++)
        sampled[i] = m->denied[i] > m->logged[i] ? m->denied[i] - m->logged[i] : 0;
    by_reason(f, P "denied_packets_total", "Packets denied, exactly.", m->denied);
    by_reason(f, P "logged_packets_total", "Denied packets that were logged singly.", m->logged);
    by_reason(f, P "sampled_away_packets_total",
              "Denied packets that were counted only, by the limit of the log.", sampled);
    by_reason(f, P "received_packets_total", "Logged packets that came to the engine.", m->kept);
    one(f, P "lost_packets_total", "counter",
        "Logged packets lost on the way, by gaps of their numbers.", m->lost);
    one(f, P "attempts_overflow_total", "counter",
        "Attempts that were counted only: too many different ones within a second, or at a door.",
        m->overflow);
}

static void handshakes(FILE *f, const struct metrics *m)
{
    head(f, P "handshakes_total", "counter",
         "WireGuard handshakes at the tunnel's port, by class.");
    for (unsigned i = 0; i < HANDSHAKE_CLASSES; i++)
        sample(f, P "handshakes_total", "class", handshake_class_name((enum handshake_class)i),
               m->handshakes[i]);
    head(f, P "handshakes_unclassed_total", "counter",
         "Handshakes that nobody looked into: not read, beyond the limit, or lost.");
    sample(f, P "handshakes_unclassed_total", "why", "unread", m->unread);
    sample(f, P "handshakes_unclassed_total", "why", "limited", m->limited);
    sample(f, P "handshakes_unclassed_total", "why", "lost", m->unheard);
}

static void posture(FILE *f, const struct metric_counts *c)
{
    static const char name[] = P "posture_results_total";

    head(f, name, "counter", "Posture tokens by what they led to, and why not to a lease.");
    fprintf(f, "%s{result=\"in\",code=\"\"} %llu\n", name, U(c->in));
    for (unsigned i = 0; i < METRIC_CODES; i++)
        if (i == 0 || c->quarantine[i])
            fprintf(f, "%s{result=\"quarantine\",code=\"%s\"} %llu\n", name,
                    code_id((enum refusal_code)i), U(c->quarantine[i]));
}

static void roles(FILE *f, const struct metrics *m)
{
    head(f, P "role_restarts_total", "counter", "Ends of a process that was started again.");
    for (int r = ROLE_ENGINE + 1; r < ROLES; r++)
        sample(f, P "role_restarts_total", "role", role_name((enum gateway_role)r),
               m->restarts[r]);
}

static void outlets(FILE *f, const struct metrics *m)
{
    static const struct { const char *name, *type, *help; size_t at; } all[] = {
        {P "delivery_queue_events", "gauge", "Attempts that wait to be sent.",
         offsetof(struct metric_outlet, queued)},
        {P "deliveries_total", "counter", "Attempts that were sent.",
         offsetof(struct metric_outlet, delivered)},
        {P "delivery_failures_total", "counter", "Tries that failed and were or will be repeated.",
         offsetof(struct metric_outlet, failures)},
        {P "delivery_dropped_total", "counter", "Attempts that were never sent: no room to wait.",
         offsetof(struct metric_outlet, dropped)},
    };

    for (size_t i = 0; i < sizeof all / sizeof all[0] && m->n_outlets > 0; i++) {
        head(f, all[i].name, all[i].type, all[i].help);
        for (size_t o = 0; o < m->n_outlets; o++)
            sample(f, all[i].name, "outlet", m->outlets[o].name,
                   *(const uint64_t *)(const void *)((const char *)&m->outlets[o] + all[i].at));
    }
}

char *metrics_text(const struct metrics *m, size_t *len)
{
    char *text = NULL;
    FILE *f = open_memstream(&text, len);

    if (!f)
        fatal("out of memory");
    about(f, m);
    people(f, m);
    denials(f, m);
    handshakes(f, m);
    latency(f, P "revocation_cut_seconds",
            "From the request to the kernel's acknowledgement that access is cut.",
            &m->counts->cut);
    latency(f, P "revocation_durable_seconds", "From the request until it is on the disk.",
            &m->counts->durable);
    posture(f, m->counts);
    roles(f, m);
    outlets(f, m);
    if (fclose(f) != 0 || !text)
        fatal("out of memory");
    return text;
}
