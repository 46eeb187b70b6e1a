/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/dm_driver.h"

#include <libdevmapper.h>
#include <unistd.h>

/* The driver, and the node that it is asked through. libdevmapper would make a missing node. */
#define DRIVER  "/sys/class/misc/device-mapper"
#define CONTROL "/dev/mapper/control"

/* libdevmapper writes what went wrong to stderr, unless it has somewhere else to say it. */
__attribute__((format(printf, 5, 6))) static void say_nothing(int level, const char *file, int line,
                                                              int code, const char *format, ...)
{
    (void)level;
    (void)file;
    (void)line;
    (void)code;
    (void)format;
}

bool dm_driver_is_there(void)
{
    return access(DRIVER, F_OK) == 0 && access(CONTROL, F_OK) == 0;
}

void dm_driver_settle(void)
{
    dm_log_with_errno_init(say_nothing);
    dm_set_name_mangling_mode(DM_STRING_MANGLING_NONE);
}

void dm_driver_open(void)
{
    struct dm_task *task;

    if (!dm_driver_is_there())
        return;
    dm_driver_settle();
    dm_hold_control_dev(1);
    task = dm_task_create(DM_DEVICE_VERSION); /* asks, and so opens */
    if (task != NULL) {
        dm_task_run(task);
        dm_task_destroy(task);
    }
}

void dm_driver_load(const char *target)
{
    struct dm_task *task;

    dm_driver_settle();
    task = dm_task_create(DM_DEVICE_GET_TARGET_VERSION);
    if (task == NULL)
        return;
    if (dm_task_set_name(task, target))
        dm_task_run(task);
    dm_task_destroy(task);
}
