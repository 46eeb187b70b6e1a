/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The descriptions of the sections' rows, made of the lists in sections.h. */
#include "model/sections.h"

#include "base/limits.h"
#include "base/text.h"

#define NO_FIELD(...)

/* clang-format off */
#define X(TYPE, member, tag, flags, help) RECORD_FIELD(system, TYPE, member, tag, flags, help)
static const struct field system_fields[] = { SYSTEM_LIST(X, NO_FIELD, NO_FIELD) };
#undef X
#define X(TYPE, member, tag, flags, help) RECORD_FIELD(cpu, TYPE, member, tag, flags, help)
static const struct field cpu_fields[] = { CPU_LIST(X, NO_FIELD, NO_FIELD) };
#undef X
#define X(TYPE, member, tag, flags, help) RECORD_FIELD(nic, TYPE, member, tag, flags, help)
static const struct field nic_fields[] = { NIC_LIST(X, NO_FIELD, NO_FIELD) };
#undef X
#define X(TYPE, member, tag, flags, help) RECORD_FIELD(bond, TYPE, member, tag, flags, help)
static const struct field bond_fields[] = { BOND_LIST(X, NO_FIELD, NO_FIELD) };
#undef X
#define X(TYPE, member, tag, flags, help) RECORD_FIELD(vlan, TYPE, member, tag, flags, help)
static const struct field vlan_fields[] = { VLAN_LIST(X, NO_FIELD, NO_FIELD) };
#undef X
#define X(TYPE, member, tag, flags, help) RECORD_FIELD(bridge, TYPE, member, tag, flags, help)
static const struct field bridge_fields[] = { BRIDGE_LIST(X, NO_FIELD, NO_FIELD) };
#undef X
#define X(TYPE, member, tag, flags, help) RECORD_FIELD(lldp, TYPE, member, tag, flags, help)
static const struct field lldp_fields[] = { LLDP_LIST(X, NO_FIELD, NO_FIELD) };
#undef X
#define X(TYPE, member, tag, flags, help) RECORD_FIELD(hba, TYPE, member, tag, flags, help)
static const struct field hba_fields[] = { HBA_LIST(X, NO_FIELD, NO_FIELD) };
#undef X
#define X(TYPE, member, tag, flags, help) RECORD_FIELD(lun, TYPE, member, tag, flags, help)
static const struct field lun_fields[] = { LUN_LIST(X, NO_FIELD, NO_FIELD) };
#undef X
#define X(TYPE, member, tag, flags, help) RECORD_FIELD(path, TYPE, member, tag, flags, help)
static const struct field path_fields[] = { PATH_LIST(X, NO_FIELD, NO_FIELD) };
#undef X
#define X(TYPE, member, tag, flags, help) RECORD_FIELD(partition, TYPE, member, tag, flags, help)
static const struct field partition_fields[] = { PARTITION_LIST(X, NO_FIELD, NO_FIELD) };
#undef X
#define X(TYPE, member, tag, flags, help) RECORD_FIELD(pv, TYPE, member, tag, flags, help)
static const struct field pv_fields[] = { PV_LIST(X, NO_FIELD, NO_FIELD) };
#undef X
#define X(TYPE, member, tag, flags, help) RECORD_FIELD(vg, TYPE, member, tag, flags, help)
static const struct field vg_fields[] = { VG_LIST(X, NO_FIELD, NO_FIELD) };
#undef X
#define X(TYPE, member, tag, flags, help) RECORD_FIELD(lv, TYPE, member, tag, flags, help)
static const struct field lv_fields[] = { LV_LIST(X, NO_FIELD, NO_FIELD) };
#undef X
#define X(TYPE, member, tag, flags, help) RECORD_FIELD(filesystem, TYPE, member, tag, flags, help)
static const struct field filesystem_fields[] = { FILESYSTEM_LIST(X, NO_FIELD, NO_FIELD) };
#undef X
#define X(TYPE, member, tag, flags, help) RECORD_FIELD(use, TYPE, member, tag, flags, help)
static const struct field use_fields[] = { USE_LIST(X, NO_FIELD, NO_FIELD) };
#undef X
#define X(TYPE, member, tag, flags, help) RECORD_FIELD(xen, TYPE, member, tag, flags, help)
static const struct field xen_fields[] = { XEN_LIST(X, NO_FIELD, NO_FIELD) };
#undef X
#define X(TYPE, member, tag, flags, help) RECORD_FIELD(domain, TYPE, member, tag, flags, help)
static const struct field domain_fields[] = { DOMAIN_LIST(X, NO_FIELD, NO_FIELD) };
#undef X

#define DESC(type)                                                                                 \
    const struct record_desc type##_desc = { #type, type##_fields, type##_FIELD_COUNT,             \
                                             sizeof(struct type) };                                \
    _Static_assert(ARRAY_LEN(type##_fields) == type##_FIELD_COUNT, "one description a field");     \
    _Static_assert(type##_FIELD_COUNT <= 64, "`present` has a bit for each field");                \
    _Static_assert(offsetof(struct type, present) == 0, "`present` comes first")
/* clang-format on */

DESC(system);
DESC(cpu);
DESC(nic);
DESC(bond);
DESC(vlan);
DESC(bridge);
DESC(lldp);
DESC(hba);
DESC(lun);
DESC(path);
DESC(partition);
DESC(pv);
DESC(vg);
DESC(lv);
DESC(filesystem);
DESC(use);
DESC(xen);
DESC(domain);

const struct section_desc section_descs[SECTION_COUNT] = {
    [SECTION_SYSTEM] = { "system", "system", &system_desc, true, 1 },
    [SECTION_CPU] = { "cpu", "cpu", &cpu_desc, true, 1 },
    [SECTION_NICS] = { "nics", "nic", &nic_desc, false, LIMIT_ROWS_NICS },
    [SECTION_BONDS] = { "bonds", "bond", &bond_desc, false, LIMIT_ROWS_BONDS },
    [SECTION_VLANS] = { "vlans", "vlan", &vlan_desc, false, LIMIT_ROWS_VLANS },
    [SECTION_BRIDGES] = { "bridges", "bridge", &bridge_desc, false, LIMIT_ROWS_BRIDGES },
    [SECTION_LLDP] = { "lldp", "lldp", &lldp_desc, false, LIMIT_ROWS_LLDP },
    [SECTION_HBAS] = { "hbas", "hba", &hba_desc, false, LIMIT_ROWS_HBAS },
    [SECTION_LUNS] = { "luns", "lun", &lun_desc, false, LIMIT_ROWS_LUNS },
    [SECTION_PATHS] = { "paths", "path", &path_desc, false, LIMIT_ROWS_PATHS },
    [SECTION_PARTITIONS] = { "partitions", "partition", &partition_desc, false,
                             LIMIT_ROWS_PARTITIONS },
    [SECTION_PVS] = { "pvs", "pv", &pv_desc, false, LIMIT_ROWS_PVS },
    [SECTION_VGS] = { "vgs", "vg", &vg_desc, false, LIMIT_ROWS_VGS },
    [SECTION_LVS] = { "lvs", "lv", &lv_desc, false, LIMIT_ROWS_LVS },
    [SECTION_FILESYSTEMS] = { "filesystems", "filesystem", &filesystem_desc, false,
                              LIMIT_ROWS_FILESYSTEMS },
    [SECTION_USES] = { "uses", "use", &use_desc, false, LIMIT_ROWS_USES },
    [SECTION_XEN] = { "xen", "xen", &xen_desc, true, 1 },
    [SECTION_DOMAINS] = { "domains", "domain", &domain_desc, false, LIMIT_ROWS_DOMAINS },
};

int section_by_name(const char *name)
{
    for (int i = 0; i < SECTION_COUNT; i++) {
        if (strcmp(section_descs[i].name, name) == 0)
            return i;
    }
    return -1;
}

const char *section_status_name(enum section_status s)
{
    static const char *const names[] = {
        [SECTION_NEVER] = "never",   [SECTION_OK] = "ok",       [SECTION_ABSENT] = "absent",
        [SECTION_FAILED] = "failed", [SECTION_STUCK] = "stuck",
    };

    return (size_t)s < ARRAY_LEN(names) ? names[s] : "never";
}

const char *section_row_key(const struct section_desc *d, const void *row)
{
    const char *key;

    if (d->singleton)
        return "";
    /* The key is the first field of every row with one. */
    key = *(const char *const *)field_at(&d->row->fields[0], row);
    return key == NULL ? "" : key;
}

uint64_t path_mark(const struct path *p)
{
    uint64_t lun = text_mark(p->lun) & UINT32_MAX, address = text_mark(p->address) & INT32_MAX;

    return lun == 0 || address == 0 ? 0 : address << 32 | lun;
}

/* A number in decimal that leaves room for the kind; 0: it is none. */
static uint64_t scan_token(const char *text)
{
    const uint64_t most = UINT64_C(1) << (62 - USE_KIND_BITS);
    uint64_t token = 0;

    for (const char *p = text != NULL ? text : ""; *p != '\0'; p++) {
        if (*p < '0' || *p > '9' || token > most / 10)
            return 0;
        token = token * 10 + (uint64_t)(*p - '0');
    }
    return token;
}

uint64_t use_mark(const struct use *u)
{
    static const char *const kinds[] = {
        [USE_MOUNT] = "mount", [USE_SWAP] = "swap", [USE_DM] = "dm",     [USE_MD] = "md",
        [USE_LOOP] = "loop",   [USE_XEN] = "xen",   [USE_OPEN] = "open", [USE_SCAN] = "scan",
    };
    uint64_t kind = USE_MOUNT;

    if (u->kind == NULL)
        return USE_OTHER;
    while (kind < ARRAY_LEN(kinds) && strcmp(u->kind, kinds[kind]) != 0)
        kind++;
    if (kind == USE_DM && u->type != NULL && strcmp(u->type, "LVM") == 0)
        return USE_NONE;
    if (kind == USE_SCAN)
        kind |= scan_token(u->used_by) << USE_KIND_BITS;
    return kind;
}
