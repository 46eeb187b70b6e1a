/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/identity.h"

#include <errno.h>

#include "base/text.h"

/* Product UUIDs that firmware ships unset or by the thousand: board vendors' defaults as collected
 * in dmidecode's and systemd's notes on invalid product UUIDs. */
static const char *const placeholders[] = {
    "03000200-0400-0500-0006-000700080009", "00020003-0004-0005-0006-000700080009",
    "12345678-1234-5678-90ab-cddeefaabbcc", "12345678-1234-1234-1234-123456789abc",
    "11111111-2222-3333-4444-555555555555", "fefefefe-fefe-fefe-fefe-fefefefefefe",
    "00112233-4455-6677-8899-aabbccddeeff", "78563412-3412-7856-90ab-cddeefaabbcc",
    "01234567-8910-1112-1314-151617181920", "10000000-0000-0000-0000-000000000000",
};

/* The namespace of node ids that are made of MAC addresses: a constant, made once at random. */
static const uuid128 mac_namespace = { { 0x6d, 0x75, 0x73, 0x74, 0x65, 0x72, 0x4e, 0x1d, 0x9a, 0x41,
                                         0x53, 0xc2, 0x0b, 0x7e, 0x25, 0xd8 } };

static bool all_bytes(uuid128 u, uint8_t v)
{
    for (size_t i = 0; i < sizeof u.b; i++) {
        if (u.b[i] != v)
            return false;
    }
    return true;
}

bool identity_uuid_is_placeholder(uuid128 u)
{
    /* A UUID of one repeated byte was never made by a generator. */
    if (all_bytes(u, u.b[0]))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(placeholders); i++) {
        uuid128 p;

        if (uuid128_parse(placeholders[i], &p) && uuid_eq(p, u))
            return true;
    }
    return false;
}

static bool mac_is_usable(const char *mac)
{
    return mac != NULL && strlen(mac) >= 17 && strcmp(mac, "00:00:00:00:00:00") != 0 &&
           strcmp(mac, "ff:ff:ff:ff:ff:ff") != 0;
}

int identity_choose(const char *configured, const char *product_uuid, const char *lowest_mac,
                    uuid128 *out, const char **source, struct err *e)
{
    uuid128 id;

    if (configured != NULL) {
        if (!uuid128_parse(configured, &id) || uuid_is_nil(id))
            return err_set(e, -EINVAL,
                           "node id '%s' is not a UUID: it would look like "
                           "6ba7b810-9dad-41d1-80b4-00c04fd430c8",
                           configured);
        *out = id;
        *source = "configured";
        return 0;
    }
    if (product_uuid != NULL && uuid128_parse(product_uuid, &id) &&
        !identity_uuid_is_placeholder(id)) {
        *out = id;
        *source = "smbios";
        return 0;
    }
    if (mac_is_usable(lowest_mac)) {
        char lower[3 * 32]; /* MAX_ADDR_LEN bytes; InfiniBand has 20 */
        size_t n = strnlen(lowest_mac, sizeof lower - 1);

        for (size_t i = 0; i < n; i++)
            lower[i] = lowest_mac[i] >= 'A' && lowest_mac[i] <= 'F' ? (char)(lowest_mac[i] | 0x20)
                                                                    : lowest_mac[i];
        *out = uuid_v5(mac_namespace, lower, n);
        *source = "mac";
        return 0;
    }
    return err_set(
        e, -ENOENT,
        "this machine has no usable SMBIOS UUID and no physical NIC to be known by: give "
        "it an id with --node-id");
}
