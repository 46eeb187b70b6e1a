/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sections of a node's inventory as text. */
#include "sections.h"

#include <inttypes.h>

#include "base/text.h"

enum { MOST_SHORT = 10 };

#define MOST_ROWS 24 /* of one section, unless all are asked for */
#define EXAMPLE   6  /* of more rows with which all is well */
#define GIB       1073741824.0

/* A cell made of two fields; of a flag. */
enum { SHIFT = 8, RATIO_OF = 1 << 16, JOIN_OF = 2 << 16, EITHER_OF = 3 << 16, WORD_OF = 4 << 16 };
#define RATIO(a, b)  ((int)(a) | (int)(b) << SHIFT | RATIO_OF)  /* "2/4" */
#define JOINED(a, b) ((int)(a) | (int)(b) << SHIFT | JOIN_OF)   /* "guests/data" */
#define EITHER(a, b) ((int)(a) | (int)(b) << SHIFT | EITHER_OF) /* the first that is there */
#define WORD(a)      ((int)(a) | WORD_OF)                       /* the flag's name, when it is up */

/* The fields that the short form shows, -1 ends; all of a singleton's would be too many. */
static const struct short_form {
    const char *title; /* of the section */
    int fields[MOST_SHORT];
    struct column columns[MOST_SHORT];
    int remark; /* a text that some rows have, as in fields; 0: none (it is no key) */
} short_forms[SECTION_COUNT] = {
    [SECTION_SYSTEM] = { .title = "system",
                         { system_vendor, system_product_name, system_product_serial, system_os,
                           system_kernel_release, system_xen_version, system_memory_total_bytes,
                           -1 },
                         { { NULL, 0 } } },
    [SECTION_CPU] = { .title = "processors",
                      { cpu_model_name, cpu_sockets, cpu_cores, cpu_threads, cpu_numa_nodes,
                        cpu_microcode, -1 },
                      { { NULL, 0 } } },
    [SECTION_NICS] = { .title = "NICs",
                       { nic_name, nic_operstate, nic_speed_mbps, nic_driver, nic_mac, nic_master,
                         -1 },
                       { { "NIC", COLUMN_CUT },
                         { "STATE", 0 },
                         { "SPEED", COLUMN_RIGHT },
                         { "DRIVER", COLUMN_CUT },
                         { "MAC", 0 },
                         { "PORT OF", COLUMN_CUT } } },
    [SECTION_BONDS] = { .title = "bonds",
                        { bond_name, bond_operstate, bond_mode, bond_slaves, bond_active_slave,
                          bond_master, -1 },
                        { { "BOND", COLUMN_CUT },
                          { "STATE", 0 },
                          { "MODE", 0 },
                          { "SLAVES", COLUMN_CUT },
                          { "ACTIVE", COLUMN_CUT },
                          { "PORT OF", COLUMN_CUT } } },
    [SECTION_VLANS] = { .title = "VLANs",
                        { vlan_name, vlan_operstate, vlan_base_link, vlan_tags, vlan_master, -1 },
                        { { "VLAN", COLUMN_CUT },
                          { "STATE", 0 },
                          { "ON", COLUMN_CUT },
                          { "TAGS", 0 },
                          { "PORT OF", COLUMN_CUT } } },
    [SECTION_BRIDGES] = { .title = "bridges",
                          { bridge_name, bridge_operstate, bridge_stp, bridge_ports, -1 },
                          { { "BRIDGE", COLUMN_CUT },
                            { "STATE", 0 },
                            { "STP", 0 },
                            { "HOST PORTS", COLUMN_WRAP } } },
    [SECTION_LLDP] = { .title = "LLDP neighbours",
                       { lldp_interface, lldp_chassis_name, lldp_port_id, lldp_port_descr, -1 },
                       { { "NIC", COLUMN_CUT },
                         { "SWITCH", COLUMN_CUT },
                         { "PORT", COLUMN_CUT },
                         { "DESCRIPTION", COLUMN_WRAP } } },
    [SECTION_HBAS] = { .title = "HBAs",
                       { hba_name, hba_transport, hba_port_state, hba_speed,
                         RATIO(hba_paths_active, hba_paths_total), hba_driver, hba_port_name, -1 },
                       { { "HBA", 0 },
                         { "TYPE", 0 },
                         { "STATE", 0 },
                         { "SPEED", 0 },
                         { "PATHS", 0 },
                         { "DRIVER", COLUMN_CUT },
                         { "PORT", COLUMN_CUT } } },
    [SECTION_LUNS] = { .title = "LUNs",
                       { lun_key, lun_size_bytes, lun_transport,
                         RATIO(lun_paths_active, lun_paths_total), lun_state,
                         EITHER(lun_map, lun_device), -1 },
                       { { "LUN", COLUMN_CUT },
                         { "GiB", COLUMN_RIGHT },
                         { "TYPE", 0 },
                         { "PATHS", 0 },
                         { "STATE", 0 },
                         { "MAP", COLUMN_CUT } },
                       EITHER(lun_state_text, lun_unread) },
    [SECTION_PATHS] = { .title = "paths",
                        { path_device, path_address, path_state, path_map_state, path_path_group,
                          path_lun, EITHER(path_target_port, path_portal), -1 },
                        { { "PATH", 0 },
                          { "ADDRESS", COLUMN_CUT },
                          { "STATE", 0 },
                          { "IN MAP", 0 },
                          { "GROUP", COLUMN_RIGHT },
                          { "LUN", COLUMN_CUT },
                          { "TARGET", COLUMN_CUT } } },
    [SECTION_PARTITIONS] = { .title = "partitions",
                             { EITHER(partition_device, partition_number), partition_size_bytes,
                               partition_table_type, partition_label, partition_container,
                               partition_holders, -1 },
                             { { "PART", COLUMN_CUT },
                               { "GiB", COLUMN_RIGHT },
                               { "TABLE", 0 },
                               { "LABEL", COLUMN_CUT },
                               { "ON", COLUMN_CUT },
                               { "UNDER", COLUMN_CUT } },
                             partition_unread },
    [SECTION_PVS] = { .title = "physical volumes",
                      { pv_uuid, pv_vg_name, pv_size_bytes, pv_free_bytes, pv_device,
                        WORD(pv_missing), WORD(pv_duplicate), -1 },
                      { { "PV", COLUMN_CUT },
                        { "VG", COLUMN_CUT },
                        { "GiB", COLUMN_RIGHT },
                        { "FREE", COLUMN_RIGHT },
                        { "DEVICE", 0 },
                        { "", 0 },
                        { "", 0 } } },
    [SECTION_VGS] = { .title = "volume groups",
                      { vg_name, vg_size_bytes, vg_free_bytes,
                        RATIO(vg_paths_active, vg_paths_total), vg_lvs, vg_seqno, WORD(vg_partial),
                        WORD(vg_exported), vg_uuid, -1 },
                      { { "VG", COLUMN_CUT },
                        { "GiB", COLUMN_RIGHT },
                        { "FREE", COLUMN_RIGHT },
                        { "PVS", 0 },
                        { "LVS", COLUMN_RIGHT },
                        { "VERSION", COLUMN_RIGHT },
                        { "", 0 },
                        { "", 0 },
                        { "UUID", COLUMN_CUT } } },
    [SECTION_LVS] = { .title = "logical volumes",
                      { JOINED(lv_vg_name, lv_name), lv_size_bytes, lv_type,
                        RATIO(lv_paths_active, lv_paths_total), lv_active, lv_open, lv_device,
                        lv_health, -1 },
                      { { "LV", COLUMN_CUT },
                        { "GiB", COLUMN_RIGHT },
                        { "TYPE", 0 },
                        { "PVS", 0 },
                        { "ACTIVE", 0 },
                        { "OPEN", 0 },
                        { "DEVICE", 0 },
                        { "HEALTH", 0 } } },
    [SECTION_FILESYSTEMS] = { .title = "filesystems",
                              { filesystem_uuid, filesystem_label, filesystem_type,
                                filesystem_size_bytes, filesystem_state, filesystem_device,
                                filesystem_container, -1 },
                              { { "UUID", COLUMN_CUT },
                                { "LABEL", COLUMN_CUT },
                                { "TYPE", 0 },
                                { "GiB", COLUMN_RIGHT },
                                { "STATE", 0 },
                                { "DEVICE", 0 },
                                { "IN", COLUMN_CUT } } },
    [SECTION_USES] = { .title = "in use",
                       { use_kind, use_device, use_used_by, use_type, use_read_only, use_container,
                         use_file, -1 },
                       { { "HOW", 0 },
                         { "DEVICE", 0 },
                         { "BY", COLUMN_CUT },
                         { "TYPE", 0 },
                         { "READ ONLY", 0 },
                         { "CONTAINER", COLUMN_CUT },
                         { "FILE", COLUMN_CUT } } },
    [SECTION_XEN] = { .title = "Xen",
                      { xen_memory_physical_bytes, xen_memory_free_bytes, xen_sockets, xen_cores,
                        xen_threads, xen_hvm, xen_featureset_host, xen_featureset_hvm_max, -1 },
                      { { NULL, 0 } } },
    [SECTION_DOMAINS] = { .title = "domains",
                          { domain_domid, domain_name, domain_kind, domain_state, domain_vcpus,
                            domain_memory_bytes, domain_uuid, -1 },
                          { { "DOMAIN", 0 },
                            { "NAME", COLUMN_CUT },
                            { "KIND", 0 },
                            { "STATE", 0 },
                            { "VCPUS", COLUMN_RIGHT },
                            { "GiB", COLUMN_RIGHT },
                            { "UUID", COLUMN_CUT } } },
};

struct recs section_rows(const struct section_body *b)
{
    const char *name = section_descs[b->section].name;

    for (uint32_t i = 0; i < section_body_desc.count; i++) {
        const struct field *f = &section_body_desc.fields[i];

        if (f->type == FIELD_RECS && strcmp(f->name, name) == 0)
            return *(const struct recs *)field_at(f, b);
    }
    return (struct recs){ NULL, 0 };
}

static const char *field_of(struct text *t, const struct record_desc *d, uint32_t i,
                            const void *row)
{
    struct buf b = { 0 };
    const char *s;

    field_text(&b, d, i, row);
    s = buf_cstr(&b);
    s = text_format(t, "%s", s != NULL && strcmp(s, "-") != 0 ? s : "");
    buf_deinit(&b);
    return s;
}

static void heading(struct text *t, const struct section_body *b, const char *title)
{
    const char *status = section_status_name((enum section_status)b->status);
    char age[24];

    if (t->out->n > 0)
        buf_str(t->out, "\n");
    text_paint(t, PAINT_BOLD, title);
    if (b->status != SECTION_OK) {
        buf_str(t->out, "  ");
        text_paint(t, paint_of_word(status), status);
        if (REC_HAS(b, section_body, status_age_ms))
            buf_printf(t->out, " for %s", duration_text(b->status_age_ms, age));
    }
    buf_str(t->out, "\n");
    if (b->status_text != NULL)
        text_wrap(t, b->status_text, 0, 0, b->status == SECTION_OK ? PAINT_WARN : PAINT_NONE);
}

/* ---- the short form ---------------------------------------------------------------------------
 */

struct cell {
    const char *s;
    enum paint paint;
};

static const char *size_of(struct text *t, const struct field *f, const void *row)
{
    double gib = (double)*(const uint64_t *)field_at(f, row) / GIB;

    return text_format(t, gib >= 100 ? "%.0f" : "%.2f", gib);
}

static const char *joined_of(struct text *t, const char *a, const char *b)
{
    return *a == '\0' || *b == '\0' ? "" : text_format(t, "%s/%s", a, b);
}

static bool column_is(const struct column *c, const char *title)
{
    return c->title != NULL && strcmp(c->title, title) == 0;
}

/* What `how` makes of a row. */
static struct cell cell_of(struct text *t, const struct record_desc *d, int how,
                           const struct column *column, const void *row)
{
    uint32_t first = (uint32_t)how & ((1 << SHIFT) - 1);
    uint32_t second = (uint32_t)how >> SHIFT & ((1 << SHIFT) - 1);
    const struct field *f = &d->fields[first];
    const char *a = field_of(t, d, first, row);

    switch (how & ~((1 << 2 * SHIFT) - 1)) {
    case RATIO_OF: {
        bool all = strcmp(a, field_of(t, d, second, row)) == 0;

        return (struct cell){ joined_of(t, a, field_of(t, d, second, row)),
                              all ? PAINT_NONE : PAINT_WARN };
    }
    case JOIN_OF:
        return (struct cell){ joined_of(t, a, field_of(t, d, second, row)), PAINT_NONE };
    case EITHER_OF:
        return (struct cell){ *a != '\0' ? a : field_of(t, d, second, row), PAINT_NONE };
    case WORD_OF:
        return (struct cell){ strcmp(a, "yes") == 0 ? f->name : "", PAINT_WARN };
    default:
        break;
    }
    if (*a != '\0' && (column_is(column, "GiB") || column_is(column, "FREE")))
        a = size_of(t, f, row);
    return (struct cell){ a, column_is(column, "STATE") ? paint_of_word(a) : PAINT_NONE };
}

/* Is any of the cells a warning? */
static bool is_bad(const struct cell *cells, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (*cells[i].s != '\0' && (cells[i].paint == PAINT_WARN || cells[i].paint == PAINT_BAD))
            return true;
    }
    return false;
}

/* Which rows are shown where not all can be: those that are not well; where all are, an example. */
static size_t rows_choose(const struct cell *cells, size_t columns, size_t rows,
                          const char *const *remarks, bool *chosen)
{
    size_t n = 0;

    for (size_t i = 0; i < rows && n < MOST_ROWS; i++) {
        chosen[i] = is_bad(&cells[i * columns], columns) || *remarks[i] != '\0';
        n += chosen[i];
    }
    for (size_t i = 0; i < rows && n == i && i < EXAMPLE; i++) {
        chosen[i] = true;
        n++;
    }
    return n;
}

/* What a row says of itself, below the table: "naa.6001...: it does not answer"; or "". */
static const char *remark_of(struct text *t, const struct section_desc *d, int how, const void *row)
{
    static const struct column no_column;

    return how > 0 ? cell_of(t, d->row, how, &no_column, row).s : "";
}

/* Returns how many rows are left out. */
static size_t rows_short(struct text *t, const struct section_desc *d, const struct short_form *f,
                         struct recs rows, bool all)
{
    size_t n = 0, shown = rows.n;
    struct cell *cells;
    const char **remarks = arena_array(t->arena, rows.n, sizeof *remarks);
    bool *chosen = arena_array(t->arena, rows.n, sizeof *chosen);
    struct table *b;

    while (f->fields[n] >= 0)
        n++;
    cells = arena_array(t->arena, rows.n * n, sizeof *cells);
    if (cells == NULL || remarks == NULL || chosen == NULL) {
        t->failed = true;
        return 0;
    }
    for (size_t i = 0; i < rows.n * n; i++)
        cells[i] = cell_of(t, d->row, f->fields[i % n], &f->columns[i % n],
                           (const char *)rows.v + i / n * d->row->size);
    for (size_t i = 0; i < rows.n; i++)
        remarks[i] = remark_of(t, d, f->remark, (const char *)rows.v + i * d->row->size);
    all = all || rows.n <= MOST_ROWS;
    if (!all)
        shown = rows_choose(cells, n, rows.n, remarks, chosen);
    b = table_new(t, f->columns, n);
    for (size_t i = 0; i < rows.n * n; i++) {
        if (all || chosen[i / n])
            table_cell(b, cells[i].s, cells[i].paint);
    }
    table_print(b);
    for (size_t i = 0; i < rows.n; i++) {
        if (*remarks[i] != '\0' && (all || chosen[i]))
            text_line(t, "%s: %s", section_row_key(d, (const char *)rows.v + i * d->row->size),
                      remarks[i]);
    }
    return rows.n - shown;
}

static void pairs(struct text *t, const struct record_desc *d, const void *row, const int *fields)
{
    static const struct column columns[] = { { NULL, 0 }, { NULL, COLUMN_WRAP } };
    struct table *b = table_new(t, columns, ARRAY_LEN(columns));

    for (uint32_t i = 0; fields == NULL ? i < d->count : fields[i] >= 0; i++) {
        uint32_t field = fields == NULL ? i : (uint32_t)fields[i];
        const char *value = field_of(t, d, field, row);

        if (*value == '\0')
            continue;
        table_cell(b, d->fields[field].name, PAINT_DIM);
        table_cell(b, value, PAINT_NONE);
    }
    table_print(b);
}

void section_text(struct text *t, const struct section_body *body, enum section_shape shape,
                  const char *node)
{
    const struct section_desc *d = &section_descs[body->section];
    const struct short_form *f = &short_forms[body->section];
    struct recs rows = section_rows(body);
    size_t left;

    if (rows.n == 0 && body->status == SECTION_OK && body->status_text == NULL &&
        shape == SHAPE_OVERVIEW)
        return;
    heading(t, body, f->title);
    if (shape != SHAPE_FIELDS && !d->singleton) {
        left = rows_short(t, d, f, rows, shape == SHAPE_ROWS);
        if (left > 0)
            text_line(t, "and %zu more: muster node show %s --section %s --short", left,
                      typed(t, node), d->name);
        return;
    }
    for (size_t i = 0; i < rows.n; i++) {
        if (i > 0)
            buf_str(t->out, "\n");
        pairs(t, d->row, (const char *)rows.v + i * d->row->size,
              shape == SHAPE_FIELDS ? NULL : f->fields);
    }
    if (rows.n == 0 && body->status_text == NULL)
        text_line(t, "nothing of the kind");
}
