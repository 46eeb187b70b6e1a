/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose connection is let in, and under which name. Over real sockets: test_service.c. */
#include <criterion/criterion.h>

#include "zap.h"

static const uint8_t key[32] = { 0xab, 0xcd, [31] = 0xef };
static char user[KEY_TEXT];

static const char *decide(const char *domain, const char *mechanism, const void *p, size_t n)
{
    memset(user, 'x', sizeof user);
    return zap_decide(domain, mechanism, p, n, user);
}

Test(zap, a_proven_key_is_let_in_under_its_own_name)
{
    cr_expect_str_eq(decide(ZAP_DOMAIN_CURVE, "CURVE", key, 32), "200");
    cr_expect_str_eq(user, "abcd0000000000000000000000000000000000000000000000000000000000ef");
}

Test(zap, nobody_else_on_tcp)
{
    static const uint8_t nil[32];

    cr_expect_str_eq(decide(ZAP_DOMAIN_CURVE, "NULL", "", 0), "400");
    cr_expect_str_eq(decide(ZAP_DOMAIN_CURVE, "PLAIN", "admin", 5), "400");
    cr_expect_str_eq(decide(ZAP_DOMAIN_CURVE, "CURVE", key, 31), "400");
    cr_expect_str_eq(decide(ZAP_DOMAIN_CURVE, "CURVE", nil, 32), "400", "it means no key in here");
    cr_expect_str_eq(user, "");
}

Test(zap, the_local_socket_is_protected_by_its_file_mode)
{
    cr_expect_str_eq(decide(ZAP_DOMAIN_LOCAL, "NULL", "", 0), "200");
    cr_expect_str_eq(user, "");
    cr_expect_str_eq(decide(ZAP_DOMAIN_LOCAL, "CURVE", key, 32), "400");
}

Test(zap, no_other_domain)
{
    cr_expect_str_eq(decide("", "NULL", "", 0), "400");
    cr_expect_str_eq(decide("global", "CURVE", key, 32), "400");
}
