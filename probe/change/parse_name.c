/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/parse_name.h"

#include <errno.h>
#include <sodium/crypto_generichash.h>

#include "model/lvm_name.h"

#define ALNUM "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

enum {
    DM_NAME_MAX_BYTES = 127, /* DM_NAME_LEN of the kernel, with the NUL */
    TAG_MAX_BYTES = 1024,
};

static int check_name(const char *what, const char *name, bool lv, struct err *e)
{
    const char *fault = name == NULL ? "is missing" : lvm_name_fault(name, lv);

    return fault == NULL ? 0
                         : err_set(e, -EINVAL, "the name of a %s, %.140s, %s", what,
                                   name == NULL ? "" : name, fault);
}

int change_vg_name(const char *name, struct err *e)
{
    return check_name("volume group", name, false, e);
}

/* In the name of a device, hyphens are doubled. */
static size_t mapped_length(const char *name)
{
    size_t n = strlen(name);

    for (const char *p = name; *p != '\0'; p++)
        n += *p == '-';
    return n;
}

int change_lv_name(const char *vg, const char *name, struct err *e)
{
    int rc = check_name("logical volume", name, true, e);

    if (rc < 0)
        return rc;
    if (mapped_length(vg) + 1 + mapped_length(name) > DM_NAME_MAX_BYTES)
        return err_set(e, -EINVAL, "the names %s and %s together are too long for a device", vg,
                       name);
    return 0;
}

int change_tag(const char *tag, struct err *e)
{
    if (tag == NULL || tag[0] == '\0' || tag[0] == '-' || strlen(tag) > TAG_MAX_BYTES ||
        strspn(tag, ALNUM "_+.-/=!:&#") != strlen(tag))
        return err_set(e, -EINVAL,
                       "%.80s is no tag: it has 1 to %d letters, digits or any of _+.-/=!:&#, and "
                       "does not begin with -",
                       tag == NULL ? "nothing" : tag, TAG_MAX_BYTES);
    return 0;
}

void change_pv_uuid(const char *tag, const char *container, char out[LVM_UUID_TEXT])
{
    static const char digits[] = ALNUM;
    static const char form[] = CHANGE_PV_PREFIX "xxxx-xxxx-xxxx-xxxx-xxxx-xxxxxx";
    crypto_generichash_state state;
    uint8_t hash[32];
    size_t at = 0;

    _Static_assert(sizeof form == LVM_UUID_TEXT, "a UUID of LVM has 32 characters");
    crypto_generichash_init(&state, NULL, 0, sizeof hash);
    crypto_generichash_update(&state, (const uint8_t *)tag, strlen(tag) + 1);
    crypto_generichash_update(&state, (const uint8_t *)container, strlen(container));
    crypto_generichash_final(&state, hash, sizeof hash);
    memcpy(out, form, sizeof form);
    for (size_t i = strlen(CHANGE_PV_PREFIX); i < sizeof form - 1; i++) {
        if (form[i] == 'x')
            out[i] = digits[hash[at++] % (sizeof digits - 1)];
    }
}

bool change_is_uuid(const char *uuid)
{
    if (uuid == NULL || strlen(uuid) != LVM_UUID_TEXT - 1)
        return false;
    for (size_t i = 0; i < LVM_UUID_TEXT - 1; i++) {
        bool dash = i == 6 || i == 11 || i == 16 || i == 21 || i == 26 || i == 31;

        if (dash ? uuid[i] != '-' : strchr(ALNUM "!#", uuid[i]) == NULL)
            return false;
    }
    return true;
}
