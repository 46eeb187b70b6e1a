/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A target's list of LUNs. */
#include "collect/parse_report_luns.h"
#include "fuzz.h"

enum { ROOM = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t luns[ROOM];
    int n = parse_report_luns((struct bytes){ data, size }, luns, ROOM);

    if (n > ROOM || (n < 0 && n != -EBADMSG && n != -EOVERFLOW))
        abort();
    for (int i = 1; i < n; i++) {
        if (luns[i] <= luns[i - 1])
            abort();
    }
    return 0;
}
