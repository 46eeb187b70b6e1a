/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/parse_use.h"

bool use_process(struct bytes stat, char program[USE_PROGRAM_BYTES], uint64_t *started)
{
    enum { START = 19 }; /* words between the name and it */
    const uint8_t *open = stat.n == 0 ? NULL : memchr(stat.p, '(', stat.n);
    const uint8_t *close = stat.n == 0 ? NULL : memrchr(stat.p, ')', stat.n);
    struct bytes rest, word;
    struct opt ticks;
    size_t n;

    if (open == NULL || close == NULL || close < open)
        return false;
    n = (size_t)(close - open) - 1;
    n = n < USE_PROGRAM_BYTES ? n : USE_PROGRAM_BYTES - 1;
    memcpy(program, open + 1, n);
    program[n] = '\0';
    rest = bytes_trim((struct bytes){ close + 1, stat.n - (size_t)(close + 1 - stat.p) });
    for (int i = 0; i <= START; i++) {
        if (!bytes_word(&rest, " ", &word))
            return false;
    }
    ticks = bytes_number(word, 10);
    *started = ticks.v;
    return ticks.has;
}

bool use_is_scan(struct bytes file, struct bytes *token, uint64_t *devnum)
{
    static const char prefix[] = "muster-scan-";
    const uint8_t *slash = file.n == 0 ? NULL : memrchr(file.p, '/', file.n);
    struct bytes name = file;

    if (slash != NULL)
        name = (struct bytes){ slash + 1, file.n - (size_t)(slash + 1 - file.p) };
    if (name.n < sizeof prefix || memcmp(name.p, prefix, sizeof prefix - 1) != 0)
        return false;
    name = (struct bytes){ name.p + sizeof prefix - 1, name.n - (sizeof prefix - 1) };
    return bytes_word(&name, "-", token) && bytes_number(*token, 10).has && dm_devnum(name, devnum);
}

bool use_is_scan_memory(struct bytes file)
{
    static const char prefix[] = "/memfd:muster-scan-";

    return file.n >= sizeof prefix - 1 && memcmp(file.p, prefix, sizeof prefix - 1) == 0;
}

bool use_is_snapshot(const char *uuid)
{
    return strncmp(uuid, "MUSTER-scan-", strlen("MUSTER-scan-")) == 0;
}

bool use_is_udev(const char *program)
{
    return strcmp(program, "systemd-udevd") == 0 || strcmp(program, "(udev-worker)") == 0 ||
           strcmp(program, "udevd") == 0;
}
