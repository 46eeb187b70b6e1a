/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ethtool's answers; the same bytes also as a driver's information and as a device's path. */
#include "collect/parse_net.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(64u << 20);
    struct bytes b = { data, size }, directory = pci_directory(b);
    struct rows r = { .a = a };
    struct ethtool_table t = { .n = 0 };
    struct driver_info info;
    struct err e = { "" };

    result_is_good(parse_ethtool(b, a, &t, &e), &e);
    for (size_t i = 0; i < t.n; i++) {
        if (ethtool_by_index(&t, t.v[i].index) != &t.v[i])
            abort();
        ethtool_duplex_name(t.v[i].duplex);
        ethtool_port_name(t.v[i].port);
    }
    parse_driver_info(&r, b, &info);
    if (directory.n > size)
        abort();
    arena_free(a);
    return 0;
}
