/* SPDX-License-Identifier: GPL-2.0-or-later */
/* No file of /proc or /sys has the rate of the TSC. The kernel tells it to user space in the page
 * that it maps for a performance event, for those who read the TSC themselves, and only while its
 * own clock is the TSC and stable. An event that counts nothing is enough. */
#include <linux/perf_event.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "collect/parse_system.h"
#include "collect/read.h"

static struct opt read_page(const volatile struct perf_event_mmap_page *page)
{
    for (int i = 0; i < 100; i++) {
        uint32_t lock = page->lock, mult;
        uint16_t shift;
        bool usable;

        __sync_synchronize();
        usable = page->cap_user_time;
        mult = page->time_mult;
        shift = page->time_shift;
        __sync_synchronize();
        if (lock == page->lock && (lock & 1) == 0)
            return usable ? tsc_khz_of(mult, shift) : (struct opt){ .has = false };
    }
    return (struct opt){ .has = false };
}

struct opt read_tsc_khz(void)
{
    struct perf_event_attr attr = {
        .type = PERF_TYPE_SOFTWARE,
        .size = sizeof attr,
        .config = PERF_COUNT_SW_DUMMY,
        .exclude_kernel = 1,
        .exclude_hv = 1,
    };
    long fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    struct opt khz = { .has = false };
    void *page;

    if (fd < 0)
        return khz;
    page = mmap(NULL, size, PROT_READ, MAP_SHARED, (int)fd, 0);
    if (page != MAP_FAILED) {
        khz = read_page(page);
        munmap(page, size);
    }
    close((int)fd);
    return khz;
}
