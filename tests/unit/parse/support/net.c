/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "support/net.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "collect/read.h"

static void must(int rc, const struct err *e)
{
    if (rc < 0) {
        fprintf(stderr, "%s\n", e->text);
        abort();
    }
}

static struct strs list_of(const char *const *v)
{
    struct strs list = { v, 0 };

    while (v != NULL && v[list.n] != NULL)
        list.n++;
    return list;
}

struct net_rows rows_from_ip(struct arena *a, struct bytes json, const char *const *interfaces,
                             const struct net_facts *facts, size_t fact_count)
{
    struct net_input in = { .facts = facts, .fact_count = fact_count };
    char *text = arena_strndup(a, (const char *)json.p, json.n);
    struct buf messages = { 0 };
    struct net_rows rows;
    struct err e;

    for (char *p = text; *p != '\0'; p++)
        *p = *p == '\'' ? '"' : *p;
    in.interfaces = list_of(interfaces);
    netlink_from_ip_json(bytes_of(text), &messages);
    must(parse_links((struct bytes){ messages.p, messages.n }, a, &in.links, &e), &e);
    must(parse_net(&in, a, &rows, &e), &e);
    buf_deinit(&messages);
    return rows;
}

/* The driver's answers were captured into a file for each link. */
static void add_drivers(struct arena *a, const char *name, struct net_input *in,
                        struct net_facts *facts)
{
    for (size_t i = 0; i < in->fact_count; i++) {
        const struct link *l = link_by_index(&in->links, (struct opt){ true, facts[i].index });
        const char *file = arena_printf(a, "%s/%s.drvinfo.bin", name, l->name);

        if (access(arena_printf(a, "%s/captures/%s", TEST_DATA, file), R_OK) == 0)
            facts[i].drvinfo = capture(a, file);
    }
}

struct net_rows rows_from_capture(struct arena *a, const char *name, const char *const *interfaces)
{
    struct collect_request req = { .sys_root = arena_printf(a, "%s/captures/%s", TEST_DATA, name) };
    struct net_input in = { .interfaces = list_of(interfaces) };
    struct net_facts *facts;
    struct net_rows rows;
    struct err e;

    must(parse_links(capture(a, arena_printf(a, "%s/links.bin", name)), a, &in.links, &e), &e);
    must(parse_ethtool(capture(a, arena_printf(a, "%s/ethtool.bin", name)), a, &in.ethtool, &e),
         &e);
    must(read_net_facts(&req, false, a, &in, &e), &e);
    facts = arena_memdup(a, in.facts, in.fact_count * sizeof *facts);
    add_drivers(a, name, &in, facts);
    in.facts = facts;
    must(parse_net(&in, a, &rows, &e), &e);
    return rows;
}

static void only_links(const struct net_rows *rows)
{
    for (size_t i = 0; i < rows->nic_count; i++) {
        struct nic *n = &rows->nics[i];

        REC_CLEAR(n, nic, speed_mbps);
        REC_CLEAR(n, nic, duplex);
        REC_CLEAR(n, nic, autoneg);
        REC_CLEAR(n, nic, port);
        REC_CLEAR(n, nic, driver);
        REC_CLEAR(n, nic, driver_version);
        REC_CLEAR(n, nic, firmware);
        REC_CLEAR(n, nic, pci_address);
        REC_CLEAR(n, nic, numa_node);
        REC_CLEAR(n, nic, carrier_changes);
        for (uint32_t f = nic_rx_bytes; f <= nic_tx_dropped; f++)
            n->present &= ~(UINT64_C(1) << f);
    }
    for (size_t i = 0; i < rows->bond_count; i++)
        REC_CLEAR(&rows->bonds[i], bond, speed_mbps);
}

const char *net_json(struct arena *a, const struct net_rows *rows, bool links_only)
{
    struct section sections[] = {
        { .id = SECTION_NICS, .rows = rows->nics, .row_count = rows->nic_count },
        { .id = SECTION_BONDS, .rows = rows->bonds, .row_count = rows->bond_count },
        { .id = SECTION_VLANS, .rows = rows->vlans, .row_count = rows->vlan_count },
        { .id = SECTION_BRIDGES, .rows = rows->bridges, .row_count = rows->bridge_count },
    };
    struct buf out = { 0 };
    const char *text;
    struct err e;

    if (links_only)
        only_links(rows);
    for (size_t i = 0; i < ARRAY_LEN(sections); i++)
        sections[i].status = SECTION_OK;
    must(sections_json(sections, ARRAY_LEN(sections), a, &out, &e), &e);
    text = arena_strdup(a, buf_cstr(&out));
    buf_deinit(&out);
    return text;
}

#define DEFINE_FIND(type, list, count)                                            \
    const struct type *find_##type(const struct net_rows *rows, const char *name) \
    {                                                                             \
        for (size_t i = 0; i < rows->count; i++) {                                \
            if (strcmp(rows->list[i].name, name) == 0)                            \
                return &rows->list[i];                                            \
        }                                                                         \
        return NULL;                                                              \
    }

DEFINE_FIND(nic, nics, nic_count)
DEFINE_FIND(bond, bonds, bond_count)
DEFINE_FIND(vlan, vlans, vlan_count)
DEFINE_FIND(bridge, bridges, bridge_count)
