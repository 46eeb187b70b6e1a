/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device_names.h"

static bool is_in(const struct device_names *d, const char *name, size_t n)
{
    for (size_t i = 0; i < d->n; i++) {
        if (strncmp(d->v[i], name, n) == 0 && d->v[i][n] == '\0')
            return true;
    }
    return false;
}

void device_names_add(struct device_names *d, const char *name, size_t n)
{
    if (n == 0 || d->all)
        return;
    if (n < DEVICE_NAME_BYTES && is_in(d, name, n))
        return;
    if (n >= DEVICE_NAME_BYTES || d->n == DEVICE_NAMES_MAX) {
        d->all = true;
        return;
    }
    memcpy(d->v[d->n], name, n);
    d->v[d->n++][n] = '\0';
}

void device_names_clear(struct device_names *d)
{
    d->all = false;
    d->n = 0;
}

void device_names_add_all(struct device_names *d, const struct device_names *more)
{
    d->all |= more->all;
    for (size_t i = 0; i < more->n; i++)
        device_names_add(d, more->v[i], strlen(more->v[i]));
}
