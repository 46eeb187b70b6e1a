/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happens to a simulated fleet, a line for each:
 *
 *   wait 2.5s
 *   link down|up NIC HOSTS      a NIC has no carrier
 *   port down|up PORT HOSTS     an FC port, and with it its paths
 *   lun gone|back LUN HOSTS     a LUN of the hosts' group is unmapped
 *   flap HOSTS                  a carrier goes and comes back: nothing but its count has changed
 *   restart HOSTS               the probe, in the same boot
 *   roll VERSION HOSTS          as restart, to a probe of that version of the protocol
 *   crash HOSTS                 off, without a word
 *   boot HOSTS                  in a new boot (after a crash, if it runs), with the next token
 *
 * HOSTS: all, rack N, or numbers from 0: 3 or 0-39 or 1,5,7-9. What follows # is a comment. */
#ifndef MUSTER_FLEET_SCRIPT_H
#define MUSTER_FLEET_SCRIPT_H

#include "fleet_net.h"

struct fleet_script;

/* `path`: a file, which is read at once, so that what is wrong in it is told before anything
 * happens; or a FIFO, of which each line is carried out when it comes. NULL with a sentence. */
struct fleet_script *fleet_script_open(const char *path, const struct fleet_options *o,
                                       struct err *e);
void fleet_script_free(struct fleet_script *s);
int fleet_script_fd(const struct fleet_script *s); /* of the FIFO; -1: of a file */

/* Carries out what is due. How long it waits for the next: fleet_run() may take so long. Negative
 * errno with a sentence: the fleet is not what it was. A line of a FIFO that is wrong is logged. */
int64_t fleet_script_run(struct fleet_script *s, struct fleet *f, struct err *e);

#endif
