/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lvmconfig writes of autoactivation. */
#include "collect/parse_lvm_auto.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(64u << 20);
    struct lvm_auto x = { .rule = "69-lvm.rules", .generator = "lvm2-activation-generator" };
    struct vg vg = { .present = 0 };
    const char *text;
    int rc = parse_lvm_auto((struct bytes){ data, size }, a, &x);

    REC_SET(&vg, vg, uuid, "V");
    REC_SET(&vg, vg, name, "fast");
    if (rc == 0)
        rc = lvm_auto_text(&x, &vg, NULL, 0, a, &text);
    if (rc == 0 && text != NULL && x.listed && x.list.n == 0)
        abort();
    arena_free(a);
    return 0;
}
