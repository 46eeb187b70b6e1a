/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How much our decoding (checks, unpack, records) costs over the bare unpack of protobuf-c, and our
 * encoding over the bare pack. Both sides take their memory from an arena that is reset, not freed.
 * CPU time of this thread; medians of interleaved rounds, and of the rounds' ratios. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/limits.h"
#include "node.pb-c.h"
#include "wire/codec.h"

enum { ROUNDS = 41, ROUND_US = 4000 };

struct shape {
    const char *name;
    unsigned nics, vlans, neighbours;
};

/* The second is as many bytes as the inventory of PERFORMANCE.md's table. */
static const struct shape shapes[] = {
    { "host: 8 NICs, 20 VLANs", 8, 20, 8 },
    { "large: 8 NICs, 600 VLANs, 96 neighbours", 8, 600, 96 },
};

static void need(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "bench_codec: %s\n", what);
        exit(1);
    }
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void fill_nics(struct nic *rows, unsigned n, struct arena *a)
{
    for (unsigned i = 0; i < n; i++) {
        struct nic *r = &rows[i];

        REC_SET(r, nic, name, arena_printf(a, "enp59s0f%u", i));
        REC_SET(r, nic, ifindex, i + 2);
        REC_SET(r, nic, kind, "physical");
        REC_SET(r, nic, mac, arena_printf(a, "02:4d:00:00:00:%02x", i));
        REC_SET(r, nic, permanent_mac, r->mac);
        REC_SET(r, nic, mtu_bytes, 9000);
        REC_SET(r, nic, admin_up, true);
        REC_SET(r, nic, carrier, true);
        REC_SET(r, nic, operstate, "up");
        REC_SET(r, nic, speed_mbps, 25000);
        REC_SET(r, nic, duplex, "full");
        REC_SET(r, nic, autoneg, true);
        REC_SET(r, nic, port, "da");
        REC_SET(r, nic, driver, "mlx5_core");
        REC_SET(r, nic, driver_version, "6.1.0-28-amd64");
        REC_SET(r, nic, firmware, "16.35.2000 (MT_0000000080)");
        REC_SET(r, nic, bus_address, arena_printf(a, "0000:3b:00.%u", i));
        REC_SET(r, nic, pci_address, r->bus_address);
        REC_SET(r, nic, numa_node, 0);
        REC_SET(r, nic, master, arena_printf(a, "bond%u", i / 2));
        REC_SET(r, nic, bond_state, "active");
        REC_SET(r, nic, bond_mii_status, "up");
        REC_SET(r, nic, paths_active, 1);
        REC_SET(r, nic, paths_total, 1);
        REC_SET(r, nic, rx_bytes, UINT64_C(123456789012) + i);
        REC_SET(r, nic, rx_packets, UINT64_C(987654321) + i);
        REC_SET(r, nic, tx_bytes, UINT64_C(223456789012) + i);
        REC_SET(r, nic, tx_packets, UINT64_C(887654321) + i);
    }
}

static void fill_vlans(struct vlan *rows, unsigned n, struct arena *a)
{
    for (unsigned i = 0; i < n; i++) {
        struct vlan *r = &rows[i];

        REC_SET(r, vlan, name, arena_printf(a, "bond%u.%04u", i % 4, i));
        REC_SET(r, vlan, ifindex, i + 100);
        REC_SET(r, vlan, link, arena_printf(a, "bond%u", i % 4));
        REC_SET(r, vlan, base_link, r->link);
        REC_SET(r, vlan, tags, arena_printf(a, "%u", i));
        REC_SET(r, vlan, vlan_id, i);
        REC_SET(r, vlan, protocol, "802.1Q");
        REC_SET(r, vlan, mac, "02:4d:00:00:00:00");
        REC_SET(r, vlan, mtu_bytes, 9000);
        REC_SET(r, vlan, admin_up, true);
        REC_SET(r, vlan, carrier, true);
        REC_SET(r, vlan, operstate, "up");
        REC_SET(r, vlan, master, arena_printf(a, "xenbr%u", i));
        REC_SET(r, vlan, paths_active, 2);
        REC_SET(r, vlan, paths_total, 2);
    }
}

static void fill_neighbours(struct lldp *rows, unsigned n, struct arena *a)
{
    static const char *const tags[] = { "100", "101", "102", "200", "201", "4000" };

    for (unsigned i = 0; i < n; i++) {
        struct lldp *r = &rows[i];

        REC_SET(r, lldp, interface, arena_printf(a, "enp59s0f%u", i % 8));
        REC_SET(r, lldp, chassis_id, arena_printf(a, "mac 00:1c:73:00:%02x:01", i));
        REC_SET(r, lldp, port_id, arena_printf(a, "ifname Ethernet%u/1", i));
        REC_SET(r, lldp, key, arena_printf(a, "%s/%s/%s", r->interface, r->chassis_id, r->port_id));
        REC_SET(r, lldp, chassis_name, arena_printf(a, "leaf%02u.example.net", i));
        REC_SET(r, lldp, chassis_descr, "Network operating system version 4.28.3M on a 7050");
        REC_SET(r, lldp, ttl_s, 120);
        REC_SET(r, lldp, pvid, 1);
        REC_SET(r, lldp, vlans, ((struct strs){ .v = tags, .n = ARRAY_LEN(tags) }));
    }
}

/* An envelope with one report, encoded. */
static void make_message(const struct shape *s, struct arena *a, struct buf *out)
{
    struct section sections[] = {
        { .id = SECTION_NICS, .status = SECTION_OK, .row_count = s->nics },
        { .id = SECTION_VLANS, .status = SECTION_OK, .row_count = s->vlans },
        { .id = SECTION_LLDP, .status = SECTION_OK, .row_count = s->neighbours },
    };
    struct section_body bodies[ARRAY_LEN(sections)];
    struct report report = { 0 };
    struct envelope env = { 0 };
    struct err e = { "" };

    for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
        struct section *x = &sections[i];

        x->rows = arena_array(a, x->row_count, section_descs[x->id].row->size);
        need(x->rows != NULL, "out of memory");
    }
    fill_nics(sections[0].rows, s->nics, a);
    fill_vlans(sections[1].rows, s->vlans, a);
    fill_neighbours(sections[2].rows, s->neighbours, a);
    for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
        need(section_normalise(&sections[i], a, &e) == 0, e.text);
        section_to_body(&sections[i], &bodies[i]);
    }
    REC_SET(&report, report, sections, ((struct recs){ .v = bodies, .n = ARRAY_LEN(sections) }));
    REC_SET(&env, envelope, version, PROTOCOL_VERSION);
    REC_SET(&env, envelope, seq, 1);
    REC_SET(&env, envelope, report, &report);
    need(wire_encode(&envelope_desc, &env, out, &e) == 0, e.text);
}

static void *arena_for_pb(void *a, size_t n)
{
    return arena_alloc(a, n);
}

static void free_for_pb(void *a, void *p)
{
    (void)a;
    (void)p;
}

struct work {
    const struct buf *message;
    struct arena *arena;
    struct buf out;
    const Muster__Envelope *unpacked; /* what the pack side packs */
    const struct envelope *decoded;   /* what the encode side encodes */
};

static void bare_unpack(struct work *w)
{
    ProtobufCAllocator al = { arena_for_pb, free_for_pb, w->arena };

    arena_reset(w->arena);
    need(muster__envelope__unpack(&al, w->message->n, w->message->p) != NULL, "unpack");
}

static void our_decode(struct work *w)
{
    struct envelope *env;
    struct err e = { "" };

    arena_reset(w->arena);
    need(wire_decode_envelope(w->message->p, w->message->n, w->arena, &env, &e) == 0, e.text);
}

/* What the coordinator's decoder threads do with a report. */
static void our_sections(struct work *w)
{
    struct envelope *env;
    struct section s;
    struct err e = { "" };

    arena_reset(w->arena);
    need(wire_decode_envelope(w->message->p, w->message->n, w->arena, &env, &e) == 0, e.text);
    for (size_t i = 0; i < env->report->sections.n; i++) {
        const struct section_body *b = env->report->sections.v;

        need(section_from_body(&b[i], w->arena, &s, &e) == 0, e.text);
    }
}

static void bare_pack(struct work *w)
{
    buf_reset(&w->out);
    need(buf_reserve(&w->out, muster__envelope__get_packed_size(w->unpacked)), "out of memory");
    w->out.n = muster__envelope__pack(w->unpacked, w->out.p);
}

static void our_encode(struct work *w)
{
    struct err e = { "" };

    buf_reset(&w->out);
    need(wire_encode(&envelope_desc, w->decoded, &w->out, &e) == 0, e.text);
}

static double time_one(void (*f)(struct work *), struct work *w, unsigned times)
{
    uint64_t t = now_ns();

    for (unsigned i = 0; i < times; i++)
        f(w);
    return (double)(now_ns() - t) / times / 1000.0;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *v)
{
    qsort(v, ROUNDS, sizeof *v, by_value);
    return v[ROUNDS / 2];
}

static void compare(const char *what, void (*limit)(struct work *), void (*ours)(struct work *),
                    struct work *w, double target)
{
    double a[ROUNDS], b[ROUNDS], ratio[ROUNDS];
    unsigned times;

    time_one(limit, w, 20);
    times = (unsigned)(ROUND_US / time_one(ours, w, 20)) + 1;
    for (int i = 0; i < ROUNDS; i++) {
        a[i] = time_one(limit, w, times);
        b[i] = time_one(ours, w, times);
        ratio[i] = b[i] / a[i];
    }
    printf("  %-22s limit %8.1f us   ours %8.1f us   ratio %.2f", what, median(a), median(b),
           median(ratio));
    if (target > 0)
        printf("   (target <= %.2f)", target);
    printf("\n");
}

static void run(const struct shape *s)
{
    struct arena *a = arena_new(0), *keep = arena_new(0), *scratch = arena_new(0);
    ProtobufCAllocator al = { arena_for_pb, free_for_pb, keep };
    struct buf message = { 0 };
    struct work w = { .message = &message, .arena = scratch };
    struct envelope *env;
    struct err e = { "" };

    need(a != NULL && keep != NULL && scratch != NULL, "out of memory");
    make_message(s, a, &message);
    printf("%s: %zu bytes\n", s->name, message.n);
    need(wire_decode_envelope(message.p, message.n, keep, &env, &e) == 0, e.text);
    w.decoded = env;
    w.unpacked = muster__envelope__unpack(&al, message.n, message.p);
    need(w.unpacked != NULL, "unpack");
    compare("decode", bare_unpack, our_decode, &w, 1.5);
    compare("decode and normalise", bare_unpack, our_sections, &w, 0);
    compare("encode", bare_pack, our_encode, &w, 0);
    our_decode(&w);
    printf("  decoded it takes %zu bytes of memory\n", arena_used(scratch));
    buf_deinit(&message);
    buf_deinit(&w.out);
    arena_free(a);
    arena_free(keep);
    arena_free(scratch);
}

int main(void)
{
    /* Else both sides are measured on how often the C library gives pages back and asks for them.
     */
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
    mallopt(M_MMAP_THRESHOLD, 16 << 20);
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
        run(&shapes[i]);
    return 0;
}
