/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How collectors get bytes: files below a prefix, netlink dumps, the output of a program. */
#ifndef MUSTER_COLLECT_READ_H
#define MUSTER_COLLECT_READ_H

#include "base/buf.h"
#include "base/err.h"
#include "collect/collect.h"
#include "collect/parse_net.h"

#define READ_PATH_MAX 512

/* "<sys_root><path>", made like printf. False: too long, *out untouched then. */
__attribute__((format(printf, 3, 4))) bool read_path(const struct collect_request *req,
                                                     char out[READ_PATH_MAX], const char *fmt, ...);

/* The file's bytes, at most `limit`, in `a`; nothing (p NULL) when it cannot be read. The errno of
 * the failure goes to *error if that is not NULL (0: was read). */
struct bytes read_file(struct arena *a, const char *path, size_t limit, int *error);

/* Where a symbolic link leads, resolved; nothing when there is none. */
struct bytes read_real_path(struct arena *a, const char *path);

/* All bytes of the answer to a dump of links (RTM_GETLINK, without virtual functions), taken as one
 * consistent picture: a dump during which links changed is taken again. Appends to `out`.
 * 0 or a negative errno with a sentence (-EAGAIN: links never stopped changing). */
int read_links(struct buf *out, struct err *e);

/* Ethtool's LINKMODES and LINKINFO of the links with these indexes. They are asked for one by one:
 * in a dump the first driver that fails ends the answers for all links after it. A link that has no
 * answer is left out. 0; -ENOENT: this kernel has no ethtool netlink; another negative errno. */
int read_ethtool(const uint32_t *indexes, size_t n, struct buf *out, struct err *e);

/* Runs a program with its output appended to `out`, for `limit_ms` at most, then kills it.
 * 0; -ETIMEDOUT, -EFBIG (more than `limit_bytes`), -EIO (it failed), or another negative errno,
 * each with a sentence. */
int read_program(const char *const *argv, int limit_ms, size_t limit_bytes, struct buf *out,
                 struct err *e);

/* Asks sysfs, and the drivers too if with_drivers, about those of out->links that may become NICs.
 * 0 or -ENOMEM with a sentence. */
int read_net_facts(const struct collect_request *req, bool with_drivers, struct arena *a,
                   struct net_input *out, struct err *e);

/* Everything that parse_net needs. with_drivers: ask ethtool and the drivers too. */
int read_net(const struct collect_request *req, bool with_drivers, struct arena *a,
             struct net_input *out, struct err *e);

/* The rate of this processor's TSC, where the kernel tells it. */
struct opt read_tsc_khz(void);

int collect_net(const struct collect_request *req, struct arena *a, struct section *out,
                size_t *count, struct err *e);
int collect_system(const struct collect_request *req, struct arena *a, struct section *out,
                   size_t *count, struct err *e);
int collect_xen(const struct collect_request *req, struct arena *a, struct section *out,
                size_t *count, struct err *e);
int collect_lldp(const struct collect_request *req, struct arena *a, struct section *out,
                 size_t *count, struct err *e);
int collect_storage(const struct collect_request *req, struct arena *a, struct section *out,
                    size_t *count, struct bytes *memory, struct err *e);
int collect_lvm_worker(const struct collect_request *req, struct arena *a, struct section *out,
                       size_t *count, struct bytes *memory, struct err *e);

#endif
