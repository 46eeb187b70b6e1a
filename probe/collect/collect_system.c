/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads what the sections system and cpu are made of. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <time.h>

#include "collect/parse_system.h"
#include "collect/read.h"

#define FILE_MAX (8u << 20) /* /proc/cpuinfo of 2,048 processors has 3 MB */

#define SYSTEM_FILE_PATH(name, path) [FILE_##name] = path,
static const char *const paths[SYSTEM_FILE_COUNT] = { SYSTEM_FILES(SYSTEM_FILE_PATH) };

static struct bytes read_one(const struct collect_request *req, struct arena *a, const char *name)
{
    char path[READ_PATH_MAX];

    if (!read_path(req, path, "%s", name))
        return (struct bytes){ NULL, 0 };
    return read_file(a, path, FILE_MAX, NULL);
}

static struct bytes copy_text(struct arena *a, const char *text)
{
    return bytes_of(arena_strdup(a, text));
}

static bool has_other_root(const struct collect_request *req)
{
    return req->sys_root != NULL && *req->sys_root != '\0';
}

/* What uname(2) tells is better than its files: arch is new in Linux 6.1. Below another root only
 * the files speak of the machine in question. */
static void read_uname(const struct collect_request *req, struct arena *a, struct system_input *in)
{
    struct utsname u;

    if (has_other_root(req) || uname(&u) < 0)
        return;
    in->file[FILE_HOSTNAME] = copy_text(a, u.nodename);
    in->file[FILE_KERNEL_RELEASE] = copy_text(a, u.release);
    in->file[FILE_KERNEL_VERSION] = copy_text(a, u.version);
    in->file[FILE_MACHINE] = copy_text(a, u.machine);
}

/* Calls `each` for NAME0, NAME1, ... in a directory of /sys. */
static void for_numbered(const struct collect_request *req, const char *directory, const char *name,
                         void (*each)(void *arg, unsigned long number), void *arg)
{
    char path[READ_PATH_MAX];
    struct dirent *entry;
    DIR *dir = NULL;

    if (read_path(req, path, "%s", directory))
        dir = opendir(path);
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        const char *digits = entry->d_name + strlen(name);

        if (strncmp(entry->d_name, name, strlen(name)) == 0 && isdigit((unsigned char)*digits))
            each(arg, strtoul(digits, NULL, 10));
    }
    if (dir != NULL)
        closedir(dir);
}

struct machine {
    const struct collect_request *req;
    struct arena *a;
    struct cpu_place *cpus;
    size_t cpu_count, cpu_room, blocks_online, blocks;
};

static void count_cpu(void *arg, unsigned long number)
{
    struct machine *m = arg;

    (void)number;
    m->cpu_room++;
}

/* A processor that is off has no topology. */
static void read_cpu(void *arg, unsigned long number)
{
    struct machine *m = arg;
    struct cpu_place place;
    char path[128];

    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%lu/topology/physical_package_id",
             number);
    place.package = read_one(m->req, m->a, path);
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%lu/topology/thread_siblings_list",
             number);
    place.siblings = read_one(m->req, m->a, path);
    if (m->cpu_count < m->cpu_room && place.package.n > 0)
        m->cpus[m->cpu_count++] = place;
}

static void read_block(void *arg, unsigned long number)
{
    struct machine *m = arg;
    char path[128];

    snprintf(path, sizeof path, "/sys/devices/system/memory/memory%lu/state", number);
    m->blocks++;
    m->blocks_online += bytes_equal(bytes_trim(read_one(m->req, m->a, path)), "online");
}

/* Under Xen none of it is about the machine, so it is not even read. */
static int read_machine(const struct collect_request *req, struct arena *a, struct system_input *in,
                        struct err *e)
{
    struct machine m = { .req = req, .a = a };

    if (system_is_xen(in))
        return 0;
    for_numbered(req, "/sys/devices/system/cpu", "cpu", count_cpu, &m);
    m.cpus = arena_array(a, m.cpu_room, sizeof *m.cpus);
    if (m.cpus == NULL)
        return err_set(e, -ENOMEM, "out of memory while reading processors");
    for_numbered(req, "/sys/devices/system/cpu", "cpu", read_cpu, &m);
    for_numbered(req, "/sys/devices/system/memory", "memory", read_block, &m);
    in->cpus = m.cpus;
    in->cpu_count = m.cpu_count;
    in->memory_blocks = (struct opt){ m.blocks > 0, m.blocks_online };
    return 0;
}

static void read_uptime(struct system_input *in)
{
    struct timespec t;

    if (clock_gettime(CLOCK_BOOTTIME, &t) == 0)
        in->uptime_ms =
            (struct opt){ true, (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000 };
}

/* The system's identity may hang on it, but a kernel that cannot list links now costs only this
 * field: the section of NICs tells what is wrong. */
static int read_lowest_mac(const struct collect_request *req, struct arena *a,
                           struct system_input *in, struct err *e)
{
    struct net_input net;
    struct net_rows rows;
    int rc = read_net(req, false, a, &net, e);

    if (rc == 0)
        rc = parse_net(&net, a, &rows, e);
    if (rc == 0)
        in->lowest_mac = rows.lowest_mac;
    return rc == -ENOMEM ? rc : 0;
}

static int read_system(const struct collect_request *req, struct arena *a, struct system_input *in,
                       struct err *e)
{
    int rc;

    for (int i = 0; i < SYSTEM_FILE_COUNT; i++)
        in->file[i] = read_one(req, a, paths[i]);
    if (in->file[FILE_OS_RELEASE].p == NULL)
        in->file[FILE_OS_RELEASE] = read_one(req, a, "/usr/lib/os-release");
    read_uname(req, a, in);
    read_uptime(in);
    if (!has_other_root(req))
        in->tsc_khz = read_tsc_khz();
    rc = read_machine(req, a, in, e);
    if (rc == 0)
        rc = read_lowest_mac(req, a, in, e);
    return rc;
}

static struct section made_section(enum section_id id, void *row, bool ok, const char *fault)
{
    return (struct section){ .id = id,
                             .status = ok ? SECTION_OK : SECTION_FAILED,
                             .status_text = ok ? NULL : fault,
                             .rows = row,
                             .row_count = ok };
}

int collect_system(const struct collect_request *req, struct arena *a, struct section *out,
                   size_t *count, struct err *e)
{
    struct system_input in = { .cpu_count = 0 };
    struct rows r = { .a = a };
    struct system *system = rows_array(&r, 1, sizeof *system);
    struct cpu *cpu = rows_array(&r, 1, sizeof *cpu);
    int rc = r.failed ? -ENOMEM : read_system(req, a, &in, e);

    if (rc < 0)
        return rc;
    parse_system(&r, &in, system);
    parse_cpu(&r, &in, cpu);
    if (r.failed)
        return err_set(e, -ENOMEM, "out of memory while reading the system's files");
    out[0] = made_section(SECTION_SYSTEM, system, REC_HAS(system, system, boot_id),
                          "/proc/sys/kernel/random/boot_id cannot be read");
    out[1] =
        made_section(SECTION_CPU, cpu, in.file[FILE_CPUINFO].n > 0, "/proc/cpuinfo cannot be read");
    *count = 2;
    return 0;
}
