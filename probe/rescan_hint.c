/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rescan_hint.h"

#include <stdio.h>
#include <string.h>

/* Unit attentions that say that something is not as the kernel knows it (scsi_evt_emit of
 * drivers/scsi/scsi_lib.c). LUNs are those of the target, whichever of its LUNs has said so. */
static const struct {
    const char *line;
    enum rescan_kind kind;
} attentions[] = {
    { "SDEV_UA=REPORTED_LUNS_DATA_HAS_CHANGED", RESCAN_TARGET },
    { "SDEV_UA=INQUIRY_DATA_HAS_CHANGED", RESCAN_DEVICE },
    { "SDEV_UA=CAPACITY_DATA_HAS_CHANGED", RESCAN_DEVICE },
};

static bool is_line(const char *p, size_t n, const char *line)
{
    return strlen(line) == n && memcmp(p, line, n) == 0;
}

/* "change@/devices/.../target6:0:1/6:0:1:4": whose it is stands at its end. */
static bool address_of(const char *head, size_t n, struct scsi_address *out)
{
    const char *name = memrchr(head, '/', n);
    char text[SCSI_ADDRESS_TEXT];
    size_t len = name == NULL ? 0 : n - (size_t)(name + 1 - head);

    if (len == 0 || len >= sizeof text)
        return false;
    memcpy(text, name + 1, len);
    text[len] = '\0';
    return scsi_device_parse(text, out);
}

static bool same(const struct rescan_what *x, const struct rescan_what *y)
{
    return x->kind == y->kind && scsi_same_target(&x->at, &y->at) && x->at.lun == y->at.lun;
}

static void add(struct rescan_hints *h, const struct rescan_what *w)
{
    for (size_t i = 0; i < h->n; i++) {
        if (same(&h->v[i], w))
            return;
    }
    if (h->n < RESCAN_HINTS)
        h->v[h->n++] = *w;
    else
        h->all = true;
}

bool rescan_hint_of_uevent(const char *p, size_t n, struct rescan_hints *out)
{
    const char *head = p, *end = p + n;
    size_t head_len = strnlen(p, n);
    struct rescan_what w = { .name = "" };
    bool scsi = false, told = false;

    if (head_len < 7 || memcmp(head, "change@", 7) != 0)
        return false;
    for (; p < end; p += strnlen(p, (size_t)(end - p)) + 1) {
        size_t len = strnlen(p, (size_t)(end - p));

        scsi |= is_line(p, len, "SUBSYSTEM=scsi");
        for (size_t i = 0; i < ARRAY_LEN(attentions); i++) {
            if (!is_line(p, len, attentions[i].line))
                continue;
            w.kind = attentions[i].kind;
            told = true;
        }
    }
    if (!scsi || !told || !address_of(head, head_len, &w.at))
        return false;
    if (w.kind == RESCAN_TARGET)
        w.at.lun = 0;
    add(out, &w);
    return w.kind == RESCAN_TARGET;
}

const char *rescan_hint_text(const struct rescan_what *w, char out[RESCAN_TEXT])
{
    char at[SCSI_ADDRESS_TEXT];

    if (w->kind == RESCAN_TARGET)
        snprintf(out, RESCAN_TEXT, "target %s", scsi_target_text(&w->at, at));
    else
        snprintf(out, RESCAN_TEXT, "device %s", scsi_device_text(&w->at, at));
    return out;
}
