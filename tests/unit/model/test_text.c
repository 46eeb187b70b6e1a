/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fields as text for people. */
#include <criterion/criterion.h>

#include "model/render.h"
#include "wire/messages.h"

static void expect(const struct record_desc *d, const char *field, const void *rec,
                   const char *wanted)
{
    struct buf b = { 0 };
    int i = record_field_index(d, field);

    cr_assert(i >= 0, "%s", field);
    field_text(&b, d, (uint32_t)i, rec);
    cr_expect_str_eq(buf_cstr(&b), wanted, "%s: %s", field, buf_cstr(&b));
    buf_deinit(&b);
}

Test(text, units)
{
    struct system s = { 0 };
    struct nic n = { 0 };
    struct cpu c = { 0 };
    struct lldp l = { 0 };

    REC_SET(&s, system, memory_total_bytes, UINT64_C(3) << 29);
    REC_SET(&s, system, uptime_ms, 7800000);
    REC_SET(&n, nic, mtu_bytes, 9000);
    REC_SET(&n, nic, speed_mbps, 25000);
    REC_SET(&n, nic, ifindex, 0);
    REC_SET(&n, nic, numa_node, -1);
    REC_SET(&c, cpu, tsc_khz, 2400000);
    REC_SET(&l, lldp, ttl_s, 120);
    expect(&system_desc, "memory_total_bytes", &s, "1.5 GiB");
    expect(&system_desc, "uptime_ms", &s, "2 h 10 min");
    expect(&nic_desc, "mtu_bytes", &n, "9000");
    expect(&nic_desc, "speed_mbps", &n, "25000 Mbit/s");
    expect(&nic_desc, "ifindex", &n, "0");
    expect(&nic_desc, "numa_node", &n, "-1");
    expect(&cpu_desc, "tsc_khz", &c, "2400000 kHz");
    expect(&lldp_desc, "ttl_s", &l, "120 s");
}

Test(text, other_types)
{
    struct nic n = { 0 };
    struct reply r = { 0 };

    REC_SET(&n, nic, name, "eth0");
    REC_SET(&n, nic, carrier, true);
    REC_SET(&n, nic, admin_up, false);
    REC_SET(&n, nic, altnames, ((struct strs){ (const char *[]){ "enp1s0", "lan0" }, 2 }));
    expect(&nic_desc, "name", &n, "eth0");
    expect(&nic_desc, "carrier", &n, "yes");
    expect(&nic_desc, "admin_up", &n, "no");
    expect(&nic_desc, "altnames", &n, "enp1s0, lan0");
    n.altnames.n = 0;
    expect(&nic_desc, "altnames", &n, "-");
    expect(&nic_desc, "driver", &n, "-");
    expect(&nic_desc, "speed_mbps", &n, "-");
    REC_SET(&r, reply, chunk, ((struct bytes){ (const uint8_t *)"\x01\xff", 2 }));
    REC_SET(&r, reply, edges, ((struct recs){ NULL, 0 }));
    expect(&reply_desc, "chunk", &r, "01ff");
    expect(&reply_desc, "edges", &r, "(0 records)");
    expect(&reply_desc, "status", &r, "-");
}
