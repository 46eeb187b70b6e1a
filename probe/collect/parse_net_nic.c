/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A NIC's row. */
#include "collect/parse_net_rows.h"

#define ADDRESS_PERMANENT 0 /* NET_ADDR_PERM of linux/netdevice.h */

static bool hex_run(struct bytes b, size_t *at, size_t least, size_t most)
{
    size_t n = 0;

    while (n < most && *at < b.n && bytes_number((struct bytes){ b.p + *at, 1 }, 16).has) {
        (*at)++;
        n++;
    }
    return n >= least;
}

static bool take_char(struct bytes b, size_t *at, char c)
{
    return *at < b.n && b.p[*at] == (uint8_t)c && ++*at > 0;
}

/* "0000:03:00.1"; domains of some host bridges have more than four digits. */
static bool is_pci_address(struct bytes b)
{
    size_t at = 0;

    return hex_run(b, &at, 4, 8) && take_char(b, &at, ':') && hex_run(b, &at, 2, 2) &&
           take_char(b, &at, ':') && hex_run(b, &at, 2, 2) && take_char(b, &at, '.') &&
           hex_run(b, &at, 1, 1) && at == b.n;
}

struct bytes pci_directory(struct bytes device_path)
{
    struct bytes rest = device_path, part;
    size_t end = 0;

    while (bytes_word(&rest, "/", &part)) {
        if (is_pci_address(part))
            end = (size_t)(part.p + part.n - device_path.p);
    }
    return (struct bytes){ device_path.p, end };
}

static struct bytes last_part(struct bytes path)
{
    struct bytes part = { NULL, 0 };

    while (bytes_word(&path, "/", &part))
        continue;
    return part;
}

static void address_fields(struct net_build *b, const struct link *l, const struct net_facts *f,
                           struct nic *nic)
{
    struct opt assigned = bytes_number(f->assign_type, 10);
    const char *permanent = rows_hwaddr(&b->r, &l->permanent);

    if (permanent == NULL)
        permanent = rows_hwaddr(&b->r, &l->slave.permanent);
    if (permanent == NULL && assigned.has && assigned.v == ADDRESS_PERMANENT)
        permanent = rows_hwaddr(&b->r, &l->address);
    ROW_TEXT(nic, nic, mac, rows_hwaddr(&b->r, &l->address));
    ROW_TEXT(nic, nic, permanent_mac, permanent);
}

static void state_fields(const struct link *l, struct nic *nic)
{
    ROW_U64(nic, nic, mtu_bytes, l->mtu);
    REC_SET(nic, nic, admin_up, link_is_up(l));
    if (link_is_up(l))
        REC_SET(nic, nic, carrier, link_carries(l));
    ROW_TEXT(nic, nic, operstate, link_operstate_name(l->operstate));
    ROW_U64(nic, nic, carrier_changes, l->carrier_changes);
    REC_SET(nic, nic, paths_active, link_carries(l));
    REC_SET(nic, nic, paths_total, 1);
}

static void ethtool_fields(const struct net_build *b, const struct link *l, struct nic *nic)
{
    const struct ethtool_link *e = ethtool_by_index(&b->in->ethtool, l->index);

    if (e == NULL)
        return;
    ROW_U64(nic, nic, speed_mbps, e->speed_mbps);
    ROW_TEXT(nic, nic, duplex, ethtool_duplex_name(e->duplex));
    ROW_BOOL(nic, nic, autoneg, e->autoneg);
    ROW_TEXT(nic, nic, port, ethtool_port_name(e->port));
}

static void device_fields(struct net_build *b, const struct link *l, const struct net_facts *f,
                          struct nic *nic)
{
    struct bytes pci = last_part(pci_directory(f->device));
    struct driver_info driver;

    parse_driver_info(&b->r, f->drvinfo, &driver);
    ROW_TEXT(nic, nic, driver, driver.driver);
    ROW_TEXT(nic, nic, driver_version, driver.version);
    ROW_TEXT(nic, nic, firmware, driver.firmware);
    ROW_TEXT(nic, nic, bus_address,
             l->parent_dev != NULL ? l->parent_dev : rows_text(&b->r, last_part(f->device)));
    if (pci.n == 0 && is_pci_address(bytes_of(l->parent_dev)))
        pci = bytes_of(l->parent_dev);
    if (pci.n == 0 && is_pci_address(bytes_of(driver.bus_info)))
        pci = bytes_of(driver.bus_info);
    ROW_TEXT(nic, nic, pci_address, rows_text(&b->r, pci));
    ROW_U64(nic, nic, sriov_total, bytes_number(f->sriov_total, 10));
    ROW_U64(nic, nic, sriov_configured, bytes_number(f->sriov_configured, 10));
    /* "-1" is no number here, which is what it means. */
    struct opt node = bytes_number(f->numa_node, 10);
    if (node.has && node.v <= INT32_MAX)
        REC_SET(nic, nic, numa_node, (int64_t)node.v);
}

static void slave_fields(const struct net_build *b, const struct link *l, struct nic *nic)
{
    const struct link *master = link_by_index(&b->in->links, l->master);

    if (master != NULL)
        ROW_TEXT(nic, nic, master, master->name);
    if (!l->slave.has)
        return;
    ROW_TEXT(nic, nic, bond_state, bond_slave_state_name(l->slave.state));
    ROW_TEXT(nic, nic, bond_mii_status, bond_mii_name(l->slave.mii_status));
    ROW_U64(nic, nic, bond_aggregator_id, l->slave.aggregator);
    ROW_U64(nic, nic, bond_link_failures, l->slave.failures);
}

static void counter_fields(const struct link *l, struct nic *nic)
{
    const struct link_stats *s = &l->stats;

    ROW_U64(nic, nic, rx_bytes, ((struct opt){ s->has, s->rx_bytes }));
    ROW_U64(nic, nic, rx_packets, ((struct opt){ s->has, s->rx_packets }));
    ROW_U64(nic, nic, rx_errors, ((struct opt){ s->has, s->rx_errors }));
    ROW_U64(nic, nic, rx_dropped, ((struct opt){ s->has, s->rx_dropped }));
    ROW_U64(nic, nic, tx_bytes, ((struct opt){ s->has, s->tx_bytes }));
    ROW_U64(nic, nic, tx_packets, ((struct opt){ s->has, s->tx_packets }));
    ROW_U64(nic, nic, tx_errors, ((struct opt){ s->has, s->tx_errors }));
    ROW_U64(nic, nic, tx_dropped, ((struct opt){ s->has, s->tx_dropped }));
}

void net_nic_row(struct net_build *b, const struct link *l, const struct net_facts *f,
                 struct nic *nic)
{
    const char *kind = l->kind_name == NULL ? "virtual" : l->kind_name;

    REC_SET(nic, nic, name, l->name);
    REC_SET(nic, nic, ifindex, l->index);
    REC_SET(nic, nic, kind, net_role(b, l) == ROLE_PHYSICAL ? "physical" : kind);
    address_fields(b, l, f, nic);
    state_fields(l, nic);
    ethtool_fields(b, l, nic);
    device_fields(b, l, f, nic);
    slave_fields(b, l, nic);
    counter_fields(l, nic);
    ROW_TEXT(nic, nic, alias, l->alias);
    if (l->altnames.n > 0)
        REC_SET(nic, nic, altnames, l->altnames);
}
