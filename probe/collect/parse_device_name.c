/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/parse_device_name.h"

#include <ctype.h>

bool device_is_partition_of(const char *name, const char *disk)
{
    size_t n = strlen(disk);

    if (n == 0 || strncmp(name, disk, n) != 0)
        return false;
    name += n;
    if (isdigit((unsigned char)disk[n - 1]) && *name++ != 'p')
        return false;
    return isdigit((unsigned char)*name);
}

bool device_is_among(const char *device, struct strs names)
{
    for (size_t i = 0; i < names.n && device != NULL; i++) {
        if (strcmp(names.v[i], device) == 0)
            return true;
    }
    return false;
}

bool device_is_touched(const char *disk, struct strs names)
{
    for (size_t i = 0; i < names.n; i++) {
        if (strcmp(names.v[i], disk) == 0 || device_is_partition_of(names.v[i], disk))
            return true;
    }
    return false;
}
