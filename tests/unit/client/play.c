/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A coordinator for other programs: listens on the endpoint that it is given, answers everything,
 * and says "listening". Each line of its input, a number, is a new generation, of which it sends a
 * hint; it ends with its input. */
#include <stdio.h>
#include <stdlib.h>

#include "peer.h"

int main(int argc, char **argv)
{
    static struct peer peer;
    char line[32];

    if (argc != 2)
        return 2;
    peer_start(&peer, argv[1], NULL);
    puts("listening");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL) {
        peer_figures(&peer, strtoull(line, NULL, 10), 0);
        peer_hint(&peer);
    }
    peer_stop(&peer);
    return 0;
}
