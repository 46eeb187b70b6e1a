/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/rescan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A number in decimal without a sign, blanks or leading zeros. NULL: there is none up to `most`. */
static const char *take_number(const char *p, uint64_t most, uint64_t *out)
{
    const char *begin = p;

    *out = 0;
    for (; *p >= '0' && *p <= '9'; p++) {
        uint64_t digit = (uint64_t)(*p - '0');

        if (*out > (most - digit) / 10)
            return NULL;
        *out = *out * 10 + digit;
    }
    return p == begin || (*begin == '0' && p > begin + 1) ? NULL : p;
}

/* `parts` numbers with colons between them. NULL: it is no such address. */
static const char *take_address(const char *p, int parts, struct scsi_address *out)
{
    uint64_t v[4] = { 0 };

    for (int i = 0; i < parts; i++) {
        if (i > 0 && *p++ != ':')
            return NULL;
        p = take_number(p, i == 3 ? INT64_MAX : UINT32_MAX, &v[i]);
        if (p == NULL)
            return NULL;
    }
    *out = (struct scsi_address){ (uint32_t)v[0], (uint32_t)v[1], (uint32_t)v[2], v[3] };
    return p;
}

static bool whole_address(const char *text, int parts, struct scsi_address *out)
{
    const char *end = take_address(text, parts, out);

    return end != NULL && *end == '\0';
}

bool scsi_target_parse(const char *text, struct scsi_address *out)
{
    return whole_address(text, 3, out);
}

bool scsi_device_parse(const char *text, struct scsi_address *out)
{
    return whole_address(text, 4, out);
}

static bool is_name(const char *text)
{
    size_t n = strnlen(text, RESCAN_NAME_MOST + 1);

    return n > 0 && n <= RESCAN_NAME_MOST && text[0] != ' ' && text[n - 1] != ' ';
}

/* An address, and a name behind a blank if there is one. */
static bool parse_at(const char *text, int parts, struct rescan_what *out)
{
    const char *end = take_address(text, parts, &out->at);

    if (end == NULL || (*end != '\0' && *end != ' '))
        return false;
    out->name = *end == ' ' ? end + 1 : end;
    return *end == '\0' || is_name(out->name);
}

static const char *after(const char *text, const char *word)
{
    size_t n = strlen(word);

    return strncmp(text, word, n) == 0 ? text + n : NULL;
}

bool rescan_parse(const char *text, struct rescan_what *out)
{
    const char *rest;

    *out = (struct rescan_what){ .kind = RESCAN_ALL, .name = "" };
    if (strcmp(text, "all") == 0)
        return true;
    if ((rest = after(text, "device ")) != NULL) {
        out->kind = RESCAN_DEVICE;
        return parse_at(rest, 4, out);
    }
    if ((rest = after(text, "lun ")) != NULL) {
        out->kind = RESCAN_LUN;
        out->name = rest;
        return is_name(rest);
    }
    if ((rest = after(text, "target ")) == NULL)
        return false;
    out->kind = RESCAN_TARGET;
    if (parse_at(rest, 3, out))
        return true;
    *out = (struct rescan_what){ .kind = RESCAN_NAME, .name = rest };
    return is_name(rest);
}

const char *rescan_target(const struct rescan_what *w)
{
    return w->kind == RESCAN_LUN ? "" : w->name;
}

const char *scsi_target_text(const struct scsi_address *at, char out[SCSI_ADDRESS_TEXT])
{
    snprintf(out, SCSI_ADDRESS_TEXT, "%" PRIu32 ":%" PRIu32 ":%" PRIu32, at->host, at->channel,
             at->target);
    return out;
}

const char *scsi_device_text(const struct scsi_address *at, char out[SCSI_ADDRESS_TEXT])
{
    snprintf(out, SCSI_ADDRESS_TEXT, "%" PRIu32 ":%" PRIu32 ":%" PRIu32 ":%" PRIu64, at->host,
             at->channel, at->target, at->lun);
    return out;
}

bool scsi_same_target(const struct scsi_address *x, const struct scsi_address *y)
{
    return x->host == y->host && x->channel == y->channel && x->target == y->target;
}
