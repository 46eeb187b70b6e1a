/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a path goes: transport, port of this host, port of the target, and how they are. */
#include <ctype.h>

#include "collect/parse_block_rows.h"

bool block_is_virtio(struct block_build *b, const char *device)
{
    const char *name = block_base(device);

    (void)b;
    return strncmp(name, "virtio", 6) == 0 && isdigit((unsigned char)name[6]);
}

static void fc_target(struct block_build *b, struct block_path *p)
{
    const char *rport = block_part(b, p->device, "rport-", NULL);
    const char *target = block_part(b, p->device, "target", NULL);
    const char *port_dir = block_class(b, "fc_remote_ports", rport);
    const char *dir = block_class(b, "fc_transport", target);

    if (dir == NULL)
        dir = port_dir;
    ROW_TEXT(&p->row, path, target, block_text(b, dir, "node_name"));
    ROW_TEXT(&p->row, path, target_port, block_text(b, dir, "port_name"));
    ROW_TEXT(&p->row, path, target_port_id, block_text(b, dir, "port_id"));
    ROW_TEXT(&p->row, path, target_port_state, block_text(b, port_dir, "port_state"));
}

/* The first connection of "session3": "connection3:0". */
static const char *connection_dir(struct block_build *b, const char *session)
{
    const char *prefix = rows_printf(&b->r, "connection%s:", session + strlen("session"));
    struct tree all = tree_children(b->t, "/sys/class/iscsi_connection");

    for (size_t i = 0; i < all.n && prefix != NULL; i++) {
        if (strncmp(all.v[i].name, prefix, strlen(prefix)) == 0 && all.v[i].kind == TREE_LINK)
            return (const char *)all.v[i].data;
    }
    return NULL;
}

static const char *portal(struct block_build *b, const char *connection)
{
    const char *address = block_known(block_text(b, connection, "address"));
    struct opt port = block_number(b, connection, "port");

    if (address == NULL) {
        address = block_known(block_text(b, connection, "persistent_address"));
        port = block_number(b, connection, "persistent_port");
    }
    if (address == NULL || !port.has || port.v > UINT16_MAX)
        return address;
    if (strchr(address, ':') != NULL && address[0] != '[')
        return rows_printf(&b->r, "[%s]:%u", address, (unsigned)port.v);
    return rows_printf(&b->r, "%s:%u", address, (unsigned)port.v);
}

/* Of a session only the named files are ever looked at: others hold CHAP secrets in clear. */
static void iscsi_target(struct block_build *b, struct block_path *p)
{
    const char *session = block_part(b, p->device, "session", NULL);
    const char *dir = block_class(b, "iscsi_session", session);

    if (session == NULL)
        return;
    ROW_TEXT(&p->row, path, target, block_known(block_text(b, dir, "targetname")));
    ROW_TEXT(&p->row, path, target_port_state, block_text(b, dir, "state"));
    ROW_U64(&p->row, path, portal_group, block_number(b, dir, "tpgt"));
    ROW_TEXT(&p->row, path, portal, portal(b, connection_dir(b, session)));
}

static void sas_target(struct block_build *b, struct block_path *p)
{
    const char *end_device = block_part(b, p->device, "end_device-", NULL);
    const char *address = block_text(b, block_class(b, "sas_device", end_device), "sas_address");

    if (address == NULL)
        address = block_text(b, p->device, "sas_address");
    ROW_TEXT(&p->row, path, target_port, address);
}

void block_scsi_target(struct block_build *b, struct block_path *p)
{
    size_t end = 0;
    const char *host = block_part(b, p->device, "host", &end);
    const char *host_dir = host == NULL ? NULL : block_cut(b, p->device, end);
    const char *transport = "scsi";

    if (host_dir != NULL)
        transport = block_scsi_transport(b, host, host_dir);
    p->controller = host == NULL ? NULL : rows_text(&b->r, bytes_of(host));
    ROW_TEXT(&p->row, path, transport, transport);
    if (host_dir != NULL)
        ROW_TEXT(&p->row, path, initiator_port, block_scsi_port_name(b, host, host_dir));
    if (strcmp(transport, "fc") == 0 || strcmp(transport, "fcoe") == 0)
        fc_target(b, p);
    else if (strcmp(transport, "iscsi") == 0)
        iscsi_target(b, p);
    else if (strcmp(transport, "sas") == 0)
        sas_target(b, p);
}

void block_nvme_target(struct block_build *b, struct block_path *p)
{
    size_t end = 0;
    size_t dir_bytes = strlen(p->dir) - strlen(block_base(p->dir));
    const char *above = block_cut(b, p->dir, dir_bytes == 0 ? 0 : dir_bytes - 1);
    const char *controller = above == NULL ? NULL : block_part(b, above, "nvme", &end);
    const char *dir = controller == NULL ? NULL : block_cut(b, above, end);
    struct opt nsid = block_number(b, p->dir, "nsid");

    if (dir == NULL)
        return;
    p->controller = rows_text(&b->r, bytes_of(controller));
    p->model = block_text(b, dir, "model");
    p->serial = block_text(b, dir, "serial");
    p->revision = block_text(b, dir, "firmware_rev");
    ROW_TEXT(&p->row, path, transport, block_nvme_transport(b, dir));
    ROW_TEXT(&p->row, path, state, block_text(b, dir, "state"));
    ROW_TEXT(&p->row, path, target, block_known(block_text(b, dir, "subsysnqn")));
    ROW_TEXT(&p->row, path, portal, block_known(block_text(b, dir, "address")));
    ROW_TEXT(&p->row, path, initiator_port, block_known(block_text(b, dir, "hostnqn")));
    if (nsid.has)
        ROW_TEXT(
            &p->row, path, address,
            rows_printf(&b->r, "%s:%llu", controller + strlen("nvme"), (unsigned long long)nsid.v));
}
