/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/read_xen.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <xenctrl.h>
#include <xenguest.h>

#include "base/limits.h"

/* The release whose headers this was built with, "4.17", is in their names. */
#define CONTROL "libxenctrl.so." MUSTER_XEN_RELEASE
#define GUEST   "libxenguest.so." MUSTER_XEN_RELEASE

enum { DOMAINS_AT_ONCE = 256 };

#define SAME(ours, its) \
    _Static_assert((unsigned)(ours) == (unsigned)(its), "Xen's headers have it so")
SAME(XEN_CAN_HVM, XEN_SYSCTL_PHYSCAP_hvm);
SAME(XEN_CAN_PASS, XEN_SYSCTL_PHYSCAP_directio);
SAME(XEN_CAN_HAP, XEN_SYSCTL_PHYSCAP_hap);
SAME(XEN_IS_DYING, XEN_DOMINF_dying);
SAME(XEN_IS_HVM, XEN_DOMINF_hvm_guest);
SAME(XEN_IS_SHUT_DOWN, XEN_DOMINF_shutdown);
SAME(XEN_IS_PAUSED, XEN_DOMINF_paused);
SAME(XEN_WHY_SHIFT, XEN_DOMINF_shutdownshift);
SAME(XEN_WHY_MASK, XEN_DOMINF_shutdownmask);
SAME(XEN_RAW, XEN_SYSCTL_cpu_featureset_raw);
SAME(XEN_HOST, XEN_SYSCTL_cpu_featureset_host);
SAME(XEN_PV, XEN_SYSCTL_cpu_featureset_pv);
SAME(XEN_HVM, XEN_SYSCTL_cpu_featureset_hvm);
SAME(XEN_PV_MAX, XEN_SYSCTL_cpu_featureset_pv_max);
SAME(XEN_HVM_MAX, XEN_SYSCTL_cpu_featureset_hvm_max);
#if defined(__x86_64__) || defined(__i386__)
SAME(XEN_IMITATES_LAPIC, XEN_X86_EMU_LAPIC);
#endif

static struct {
    xc_interface *xen;
    struct err why; /* there is none */
    xc_interface *(*open)(xentoollog_logger *logger, xentoollog_logger *builder, unsigned flags);
    int (*version)(xc_interface *xen, int what, void *out);
    int (*physinfo)(xc_interface *xen, xc_physinfo_t *out);
    int (*domains)(xc_interface *xen, uint32_t first, unsigned n, xc_domaininfo_t *out);
    int (*featureset)(xc_interface *xen, uint32_t which, uint32_t *n, uint32_t *words);
} lib = { .why = { "nothing leads to Xen: there is no /dev/xen/privcmd" } };

/* Each call says by itself that it failed; a log of its own would go to the standard error. */
static void say_nothing(xentoollog_logger *l, xentoollog_level level, int code, const char *context,
                        const char *format, va_list arguments)
{
    (void)l;
    (void)level;
    (void)code;
    (void)context;
    (void)format;
    (void)arguments;
}

static void stay(xentoollog_logger *l)
{
    (void)l;
}

static xentoollog_logger quiet = { .vmessage = say_nothing, .progress = NULL, .destroy = stay };

static bool load(void **so, const char *name)
{
    *so = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (*so == NULL)
        err_set(&lib.why, -ENOENT,
                "this is Xen, whose library %s is not installed, or not that of this release",
                name);
    return *so != NULL;
}

static bool find(void *so, const char *name, void **function)
{
    *function = dlsym(so, name);
    if (*function == NULL)
        err_set(&lib.why, -ENOENT, "Xen's library lacks %s", name);
    return *function != NULL;
}

static bool load_all(void)
{
    void *control, *guest;

    return load(&control, CONTROL) && load(&guest, GUEST) &&
           find(control, "xc_interface_open", (void **)&lib.open) &&
           find(control, "xc_version", (void **)&lib.version) &&
           find(control, "xc_physinfo", (void **)&lib.physinfo) &&
           find(control, "xc_domain_getinfolist", (void **)&lib.domains) &&
           find(guest, "xc_get_cpu_featureset", (void **)&lib.featureset);
}

void read_xen_open(void)
{
    if (access("/dev/xen/privcmd", F_OK) != 0 && access("/proc/xen/privcmd", F_OK) != 0)
        return;
    if (!load_all())
        return;
    errno = 0;
    lib.xen = lib.open(&quiet, &quiet, XC_OPENFLAG_NON_REENTRANT);
    if (lib.xen == NULL)
        err_set(&lib.why, -EIO, "Xen cannot be asked: %s", strerror(errno));
}

static int failed(struct err *e, const char *what)
{
    int rc = errno > 0 ? -errno : -EIO;

    return err_set(e, rc, "Xen does not tell %s: %s", what, strerror(-rc));
}

/* A Xen that was built without guests of a kind has no set of them. */
static int read_featuresets(struct xen_machine *out, struct err *e)
{
    for (uint32_t i = 0; i < XEN_SET_COUNT; i++) {
        uint32_t n = XEN_WORDS_MAX;

        errno = 0;
        if (lib.featureset(lib.xen, i, &n, out->sets[i].words) == 0)
            out->sets[i].n = n < XEN_WORDS_MAX ? n : XEN_WORDS_MAX;
        else if (errno != EOPNOTSUPP)
            return failed(e, "what its processors can do");
    }
    return 0;
}

int read_xen(struct arena *a, struct xen_machine *out, struct err *e)
{
    xen_capabilities_info_t kinds = { 0 };
    xc_physinfo_t info = { 0 };

    *out = (struct xen_machine){ .cpus = 0 };
    if (lib.xen == NULL)
        return err_set(e, -ENODEV, "%s", lib.why.text);
    errno = 0;
    if (lib.physinfo(lib.xen, &info) != 0)
        return failed(e, "of the machine");
    if (lib.version(lib.xen, XENVER_capabilities, &kinds) == 0)
        out->guest_kinds = bytes_of(arena_strdup(a, kinds));
    out->total_pages = info.total_pages;
    out->free_pages = info.free_pages;
    out->cpus = info.nr_cpus;
    out->nodes = info.nr_nodes;
    out->threads_per_core = info.threads_per_core;
    out->cores_per_socket = info.cores_per_socket;
    out->cpu_khz = info.cpu_khz;
    out->capabilities = info.capabilities;
    return read_featuresets(out, e);
}

static struct xen_domain domain_of(const xc_domaininfo_t *i)
{
    struct xen_domain d = { .domid = i->domain,
                            .flags = i->flags,
                            .vcpus = i->nr_online_vcpus,
                            .pages = i->tot_pages,
                            .pages_max = i->max_pages,
                            .cpu_time_ns = i->cpu_time };

    _Static_assert(sizeof d.uuid == sizeof i->handle, "both are UUIDs");
    memcpy(d.uuid, i->handle, sizeof d.uuid);
#if defined(__x86_64__) || defined(__i386__)
    d.emulation = i->arch_config.emulation_flags;
#endif
    return d;
}

int read_domains(struct arena *a, struct xen_domain **out, size_t *n, bool *cut, struct err *e)
{
    xc_domaininfo_t *part = arena_array(a, DOMAINS_AT_ONCE, sizeof *part);
    uint32_t first = 0;
    int count;

    *n = 0;
    *cut = false;
    *out = arena_array(a, LIMIT_ROWS_DOMAINS, sizeof **out);
    if (part == NULL || *out == NULL)
        return err_set(e, -ENOMEM, "out of memory while asking Xen for its domains");
    if (lib.xen == NULL)
        return err_set(e, -ENODEV, "%s", lib.why.text);
    do {
        errno = 0;
        count = lib.domains(lib.xen, first, DOMAINS_AT_ONCE, part);
        if (count < 0)
            return failed(e, "of its domains");
        for (int i = 0; i < count && !*cut; i++) {
            *cut = *n == LIMIT_ROWS_DOMAINS;
            if (!*cut)
                (*out)[(*n)++] = domain_of(&part[i]);
            first = part[i].domain + 1u;
        }
    } while (count == DOMAINS_AT_ONCE && !*cut);
    return 0;
}
