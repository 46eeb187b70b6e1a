/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of rights share: storage that machines see, and the messages of leases. */
#ifndef MUSTER_TESTS_CORE_RIGHTS_H
#define MUSTER_TESTS_CORE_RIGHTS_H

#include "disks.h"

enum { SHELF_FS = 6, SHELF_USES = 4 };

/* One filesystem that a machine sees. */
struct shelf_fs {
    const char *container, *uuid, *type; /* container NULL: there is none */
    const char *journal_uuid;
    uint64_t members;
    bool lost; /* no path leads to it */
};

/* All that a machine says of storage. A container "lv.UUID" is an LV of `vg` on `pv`. */
struct shelf {
    struct shelf_fs fs[SHELF_FS];
    const char *lvs[SHELF_FS], *vg, *pv; /* NULL: none */
    struct {
        const char *kind, *container, *by, *type;
    } uses[SHELF_USES]; /* kind NULL: none */
};
void shelf_report(struct machine *m, const struct shelf *shelf);
const struct resource *shelf_resource(struct life *l, enum resource_kind kind, const char *key);

/* The rights that a machine names from now on, in each message that has them. */
void rights_clear(struct machine *m);
void rights_add(struct machine *m, uint64_t request, enum right_state state, uint64_t token);
void rights_drop(struct machine *m, uint64_t request);

/* A kind of task of one job, which offers what the test says; its leases come from the requests for
 * it. rights_offers: before machines join. */
void rights_offers(struct life *l);
struct order_key rights_offer(struct machine *m, const struct resource *r);

/* Asks for a lease that is offered before; the token, 0: denied. *text: why, until the next
 * message. */
uint64_t rights_ask(struct machine *m, const struct resource *r, const char **text);
/* Renews all; how many live on. */
size_t rights_renew(struct machine *m);

/* What an accepted scan of the filesystem has found; how many images it has then. */
uint64_t rights_found(struct life *l, const char *fs, bool complete, struct image *v, size_t n);
uint64_t rights_found_in(struct life *l, struct resource *fs, bool complete,
                         const char *const *paths, size_t n);

enum reply_code rights_admit(struct life *l, const char *fs, bool on);
enum reply_code rights_take(struct life *l, const char *node, const char *resource);
enum reply_code rights_end(struct life *l, uint64_t token);
enum reply_code rights_break(struct life *l, const char *resource);
/* The rights that are not over, as a client sees them; in the last reply. */
size_t rights_list(struct life *l, enum client_op op);

#endif
