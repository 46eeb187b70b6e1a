/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/lvm_name.h"

#include <stddef.h>
#include <string.h>

#include "base/types.h"

enum { LONGEST = 127 };

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+_.-";
/* LVM gives such names to what it makes by itself. */
static const char *const beginnings[] = { "snapshot", "pvmove" };
static const char *const parts[] = { "_cdata", "_cmeta",  "_corig", "_cpool",   "_cvol",   "_imeta",
                                     "_iorig", "_mimage", "_mlog",  "_pmspare", "_rimage", "_rmeta",
                                     "_tdata", "_tmeta",  "_vdata", "_vorigin", "_wcorig" };

static const char *lv_fault(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(beginnings); i++) {
        if (strncmp(name, beginnings[i], strlen(beginnings[i])) == 0)
            return "begins with snapshot or pvmove, which LVM keeps for itself";
    }
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (strstr(name, parts[i]) != NULL)
            return "has an ending in it that LVM keeps for itself, as _tdata or _rimage";
    }
    return NULL;
}

const char *lvm_name_fault(const char *name, bool lv)
{
    if (name[0] == '\0')
        return "is empty";
    if (strlen(name) > LONGEST)
        return "is longer than 127 characters";
    if (name[0] == '-')
        return "begins with a hyphen";
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return "is a folder's";
    if (strspn(name, letters) != strlen(name))
        return "has other characters than letters, digits and any of + _ . -";
    return lv ? lv_fault(name) : NULL;
}

const char *lvm_extent_fault(uint64_t bytes)
{
    const uint64_t least = 512, step = 128u << 10, end = (uint64_t)2 << 40;
    bool power = bytes >= least && (bytes & (bytes - 1)) == 0;

    if (bytes >= end)
        return "is 2 TiB or more";
    return power || (bytes > 0 && bytes % step == 0)
               ? NULL
               : "is neither a power of 2, of 512 bytes or more, nor a multiple of 128 KiB";
}

bool lvm_is_lost_snapshot(const char *attr)
{
    enum { STATE = 4 };

    return attr != NULL && strlen(attr) > STATE && (attr[STATE] == 'I' || attr[STATE] == 'S');
}
