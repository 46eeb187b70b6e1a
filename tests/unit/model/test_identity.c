/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <ctype.h>
#include <errno.h>

#include "base/text.h"
#include "model/identity.h"

#define GOOD "4c4c4544-0042-3510-8048-b4c04f4a4832"
#define MAC  "02:4d:00:00:00:01"

static const char *source;
static uuid128 id;
static struct err e;

static int choose(const char *configured, const char *product, const char *mac)
{
    source = NULL;
    e.text[0] = '\0';
    memset(&id, 0, sizeof id);
    return identity_choose(configured, product, mac, &id, &source, &e);
}

static const char *chosen(void)
{
    static char text[UUID_TEXT];

    return uuid_text(id, text);
}

/* docs/ARCHITECTURE.md, section 1: configured, else SMBIOS, else the lowest MAC. */
Test(identity, order)
{
    cr_assert_eq(choose("6ba7b810-9dad-41d1-80b4-00c04fd430c8", GOOD, MAC), 0);
    cr_expect_str_eq(source, "configured");
    cr_expect_str_eq(chosen(), "6ba7b810-9dad-41d1-80b4-00c04fd430c8");
    cr_assert_eq(choose(NULL, GOOD, MAC), 0);
    cr_expect_str_eq(source, "smbios");
    cr_expect_str_eq(chosen(), GOOD);
    cr_assert_eq(choose(NULL, NULL, MAC), 0);
    cr_expect_str_eq(source, "mac");
    cr_assert_eq(choose(NULL, "Not Specified", MAC), 0);
    cr_expect_str_eq(source, "mac");
}

/* docs/PROTOCOL.md, "Identity": version 5 in the namespace that it names, of lower-case text. */
Test(identity, of_a_mac)
{
    uuid128 namespace, wanted;

    cr_assert(uuid128_parse("6d757374-6572-4e1d-9a41-53c20b7e25d8", &namespace));
    wanted = uuid_v5(namespace, MAC, strlen(MAC));
    cr_assert_eq(choose(NULL, NULL, "02:4D:00:00:00:01"), 0);
    cr_expect(uuid_eq(id, wanted), "%s", chosen());
    cr_assert_eq(choose(NULL, NULL, MAC), 0);
    cr_expect(uuid_eq(id, wanted));
    cr_expect_eq(id.b[6] >> 4, 5);
    cr_assert_eq(choose(NULL, NULL, "02:4d:00:00:00:02"), 0);
    cr_expect(!uuid_eq(id, wanted));
}

/* An InfiniBand port's address has 20 bytes, of which the last make the difference. */
Test(identity, of_a_long_address)
{
    char a[] = "80:00:02:08:fe:80:00:00:00:00:00:00:e4:1d:2d:03:00:12:34:56";
    uuid128 first;

    cr_assert_eq(choose(NULL, NULL, a), 0);
    first = id;
    a[sizeof a - 2] = '7';
    cr_assert_eq(choose(NULL, NULL, a), 0);
    cr_expect(!uuid_eq(id, first), "two ports with one identity");
}

Test(identity, placeholders)
{
    /* Seen in the wild, and as SMBIOS 2.6 byte order turns them round. */
    static const char *const placeholders[] = {
        "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "03000200-0400-0500-0006-000700080009", "00020003-0004-0005-0006-000700080009",
        "12345678-1234-5678-90ab-cddeefaabbcc", "78563412-3412-7856-90ab-cddeefaabbcc",
        "11111111-2222-3333-4444-555555555555", "fefefefe-fefe-fefe-fefe-fefefefefefe",
        "00112233-4455-6677-8899-aabbccddeeff", "20202020-2020-2020-2020-202020202020",
        "11111111-1111-1111-1111-111111111111",
    };

    for (size_t i = 0; i < ARRAY_LEN(placeholders); i++) {
        char upper[UUID_TEXT];
        uuid128 u;

        for (size_t k = 0; k < UUID_TEXT; k++)
            upper[k] = (char)toupper((unsigned char)placeholders[i][k]);
        cr_assert(uuid128_parse(upper, &u) && identity_uuid_is_placeholder(u), "%s", upper);
        cr_assert_eq(choose(NULL, upper, MAC), 0);
        cr_assert_str_eq(source, "mac", "%s became an id", upper);
        cr_assert_eq(choose(NULL, upper, NULL), -ENOENT);
        cr_assert_null(source);
    }
    cr_assert(uuid128_parse(GOOD, &id) && !identity_uuid_is_placeholder(id));
}

Test(identity, nothing_to_go_by)
{
    static const char *const macs[] = { NULL, "", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff",
                                        "02:4d" };

    for (size_t i = 0; i < ARRAY_LEN(macs); i++) {
        cr_assert_eq(choose(NULL, NULL, macs[i]), -ENOENT, "%zu", i);
        cr_assert(strstr(e.text, "--node-id") != NULL, "%s", e.text);
    }
}

/* What the operator has configured is taken or refused, never passed over. */
Test(identity, configured_wrongly)
{
    static const char *const wrong[] = { "", "dom0-a", GOOD "0",
                                         "00000000-0000-0000-0000-000000000000" };

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        cr_assert_eq(choose(wrong[i], GOOD, MAC), -EINVAL, "%s", wrong[i]);
        cr_assert(strstr(e.text, wrong[i]) != NULL && strstr(e.text, "UUID") != NULL, "%s", e.text);
    }
}
