/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/parse_lldp.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

/* json0 wraps every element in a list, json only what there is several of. */
static size_t list_size(const json_t *j)
{
    if (j == NULL)
        return 0;
    return json_is_array(j) ? json_array_size(j) : 1;
}

static json_t *list_at(json_t *j, size_t i)
{
    return json_is_array(j) ? json_array_get(j, i) : j;
}

static json_t *first(json_t *j)
{
    return list_size(j) == 0 ? NULL : list_at(j, 0);
}

/* The text of {"value": "x"} or "x". */
static struct bytes value_bytes(json_t *j)
{
    if (json_is_object(j))
        j = json_object_get(j, "value");
    if (!json_is_string(j))
        return (struct bytes){ NULL, 0 };
    return (struct bytes){ (const uint8_t *)json_string_value(j), json_string_length(j) };
}

static const char *member_text(struct rows *r, json_t *object, const char *name)
{
    return rows_text(r, value_bytes(first(json_object_get(object, name))));
}

static struct opt member_number(json_t *object, const char *name)
{
    json_t *j = first(json_object_get(object, name));

    if (json_is_integer(j) && json_integer_value(j) >= 0)
        return (struct opt){ true, (uint64_t)json_integer_value(j) };
    return bytes_number(value_bytes(j), 10);
}

/* {"id": ..., ...}, or in json {"NAME": {"id": ..., ...}}: *name is set then. */
static json_t *chassis_of(struct rows *r, json_t *neighbour, const char **name)
{
    json_t *j = first(json_object_get(neighbour, "chassis"));
    void *it = json_object_iter(j);

    *name = member_text(r, j, "name");
    if (it == NULL || json_object_get(j, "id") != NULL)
        return j;
    *name = rows_text(r, bytes_of(json_object_iter_key(it)));
    return json_object_iter_value(it);
}

static int compare_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void vlan_fields(struct rows *r, json_t *neighbour, struct lldp *row)
{
    json_t *list = json_object_get(neighbour, "vlan");
    size_t count = list_size(list), n = 0, kept = 0;
    uint64_t *ids = rows_array(r, count, sizeof *ids);
    const char **texts = rows_array(r, count, sizeof *texts);

    if (ids == NULL || texts == NULL || count == 0)
        return;
    for (size_t i = 0; i < count; i++) {
        json_t *vlan = list_at(list, i);
        struct opt id = member_number(vlan, "vlan-id");

        if (!id.has || id.v > UINT16_MAX)
            continue;
        if (json_is_true(json_object_get(vlan, "pvid")))
            ROW_U64(row, lldp, pvid, id);
        ids[n++] = id.v;
    }
    qsort(ids, n, sizeof *ids, compare_number);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || ids[i] != ids[i - 1])
            texts[kept++] = rows_printf(r, "%u", (unsigned)ids[i]);
    }
    if (kept > 0 && !r->failed)
        REC_SET(row, lldp, vlans, ((struct strs){ texts, kept }));
}

static void address_fields(struct rows *r, json_t *chassis, struct lldp *row)
{
    json_t *list = json_object_get(chassis, "mgmt-ip");
    size_t n = list_size(list);
    const char **v = rows_array(r, n, sizeof *v);
    struct strs addresses;

    if (v == NULL)
        return;
    for (size_t i = 0; i < n; i++)
        v[i] = rows_text(r, value_bytes(list_at(list, i)));
    addresses = rows_strs(v, n);
    if (addresses.n > 0)
        REC_SET(row, lldp, management_addresses, addresses);
}

/* lldpctl tells the aggregated port's number, and only if the TLV says that it is aggregated. */
static bool is_aggregated(json_t *port)
{
    struct opt number = member_number(port, "aggregation");

    return number.has && number.v != 0;
}

static bool read_neighbour(struct rows *r, struct bytes interface, json_t *neighbour,
                           struct lldp *row)
{
    const char *name, *chassis_name, *chassis_id, *port_id;
    json_t *chassis = chassis_of(r, neighbour, &chassis_name);
    json_t *port = first(json_object_get(neighbour, "port"));

    name = rows_text(r, interface);
    chassis_id = member_text(r, chassis, "id");
    port_id = member_text(r, port, "id");
    if (name == NULL || chassis_id == NULL || port_id == NULL)
        return false;
    ROW_TEXT(row, lldp, key, rows_printf(r, "%s/%s/%s", name, chassis_id, port_id));
    REC_SET(row, lldp, interface, name);
    REC_SET(row, lldp, chassis_id, chassis_id);
    ROW_TEXT(row, lldp, chassis_name, chassis_name);
    ROW_TEXT(row, lldp, chassis_descr, member_text(r, chassis, "descr"));
    REC_SET(row, lldp, port_id, port_id);
    ROW_TEXT(row, lldp, port_descr, member_text(r, port, "descr"));
    ROW_U64(row, lldp, ttl_s, member_number(port, "ttl"));
    if (is_aggregated(port))
        REC_SET(row, lldp, aggregated, true);
    vlan_fields(r, neighbour, row);
    address_fields(r, chassis, row);
    return REC_HAS(row, lldp, key);
}

/* One element of "interface": {"name": "eth0", ...} in json0, {"eth0": {...}, ...} in json. With
 * `to` NULL it only counts. */
static size_t read_interface(struct rows *r, json_t *element, struct lldp *to)
{
    struct bytes name = value_bytes(json_object_get(element, "name"));
    size_t n = 0;
    const char *key;
    json_t *value;

    if (name.n > 0)
        return to == NULL || read_neighbour(r, name, element, to);
    json_object_foreach(element, key, value)
    {
        if (to == NULL || read_neighbour(r, bytes_of(key), value, &to[n]))
            n++;
        else
            to[n] = (struct lldp){ .present = 0 };
    }
    return n;
}

static int compare_key(const void *a, const void *b)
{
    return strcmp(((const struct lldp *)a)->key, ((const struct lldp *)b)->key);
}

static void drop_doubles(struct lldp_rows *rows)
{
    size_t n = 0;

    if (rows->n > 1)
        qsort(rows->v, rows->n, sizeof *rows->v, compare_key);
    for (size_t i = 0; i < rows->n; i++) {
        if (n == 0 || strcmp(rows->v[n - 1].key, rows->v[i].key) != 0)
            rows->v[n++] = rows->v[i];
    }
    rows->n = n;
}

static int read_root(struct rows *r, json_t *root, struct lldp_rows *out, struct err *e)
{
    json_t *lldp = first(json_object_get(root, "lldp")), *list;
    size_t room = 0;

    if (!json_is_object(lldp))
        return err_set(e, -EBADMSG, "lldpctl's answer has no \"lldp\" in it");
    list = json_object_get(lldp, "interface");
    for (size_t i = 0; i < list_size(list); i++)
        room += read_interface(r, list_at(list, i), NULL);
    out->v = rows_array(r, room, sizeof *out->v);
    for (size_t i = 0; i < list_size(list) && out->v != NULL; i++) {
        size_t n = read_interface(r, list_at(list, i), &out->v[out->n]);

        if (n == 0 && out->n < room)
            out->v[out->n] = (struct lldp){ .present = 0 };
        out->n += n;
    }
    if (r->failed)
        return err_set(e, -ENOMEM, "out of memory while reading lldpctl's answer");
    drop_doubles(out);
    return 0;
}

int parse_lldp(struct bytes json, struct arena *a, struct lldp_rows *out, struct err *e)
{
    struct rows r = { .a = a };
    json_error_t fault;
    json_t *root = json_loadb((const char *)json.p, json.n, 0, &fault);
    int rc;

    *out = (struct lldp_rows){ .n = 0 };
    if (root == NULL)
        return err_set(e, -EBADMSG, "lldpctl's answer is not JSON: %s in line %d", fault.text,
                       fault.line);
    rc = read_root(&r, root, out, e);
    json_decref(root);
    return rc;
}
