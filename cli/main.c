/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <signal.h>

#include "command.h"

int main(int argc, char **argv)
{
    /* A reader that has seen enough is no reason to die without the right exit code. */
    signal(SIGPIPE, SIG_IGN);
    return muster_run(argc, argv);
}
