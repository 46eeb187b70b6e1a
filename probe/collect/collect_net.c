/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads what the sections nics, bonds, vlans and bridges are made of. The links come from one
 * consistent dump; ethtool and sysfs add to links that are in it and never make one. */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collect/read.h"

#define ATTRIBUTE_MAX 4096 /* sysfs gives a page at most */

static struct bytes read_attribute(const struct collect_request *req, struct arena *a,
                                   const char *name, const char *attribute)
{
    char path[READ_PATH_MAX];

    if (!read_path(req, path, "/sys/class/net/%s/%s", name, attribute))
        return (struct bytes){ NULL, 0 };
    return read_file(a, path, ATTRIBUTE_MAX, NULL);
}

static struct bytes read_link_path(const struct collect_request *req, struct arena *a,
                                   const char *name, const char *link)
{
    char path[READ_PATH_MAX];

    if (!read_path(req, path, "/sys/class/net/%s/%s", name, link))
        return (struct bytes){ NULL, 0 };
    return read_real_path(a, path);
}

/* What the PCI function below the device tells; a virtio NIC's own directory does not have it. */
static void read_pci(struct arena *a, struct net_facts *f)
{
    static const char *const names[] = { "numa_node", "sriov_totalvfs", "sriov_numvfs" };
    struct bytes *to[] = { &f->numa_node, &f->sriov_total, &f->sriov_configured };
    struct bytes dir = pci_directory(f->device);
    char path[READ_PATH_MAX];

    if (dir.n == 0)
        dir = f->device;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        int n = snprintf(path, sizeof path, "%.*s/%s", (int)dir.n, (const char *)dir.p, names[i]);

        if (n > 0 && (size_t)n < sizeof path)
            *to[i] = read_file(a, path, ATTRIBUTE_MAX, NULL);
    }
}

static struct bytes ask_driver(struct arena *a, int s, const char *name)
{
    struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
    struct ifreq ifr = { .ifr_data = (void *)&info };
    struct bytes out = { NULL, 0 };

    if (s < 0 || strlen(name) >= sizeof ifr.ifr_name)
        return out;
    memcpy(ifr.ifr_name, name, strlen(name) + 1);
    if (ioctl(s, SIOCETHTOOL, &ifr) == 0) {
        out.p = arena_memdup(a, &info, sizeof info);
        out.n = out.p == NULL ? 0 : sizeof info;
    }
    return out;
}

static void read_facts(const struct collect_request *req, struct arena *a, int s,
                       const struct link *l, struct net_facts *f)
{
    struct bytes bus;

    f->index = l->index;
    f->sys_index = read_attribute(req, a, l->name, "ifindex");
    f->sys_address = read_attribute(req, a, l->name, "address");
    f->assign_type = read_attribute(req, a, l->name, "addr_assign_type");
    f->device = read_link_path(req, a, l->name, "device");
    if (f->device.n > 0) {
        bus = read_link_path(req, a, l->name, "device/subsystem");
        while (bytes_word(&bus, "/", &f->bus))
            continue;
        f->virtual_function = read_link_path(req, a, l->name, "device/physfn").n > 0;
        read_pci(a, f);
    }
    f->drvinfo = ask_driver(a, s, l->name);
}

int read_net_facts(const struct collect_request *req, bool with_drivers, struct arena *a,
                   struct net_input *out, struct err *e)
{
    struct net_facts *facts = arena_array(a, out->links.n, sizeof *facts);
    int s = with_drivers ? socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;

    if (facts == NULL) {
        if (s >= 0)
            close(s);
        return err_set(e, -ENOMEM, "out of memory while reading links");
    }
    for (size_t i = 0; i < out->links.n; i++) {
        if (net_wants_facts(&out->links.v[i], out->interfaces))
            read_facts(req, a, s, &out->links.v[i], &facts[out->fact_count++]);
    }
    out->facts = facts;
    if (s >= 0)
        close(s);
    return 0;
}

/* A kernel without ethtool netlink, or with a driver that answers badly, costs only these fields.
 */
static int read_ethtool_table(struct arena *a, struct net_input *out)
{
    uint32_t *indexes = arena_array(a, out->links.n, sizeof *indexes);
    struct buf b = { 0 };
    size_t n = 0;
    int rc = -ENOMEM;

    for (size_t i = 0; i < out->links.n && indexes != NULL; i++) {
        const struct link *l = &out->links.v[i];

        if (l->kind == LINK_BOND || net_wants_facts(l, out->interfaces))
            indexes[n++] = l->index;
    }
    if (indexes != NULL)
        rc = read_ethtool(indexes, n, &b, NULL);
    if (rc == 0)
        rc = parse_ethtool((struct bytes){ b.p, b.n }, a, &out->ethtool, NULL);
    buf_deinit(&b);
    return rc == -ENOMEM ? rc : 0;
}

int read_net(const struct collect_request *req, bool with_drivers, struct arena *a,
             struct net_input *out, struct err *e)
{
    struct buf b = { 0 };
    int rc;

    *out = (struct net_input){ .interfaces = req->interfaces };
    rc = read_links(&b, e);
    if (rc == 0)
        rc = parse_links((struct bytes){ b.p, b.n }, a, &out->links, e);
    if (rc == 0 && with_drivers && read_ethtool_table(a, out) < 0)
        rc = err_set(e, -ENOMEM, "out of memory while reading link modes");
    if (rc == 0)
        rc = read_net_facts(req, with_drivers, a, out, e);
    buf_deinit(&b);
    return rc;
}

int collect_net(const struct collect_request *req, struct arena *a, struct section *out,
                size_t *count, struct err *e)
{
    struct net_input in;
    struct net_rows rows;
    int rc = read_net(req, true, a, &in, e);

    if (rc == 0)
        rc = parse_net(&in, a, &rows, e);
    if (rc < 0)
        return rc;
    out[0] = (struct section){ .id = SECTION_NICS, .rows = rows.nics, .row_count = rows.nic_count };
    out[1] =
        (struct section){ .id = SECTION_BONDS, .rows = rows.bonds, .row_count = rows.bond_count };
    out[2] =
        (struct section){ .id = SECTION_VLANS, .rows = rows.vlans, .row_count = rows.vlan_count };
    out[3] = (struct section){ .id = SECTION_BRIDGES,
                               .rows = rows.bridges,
                               .row_count = rows.bridge_count };
    for (*count = 0; *count < 4; (*count)++)
        out[*count].status = SECTION_OK;
    return 0;
}
