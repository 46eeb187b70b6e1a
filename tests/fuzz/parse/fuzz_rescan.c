/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An announcement of the kernel, and the same bytes as what a rescan looks at. What is made of an
 * announcement is such a text. */
#include <string.h>

#include "fuzz.h"
#include "rescan_hint.h"

static void text_is_good(const char *text)
{
    struct rescan_what w;
    char at[SCSI_ADDRESS_TEXT];
    struct scsi_address again;

    if (!rescan_parse(text, &w))
        return;
    if (strlen(rescan_target(&w)) > RESCAN_NAME_MOST)
        abort();
    if (w.kind == RESCAN_DEVICE && (!scsi_device_parse(scsi_device_text(&w.at, at), &again) ||
                                    again.lun != w.at.lun || !scsi_same_target(&again, &w.at)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rescan_hints hints = { .n = 0 };
    struct rescan_what w;
    char one[RESCAN_TEXT], *text = malloc(size + 1);

    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    text_is_good(text);
    rescan_hint_of_uevent(text, size, &hints);
    for (size_t i = 0; i < hints.n; i++) {
        if (!rescan_parse(rescan_hint_text(&hints.v[i], one), &w))
            abort();
    }
    free(text);
    return 0;
}
