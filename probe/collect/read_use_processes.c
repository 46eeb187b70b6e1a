/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What processes have open, and which mount namespaces there are.
 *
 * A device counts as open only when its process has lived for a while and when a second look, after
 * all processes, finds it open still: programs that udev starts when something
 * changes, which is when a collection runs, would come and go in every picture. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "collect/read.h"
#include "collect/read_uses.h"

#define MOUNTINFO_MAX (4u << 20)
#define STAT_MAX      1024
#define LINK_BYTES    512
#define DELETED       " (deleted)"

/* A file that leads to a container's device. */
struct candidate {
    uint32_t pid, fd;
    uint64_t devnum;
    bool writes;
};

struct looking {
    const struct collect_request *req;
    struct arena *a;
    struct use_input *in;
    struct use_gaps *gaps;
    struct use_namespace *namespaces;
    size_t namespace_count;
    struct candidate *found;
    size_t found_count;
    const uint64_t *devnums; /* of the containers, sorted */
    uint64_t own;            /* mount namespace of this process */
    char exe[LINK_BYTES];    /* and its program */
};

/* The text of a link, without what the kernel adds for a file that is gone. False: not there, or
 * too long. */
static bool link_text(int dir, const char *name, char out[LINK_BYTES])
{
    ssize_t n = readlinkat(dir, name, out, LINK_BYTES - 1);
    size_t k = strlen(DELETED);

    if (n <= 0 || n == LINK_BYTES - 1)
        return false;
    if ((size_t)n > k && memcmp(out + n - k, DELETED, k) == 0)
        n -= (ssize_t)k;
    out[n] = '\0';
    return true;
}

static int compare_number(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static bool is_wanted(const struct looking *l, uint64_t devnum)
{
    return l->in->container_count > 0 && bsearch(&devnum, l->devnums, l->in->container_count,
                                                 sizeof devnum, compare_number) != NULL;
}

/* The device behind a file of a process; 0: it is no block device. The file system of the file is
 * not asked: it may never answer. */
static uint64_t device_of(int dir, const char *fd)
{
    struct statx sx;

    if (statx(dir, fd, AT_STATX_DONT_SYNC, STATX_TYPE, &sx) < 0 || !S_ISBLK(sx.stx_mode))
        return 0;
    return DM_DEVNUM(sx.stx_rdev_major, sx.stx_rdev_minor);
}

static void look_at_file(struct looking *l, uint32_t pid, int dir, const char *fd)
{
    char target[LINK_BYTES];
    struct candidate c = { .pid = pid };
    struct stat st;

    /* By its name first: to look at a file of NFS would wait for the server. */
    if (!link_text(dir, fd, target) || strncmp(target, "/dev/", 5) != 0 ||
        strcmp(target, "/dev/null") == 0 || strncmp(target, "/dev/pts/", 9) == 0)
        return;
    c.devnum = device_of(dir, fd);
    if (c.devnum == 0 || !is_wanted(l, c.devnum) || fstatat(dir, fd, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    if (l->found_count == USE_OPENS_MAX) {
        l->gaps->opens = true;
        return;
    }
    c.fd = (uint32_t)strtoul(fd, NULL, 10);
    c.writes = (st.st_mode & S_IWUSR) != 0;
    l->found[l->found_count++] = c;
}

static void look_at_files(struct looking *l, uint32_t pid, int process)
{
    int fd = openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *d;

    l->gaps->refused |= fd < 0 && (errno == EACCES || errno == EPERM);
    if (dir == NULL) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while ((d = readdir(dir)) != NULL) {
        if (d->d_name[0] != '.')
            look_at_file(l, pid, fd, d->d_name);
    }
    closedir(dir);
}

/* The number in "mnt:[4026531840]"; 0: not told. */
static uint64_t namespace_of(int process)
{
    char text[LINK_BYTES];

    return link_text(process, "ns/mnt", text) && strncmp(text, "mnt:[", 5) == 0
               ? strtoull(text + 5, NULL, 10)
               : 0;
}

static struct bytes process_file(struct looking *l, const char *pid, const char *name, size_t limit)
{
    char path[READ_PATH_MAX];

    if (!read_path(l->req, path, "/proc/%s/%s", pid, name))
        return (struct bytes){ NULL, 0 };
    return read_file(l->a, path, limit, NULL);
}

static void add_namespace(struct looking *l, uint64_t id, uint32_t pid, const char *name)
{
    struct use_namespace ns = { .id = id, .pid = pid };
    char program[USE_PROGRAM_BYTES] = "";
    uint64_t started;

    for (size_t i = 0; i < l->namespace_count; i++) {
        if (l->namespaces[i].id == id)
            return;
    }
    if (l->namespace_count == USE_NAMESPACES_MAX) {
        l->gaps->namespaces = true;
        return;
    }
    ns.mountinfo = process_file(l, name, "mountinfo", MOUNTINFO_MAX);
    if (ns.mountinfo.n == 0)
        return; /* the process is gone: perhaps another has it */
    l->gaps->namespaces |= ns.mountinfo.n == MOUNTINFO_MAX;
    use_process(process_file(l, name, "stat", STAT_MAX), program, &started);
    ns.program = arena_strdup(l->a, program);
    if (ns.program != NULL)
        l->namespaces[l->namespace_count++] = ns;
}

static void look_at_process(struct looking *l, int proc, const char *name)
{
    int process = openat(proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    uint32_t pid = (uint32_t)strtoul(name, NULL, 10);
    char exe[1]; /* whether it is there, not what it is */
    uint64_t id;

    if (process < 0)
        return;
    /* A thread of the kernel, or one that has ended: they have no program and no files. */
    if (readlinkat(process, "exe", exe, sizeof exe) < 0 && errno == ENOENT) {
        close(process);
        return;
    }
    id = namespace_of(process);
    if (id == 0)
        l->gaps->refused |= errno == EACCES || errno == EPERM;
    else if (id != l->own)
        add_namespace(l, id, pid, name);
    if (id != 0) /* else it has ended, or its files may not be looked at either */
        look_at_files(l, pid, process);
    close(process);
}

static void look_at_all(struct looking *l, int proc)
{
    DIR *dir = fdopendir(dup(proc));
    struct dirent *d;
    size_t n = 0;

    while (dir != NULL && (d = readdir(dir)) != NULL) {
        if (d->d_name[0] < '1' || d->d_name[0] > '9')
            continue;
        if (n++ == USE_PROCESSES_MAX) {
            l->gaps->processes = true;
            break;
        }
        look_at_process(l, proc, d->d_name);
    }
    if (dir != NULL)
        closedir(dir);
}

static uint64_t now_ticks(void)
{
    uint64_t rate = (uint64_t)sysconf(_SC_CLK_TCK);
    struct timespec t = { 0 };

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * rate + (uint64_t)t.tv_nsec * rate / 1000000000u;
}

/* The probe's own look at devices all the time, and are no use of them: workers, and children of
 * workers that wait for a device, run the program that this process runs. */
static bool is_own(const struct looking *l, const char *pid)
{
    char path[READ_PATH_MAX], exe[LINK_BYTES];

    return read_path(l->req, path, "/proc/%s/exe", pid) && link_text(AT_FDCWD, path, exe) &&
           strcmp(exe, l->exe) == 0;
}

/* The second look. */
static bool is_use(struct looking *l, int proc, const struct candidate *c, struct use_open *out)
{
    uint64_t started = 0, now = now_ticks(),
             age = (uint64_t)sysconf(_SC_CLK_TCK) * USE_AGE_MS / 1000;
    char pid[16], file[48];

    snprintf(pid, sizeof pid, "%u", c->pid);
    snprintf(file, sizeof file, "%u/fd/%u", c->pid, c->fd);
    *out = (struct use_open){ .pid = c->pid, .devnum = c->devnum, .writes = c->writes };
    return device_of(proc, file) == c->devnum &&
           use_process(process_file(l, pid, "stat", STAT_MAX), out->program, &started) &&
           started + age <= now && !use_is_udev(out->program) && !is_own(l, pid);
}

static void keep_uses(struct looking *l, int proc, struct use_open *opens)
{
    size_t n = 0;

    for (size_t i = 0; i < l->found_count; i++) {
        if (is_use(l, proc, &l->found[i], &opens[n]))
            n++;
    }
    l->in->opens = opens;
    l->in->open_count = n;
}

static void look_at_self(struct looking *l, int proc)
{
    int self = openat(proc, "self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    l->own = self < 0 ? 0 : namespace_of(self);
    if (self < 0 || !link_text(self, "exe", l->exe))
        l->exe[0] = '\0';
    if (self >= 0)
        close(self);
    add_namespace(l, 0, 0, "self");
}

static int prepare(struct looking *l, int *proc, struct err *e)
{
    size_t n = l->in->container_count;
    uint64_t *devnums = arena_array(l->a, n, sizeof *devnums);
    char path[READ_PATH_MAX];

    l->namespaces = arena_array(l->a, USE_NAMESPACES_MAX, sizeof *l->namespaces);
    l->found = arena_array(l->a, USE_OPENS_MAX, sizeof *l->found);
    if (devnums == NULL || l->namespaces == NULL || l->found == NULL)
        return err_set(e, -ENOMEM, "out of memory while looking at processes");
    for (size_t i = 0; i < n; i++)
        devnums[i] = l->in->containers[i].devnum;
    if (n > 1)
        qsort(devnums, n, sizeof *devnums, compare_number);
    l->devnums = devnums;
    *proc = read_path(l->req, path, "/proc") ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (*proc < 0)
        return err_set(e, -errno, "cannot look at processes in %s: %s", path, strerror(errno));
    return 0;
}

int read_use_processes(const struct collect_request *req, struct arena *a, struct use_input *in,
                       struct use_gaps *gaps, struct err *e)
{
    struct looking l = { .req = req, .a = a, .in = in, .gaps = gaps };
    struct use_open *opens;
    int proc = -1, rc = prepare(&l, &proc, e);

    if (rc < 0)
        return rc;
    look_at_self(&l, proc);
    look_at_all(&l, proc);
    opens = arena_array(a, l.found_count + 1, sizeof *opens);
    if (opens != NULL)
        keep_uses(&l, proc, opens);
    in->namespaces = l.namespaces;
    in->namespace_count = l.namespace_count;
    close(proc);
    return opens == NULL ? err_set(e, -ENOMEM, "out of memory while looking at processes") : 0;
}
