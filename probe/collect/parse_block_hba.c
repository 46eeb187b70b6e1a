/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows of hbas: SCSI hosts, NVMe controllers, and virtio devices that are disks. */
#include <stdlib.h>

#include "collect/parse_block_rows.h"
#include "collect/parse_net.h"

/* The first of several attributes that says something: drivers name the same thing differently. */
static const char *first_known(struct block_build *b, const char *dir, const char *const *names,
                               size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *text = block_known(block_text(b, dir, names[i]));

        if (text != NULL)
            return text;
    }
    return NULL;
}

/* FCoE's hosts are below the network interface: ".../net/eth0/ctlr_0/host1". */
static const char *fcoe_interface(struct block_build *b, const char *host_dir)
{
    size_t end = 0;
    const char *controller = block_part(b, host_dir, "ctlr_", &end);
    const char *net, *name;

    if (controller == NULL)
        return NULL;
    name = block_cut(b, host_dir, end - strlen(controller) - 1);
    net = name == NULL ? NULL : strstr(name, "/net/");
    return net == NULL ? NULL : rows_text(&b->r, bytes_of(net + strlen("/net/")));
}

const char *block_scsi_transport(struct block_build *b, const char *host, const char *host_dir)
{
    const char *proc = block_text(b, block_class(b, "scsi_host", host), "proc_name");

    if (block_class(b, "fc_host", host) != NULL)
        return fcoe_interface(b, host_dir) != NULL || (proc != NULL && strcmp(proc, "fcoe") == 0)
                   ? "fcoe"
                   : "fc";
    if (block_class(b, "iscsi_host", host) != NULL)
        return "iscsi";
    if (block_class(b, "sas_host", host) != NULL)
        return "sas";
    if (block_part(b, host_dir, "ata", NULL) != NULL)
        return "ata";
    if (block_part(b, host_dir, "usb", NULL) != NULL)
        return "usb";
    if (block_part(b, host_dir, "virtio", NULL) != NULL)
        return "virtio";
    return "scsi";
}

const char *block_nvme_transport(struct block_build *b, const char *controller_dir)
{
    const char *transport = block_text(b, controller_dir, "transport");

    if (transport == NULL || strcmp(transport, "pcie") == 0)
        return "nvme";
    return rows_printf(&b->r, "nvme-%s", transport);
}

/* Of iSCSI the host often does not know its name; its sessions do. */
static const char *iscsi_initiator(struct block_build *b, const char *host, const char *host_dir)
{
    const char *name = block_text(b, block_class(b, "iscsi_host", host), "initiatorname");
    const char *prefix = rows_printf(&b->r, "%s/session", host_dir);
    struct tree sessions = tree_children(b->t, "/sys/class/iscsi_session");

    name = block_known(name);
    for (size_t i = 0; i < sessions.n && name == NULL && prefix != NULL; i++) {
        const char *dir = (const char *)sessions.v[i].data;

        if (sessions.v[i].kind == TREE_LINK && strncmp(dir, prefix, strlen(prefix)) == 0)
            name = block_known(block_text(b, dir, "initiatorname"));
    }
    return name;
}

static const char *sas_address(struct block_build *b, const char *host)
{
    const char *address = block_text(b, block_class(b, "scsi_host", host), "host_sas_address");
    const char *phy = rows_printf(&b->r, "phy-%s:0", host + strlen("host"));

    return address != NULL ? address : block_text(b, block_class(b, "sas_phy", phy), "sas_address");
}

const char *block_scsi_port_name(struct block_build *b, const char *host, const char *host_dir)
{
    const char *fc = block_class(b, "fc_host", host);

    if (fc != NULL)
        return block_text(b, fc, "port_name");
    if (block_class(b, "iscsi_host", host) != NULL)
        return iscsi_initiator(b, host, host_dir);
    if (block_class(b, "sas_host", host) != NULL)
        return sas_address(b, host);
    return NULL;
}

/* PCI function, NUMA node and driver of what is at or above `dir`. */
static void place(struct block_build *b, const char *dir, struct hba *row)
{
    struct bytes pci = pci_directory(bytes_of(dir));
    const char *pci_dir = pci.n == 0 ? NULL : block_cut(b, dir, pci.n);
    const char *driver = tree_link(b->t, dir, "driver");
    struct opt node;

    if (driver == NULL && pci_dir != NULL)
        driver = tree_link(b->t, pci_dir, "driver");
    if (!REC_HAS(row, hba, driver) && driver != NULL)
        ROW_TEXT(row, hba, driver, rows_text(&b->r, bytes_of(block_base(driver))));
    if (pci_dir == NULL)
        return;
    ROW_TEXT(row, hba, pci_address, rows_text(&b->r, bytes_of(block_base(pci_dir))));
    node = block_number(b, pci_dir, "numa_node");
    if (node.has && node.v <= INT64_MAX)
        REC_SET(row, hba, numa_node, (int64_t)node.v);
}

static void fc_row(struct block_build *b, const char *dir, struct hba *row)
{
    const char *fabric = block_known(block_text(b, dir, "fabric_name"));

    if (fabric != NULL && bytes_number(bytes_of(fabric), 16).v != 0)
        ROW_TEXT(row, hba, fabric_name, fabric);
    ROW_TEXT(row, hba, node_name, block_text(b, dir, "node_name"));
    ROW_TEXT(row, hba, port_id, block_text(b, dir, "port_id"));
    ROW_TEXT(row, hba, port_type, block_known(block_text(b, dir, "port_type")));
    ROW_TEXT(row, hba, port_state, block_text(b, dir, "port_state"));
    ROW_TEXT(row, hba, speed, block_known(block_text(b, dir, "speed")));
    ROW_TEXT(row, hba, supported_speeds, block_known(block_text(b, dir, "supported_speeds")));
    ROW_TEXT(row, hba, symbolic_name, block_text(b, dir, "symbolic_name"));
}

/* lpfc, qla2xxx and mpt3sas have other names for these; newer kernels have them in fc_host. */
static void scsi_names(struct block_build *b, const char *dir, const char *fc, struct hba *row)
{
    static const char *const models[] = { "model_name", "modelname", "board_name", "model" };
    static const char *const serials[] = { "serial_num", "serialnum", "serial_number" };
    static const char *const firmwares[] = { "fw_version", "fwrev", "version_fw",
                                             "firmware_version" };
    const char *model = first_known(b, dir, models, ARRAY_LEN(models));
    const char *serial = first_known(b, dir, serials, ARRAY_LEN(serials));
    const char *firmware = first_known(b, dir, firmwares, ARRAY_LEN(firmwares));

    if (model == NULL)
        model = first_known(b, fc, models, ARRAY_LEN(models));
    if (serial == NULL)
        serial = first_known(b, fc, serials, ARRAY_LEN(serials));
    if (firmware == NULL)
        firmware = first_known(b, fc, firmwares, ARRAY_LEN(firmwares));
    ROW_TEXT(row, hba, model, model);
    ROW_TEXT(row, hba, serial, serial);
    ROW_TEXT(row, hba, firmware, firmware);
}

static void scsi_row(struct block_build *b, const char *name, const char *class_dir,
                     struct hba *row)
{
    size_t end = 0;
    const char *host = block_part(b, class_dir, "host", NULL);
    const char *inner = strstr(class_dir, "/scsi_host/");
    const char *dir =
        inner == NULL ? class_dir : block_cut(b, class_dir, (size_t)(inner - class_dir));
    const char *fc = block_class(b, "fc_host", name), *iscsi = block_class(b, "iscsi_host", name);
    const char *interface, *virtio;

    if (host == NULL || dir == NULL)
        return;
    interface = fcoe_interface(b, dir);
    ROW_TEXT(row, hba, transport, block_scsi_transport(b, name, dir));
    ROW_TEXT(row, hba, driver, block_known(block_text(b, class_dir, "proc_name")));
    ROW_TEXT(row, hba, port_name, block_scsi_port_name(b, name, dir));
    scsi_names(b, class_dir, fc, row);
    if (fc != NULL)
        fc_row(b, fc, row);
    else
        ROW_TEXT(row, hba, port_state, block_text(b, class_dir, "state"));
    ROW_TEXT(row, hba, interface,
             interface != NULL ? interface : block_known(block_text(b, iscsi, "netdev")));
    ROW_TEXT(row, hba, address, block_known(block_text(b, iscsi, "ipaddress")));
    virtio = block_part(b, dir, "virtio", &end);
    place(b, virtio == NULL ? dir : block_cut(b, dir, end), row);
}

static void nvme_row(struct block_build *b, const char *name, const char *dir, struct hba *row)
{
    const char *transport = block_nvme_transport(b, dir);

    (void)name;
    ROW_TEXT(row, hba, transport, transport);
    ROW_TEXT(row, hba, model, block_text(b, dir, "model"));
    ROW_TEXT(row, hba, serial, block_text(b, dir, "serial"));
    ROW_TEXT(row, hba, firmware, block_text(b, dir, "firmware_rev"));
    ROW_TEXT(row, hba, port_name, block_known(block_text(b, dir, "hostnqn")));
    ROW_TEXT(row, hba, port_state, block_text(b, dir, "state"));
    ROW_TEXT(row, hba, subsystem, block_known(block_text(b, dir, "subsysnqn")));
    if (transport != NULL && strcmp(transport, "nvme") != 0)
        ROW_TEXT(row, hba, address, block_known(block_text(b, dir, "address")));
    place(b, dir, row);
}

static int compare_rows(const void *a, const void *b)
{
    return strcmp(((const struct hba *)a)->name, ((const struct hba *)b)->name);
}

static int compare_name(const void *key, const void *row)
{
    return strcmp(key, ((const struct hba *)row)->name);
}

/* One row for each member of a class. */
static void class_rows(struct block_build *b, const char *class_dir, const char *prefix,
                       void (*fill)(struct block_build *b, const char *name, const char *dir,
                                    struct hba *row),
                       struct block_rows *out)
{
    struct tree all = tree_children(b->t, class_dir);

    for (size_t i = 0; i < all.n; i++) {
        const char *name = block_part(b, all.v[i].name, prefix, NULL);
        struct hba *row = &out->hbas[out->hba_count];

        if (all.v[i].kind != TREE_LINK || name == NULL || strcmp(name, all.v[i].name) != 0)
            continue;
        name = rows_text(&b->r, bytes_of(name));
        if (name == NULL || strlen(name) > 64)
            continue;
        REC_SET(row, hba, name, name);
        fill(b, all.v[i].name, (const char *)all.v[i].data, row);
        out->hba_count++;
    }
}

/* A virtio disk is its own controller. */
static void virtio_rows(struct block_build *b, struct block_rows *out)
{
    for (size_t i = 0; i < b->path_count; i++) {
        struct block_path *p = &b->paths[i];
        struct hba *row = &out->hbas[out->hba_count];

        if (p->controller == NULL || p->device == NULL || !block_is_virtio(b, p->device) ||
            strcmp(p->controller, block_base(p->device)) != 0)
            continue;
        REC_SET(row, hba, name, p->controller);
        REC_SET(row, hba, transport, "virtio");
        place(b, p->device, row);
        out->hba_count++;
    }
}

static void count_paths(struct block_build *b, struct block_rows *out)
{
    for (size_t i = 0; i < out->hba_count; i++) {
        REC_SET(&out->hbas[i], hba, paths_active, 0);
        REC_SET(&out->hbas[i], hba, paths_total, 0);
    }
    for (size_t i = 0; i < b->path_count; i++) {
        struct block_path *p = &b->paths[i];
        struct hba *row = NULL;

        if (p->controller != NULL && out->hba_count > 0)
            row = bsearch(p->controller, out->hbas, out->hba_count, sizeof *row, compare_name);
        if (row == NULL)
            continue;
        row->paths_active += p->row.active;
        row->paths_total++;
    }
}

void block_hba_rows(struct block_build *b, struct block_rows *out)
{
    size_t room = tree_children(b->t, "/sys/class/scsi_host").n +
                  tree_children(b->t, "/sys/class/nvme").n + b->path_count;
    size_t unique = 0;

    out->hbas = rows_array(&b->r, room, sizeof *out->hbas);
    if (out->hbas == NULL)
        return;
    class_rows(b, "/sys/class/scsi_host", "host", scsi_row, out);
    class_rows(b, "/sys/class/nvme", "nvme", nvme_row, out);
    virtio_rows(b, out);
    if (out->hba_count > 1)
        qsort(out->hbas, out->hba_count, sizeof *out->hbas, compare_rows);
    for (size_t i = 0; i < out->hba_count; i++) {
        if (unique == 0 || strcmp(out->hbas[unique - 1].name, out->hbas[i].name) != 0)
            out->hbas[unique++] = out->hbas[i];
    }
    out->hba_count = unique;
    count_paths(b, out);
}
