/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One netlink socket: requests, acknowledgements and dumps, over libmnl.
 *
 * Every function of kernel_rules/ returns 0 (or a count) or a negative errno; none logs, none
 * exits, none decides. Sources: linux/netlink.h, linux/netfilter/nfnetlink.h.
 */
#ifndef KERNEL_RULES_NETLINK_H
#define KERNEL_RULES_NETLINK_H

#include <libmnl/libmnl.h>
#include <stddef.h>
#include <stdint.h>

struct nl;   /* opaque */

/* bus: NETLINK_NETFILTER, NETLINK_GENERIC or NETLINK_ROUTE. Buffers are forced to fit. */
int nl_open(struct nl **out, int bus);
/* Takes over an already bound socket (the owner of a table). The fd is then ours. */
int nl_adopt(struct nl **out, int fd);
void nl_close(struct nl *nl);              /* NULL-safe */
int nl_fd(const struct nl *nl);
uint32_t nl_portid(const struct nl *nl);

/* Sends one request and reads until its ACK or error, or the end of its dump. cb (may be NULL)
 * gets each answer message; its return < 0 (a negative errno) ends the call with that value
 * after the dump is drained. An interrupted dump (NLM_F_DUMP_INTR) answers -EINTR: the caller
 * starts over. nlmsg_seq is filled in here. */
typedef int nl_cb(const struct nlmsghdr *nlh, void *arg);
int nl_request(struct nl *nl, struct nlmsghdr *nlh, nl_cb *cb, void *arg);

/* Sends `len` bytes of whole messages (an nfnetlink batch with its BEGIN and END) as one datagram
 * and reads the answers. The send buffer is made to fit, sequence numbers are filled in here.
 * Exactly one message, the last that matters, carries NLM_F_ACK. 0, or the first error, then
 * *bad (may be NULL) is the index of its message. -ENOBUFS: the answer was lost and the batch may
 * or may not have been committed; read back. -EINVAL: malformed, or not exactly one ACK. */
int nl_batch(struct nl *nl, void *msgs, size_t len, size_t *bad);

/* Attribute parsing that refuses wrong lengths: fills tb[0..max] with the top-level attributes of
 * a message (after `offset` bytes of family header) or of a nest, NULL where absent; types above
 * max are skipped, of two of a type the last counts. -EINVAL on a malformed one. */
int nl_attrs(const struct nlmsghdr *nlh, size_t offset, const struct nlattr **tb, uint16_t max);
int nl_nested(const struct nlattr *nest, const struct nlattr **tb, uint16_t max);
/* Calls cb for each attribute of a nest that is an array; its return < 0 ends the walk. */
typedef int nl_attr_cb(const struct nlattr *one, void *arg);
int nl_each(const struct nlattr *nest, nl_attr_cb *cb, void *arg);

#endif
