/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Storage of which nearly all is told that can be told of storage: three machines that see it, each
 * in its own way, and how that changes. For tests that want every line of code to be run. */
#ifndef MUSTER_TESTS_CORE_CUPBOARD_H
#define MUSTER_TESTS_CORE_CUPBOARD_H

#include "machine.h"

#define CUP_L1   "naa.60014050000000000000000000000001" /* two paths and a map; PV in a partition */
#define CUP_L2   "naa.60014050000000000000000000000002" /* a whole PV */
#define CUP_L3   "naa.60014050000000000000000000000003" /* is mapped anew, as CUP_L5 */
#define CUP_L4   "naa.60014050000000000000000000000004" /* of the second machine */
#define CUP_L5   "naa.60014050000000000000000000000005"
#define CUP_L6   "naa.60014050000000000000000000000006" /* had no identity */
#define CUP_L7   "naa.60014050000000000000000000000007" /* a clone of CUP_L3 */
#define CUP_L8   "naa.60014050000000000000000000000008" /* had no identity, and was admitted */
#define CUP_VG   "VVVVVV-vvvv-vvvv-vvvv-vvvv-vvvv-VVVVVV"
#define CUP_LV   "LLLLLL-llll-llll-llll-llll-llll-LLLLLL"
#define CUP_DATA "data@lv." CUP_LV

enum { CUP_MACHINES = 3, CUP_STAGES = 3 };

/* What machine i sees at that stage, in one report. Stage 0: nothing. */
void cupboard_say(struct machine *m, unsigned i, unsigned stage);

#endif
