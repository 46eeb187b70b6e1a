/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qcow2, versions 2 and 3: docs/interop/qcow2.txt of QEMU. All numbers are big-endian. */
#include "scan/parse_image_internal.h"

enum {
    VERSION = 4,
    BACKING_AT = 8,
    BACKING_BYTES = 16,
    CLUSTER_BITS = 20,
    SIZE = 24,
    CRYPT = 32,
    L1_ENTRIES = 36,
    L1_AT = 40,
    REFCOUNT_AT = 48,
    REFCOUNT_CLUSTERS = 56,
    SNAPSHOTS = 60,
    V2_BYTES = 72,
    INCOMPATIBLE = 72, /* version 3 from here on */
    HEADER_BYTES = 100,
    V3_BYTES = 104,
};
enum { CLUSTER_BITS_LEAST = 9, CLUSTER_BITS_MOST = 21, BACKING_BYTES_MOST = 1023 };
enum { CRYPT_AES = 1, CRYPT_LUKS = 2 };
enum { SNAPSHOTS_MOST = 65536 };
/* Features without which the image cannot be read. */
enum {
    FEATURE_DIRTY = 1 << 0,
    FEATURE_CORRUPT = 1 << 1,
    FEATURE_DATA_FILE = 1 << 2,
    FEATURES_KNOWN = (1 << 5) - 1, /* and compression type, extended L2 entries */
};
#define EXTENSION_END       UINT32_C(0)
#define EXTENSION_FORMAT    UINT32_C(0xe2792aca) /* of the backing file */
#define EXTENSION_DATA_FILE UINT32_C(0x44415441)

static void stage_backing(struct image_parse *p)
{
    const struct qcow2_state *q = &p->u.qcow2;
    struct bytes b;

    if (q->backing_bytes == 0) {
        image_done(p);
        return;
    }
    if (!image_want(p, q->backing_at, (size_t)q->backing_bytes, &b))
        return;
    p->image.backing = image_name_of(p, b, IMAGE_NAME_QEMU);
    image_done(p);
}

static void take_extension(struct image_parse *p, uint32_t type, struct bytes data)
{
    if (type == EXTENSION_FORMAT)
        p->image.backing_format = rows_text(&p->r, data);
    else
        p->image.data_file = image_name_of(p, data, IMAGE_NAME_QEMU);
}

/* They are 8 bytes of type and length, and data up to a multiple of 8. */
static void stage_extensions(struct image_parse *p)
{
    struct qcow2_state *q = &p->u.qcow2;
    struct bytes b;

    while (q->end - q->at >= 8) {
        uint32_t type;
        uint64_t n;

        if (!image_want(p, q->at, 8, &b))
            return;
        type = (uint32_t)bytes_be(b, 0, 4);
        n = bytes_be(b, 4, 4);
        if (type == EXTENSION_END)
            break;
        if (n > q->end - q->at - 8) {
            image_fail(p, IMAGE_MALFORMED, "a header extension is longer than the header's place");
            return;
        }
        if (++q->extensions > QCOW2_EXTENSIONS) {
            image_fail(p, IMAGE_LIMIT, "it has more than %d header extensions", QCOW2_EXTENSIONS);
            return;
        }
        if (type == EXTENSION_FORMAT || type == EXTENSION_DATA_FILE) {
            if (n > IMAGE_NAME_BYTES) {
                image_fail(p, IMAGE_LIMIT, "a name in its header has more than %d bytes",
                           IMAGE_NAME_BYTES);
                return;
            }
            if (!image_want(p, q->at, 8 + (size_t)n, &b))
                return;
            take_extension(p, type, (struct bytes){ b.p + 8, (size_t)n });
        }
        n = 8 + (n + 7) / 8 * 8;
        q->at = n > q->end - q->at ? q->end : q->at + n;
    }
    p->stage = stage_backing;
}

static bool take_features(struct image_parse *p, struct bytes b)
{
    uint64_t features = bytes_be(b, INCOMPATIBLE, 8);

    if ((features & FEATURE_DIRTY) != 0)
        p->image.flags |= IMAGE_DIRTY;
    if ((features & FEATURE_CORRUPT) != 0)
        p->image.flags |= IMAGE_CORRUPT;
    if ((features & FEATURE_DATA_FILE) != 0)
        p->image.flags |= IMAGE_DATA_ELSEWHERE;
    if ((features & ~(uint64_t)FEATURES_KNOWN) != 0) {
        image_fail(p, IMAGE_FEATURE, "it needs the incompatible features 0x%llx of qcow2",
                   (unsigned long long)(features & ~(uint64_t)FEATURES_KNOWN));
        return false;
    }
    return true;
}

/* The names are in the first cluster, behind the header. */
static bool take_places(struct image_parse *p, struct bytes b)
{
    struct qcow2_state *q = &p->u.qcow2;

    q->backing_at = bytes_be(b, BACKING_AT, 8);
    q->backing_bytes = q->backing_at == 0 ? 0 : bytes_be(b, BACKING_BYTES, 4);
    q->at = q->header;
    q->end = q->backing_at != 0 ? q->backing_at : q->cluster;
    if (q->header > q->cluster || q->end < q->header || q->end > q->cluster ||
        q->backing_bytes > BACKING_BYTES_MOST || q->backing_bytes > q->cluster - q->end) {
        image_fail(p, IMAGE_MALFORMED,
                   "its header, or the name of its backing file, is not in its first cluster");
        return false;
    }
    return true;
}

static bool take_tables(struct image_parse *p, struct bytes b)
{
    const struct qcow2_state *q = &p->u.qcow2;
    uint64_t l1 = bytes_be(b, L1_AT, 8), refcount = bytes_be(b, REFCOUNT_AT, 8);
    uint64_t snapshots = bytes_be(b, SNAPSHOTS, 4);

    if (l1 % q->cluster != 0 || refcount % q->cluster != 0 || snapshots > SNAPSHOTS_MOST) {
        image_fail(p, IMAGE_MALFORMED,
                   "a table of it does not begin with a cluster, or it has too "
                   "many snapshots");
        return false;
    }
    p->image.snapshots = (struct opt){ true, snapshots };
    image_check_end(p, "its table of clusters", l1, bytes_be(b, L1_ENTRIES, 4) * 8);
    image_check_end(p, "its table of reference counts", refcount,
                    bytes_be(b, REFCOUNT_CLUSTERS, 4) * q->cluster);
    return true;
}

static bool take_crypt(struct image_parse *p, uint64_t method)
{
    if (method > CRYPT_LUKS) {
        image_fail(p, IMAGE_FEATURE, "it is encrypted in a way that is not known: %llu",
                   (unsigned long long)method);
        return false;
    }
    if (method != 0)
        p->image.flags |= IMAGE_ENCRYPTED;
    return true;
}

static bool take_header(struct image_parse *p, struct bytes b, uint64_t version)
{
    struct qcow2_state *q = &p->u.qcow2;
    uint64_t bits = bytes_be(b, CLUSTER_BITS, 4);

    if (bits < CLUSTER_BITS_LEAST || bits > CLUSTER_BITS_MOST) {
        image_fail(p, IMAGE_MALFORMED, "its clusters have 2^%llu bytes; 2^%d to 2^%d can be",
                   (unsigned long long)bits, CLUSTER_BITS_LEAST, CLUSTER_BITS_MOST);
        return false;
    }
    q->cluster = UINT64_C(1) << bits;
    p->image.block_bytes = (struct opt){ true, q->cluster };
    q->header = version == 2 ? V2_BYTES : bytes_be(b, HEADER_BYTES, 4);
    if (version == 3 && q->header < V3_BYTES) {
        image_fail(p, IMAGE_MALFORMED, "its header has %llu bytes; %d is the least",
                   (unsigned long long)q->header, V3_BYTES);
        return false;
    }
    return image_set_size(p, (struct opt){ true, bytes_be(b, SIZE, 8) }) &&
           take_crypt(p, bytes_be(b, CRYPT, 4)) && take_places(p, b) && take_tables(p, b);
}

void qcow2_start(struct image_parse *p)
{
    uint64_t version;
    struct bytes b;

    if (!image_want(p, 0, V3_BYTES, &b))
        return;
    version = bytes_be(b, VERSION, 4);
    p->image.version = (struct opt){ true, version };
    if (version != 2 && version != 3) {
        image_fail(p, IMAGE_VERSION, "it is of version %llu; 2 and 3 are known",
                   (unsigned long long)version);
        return;
    }
    if (take_header(p, b, version) && (version == 2 || take_features(p, b)))
        p->stage = stage_extensions;
}
