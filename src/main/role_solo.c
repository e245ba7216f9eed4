/* The program that holds every role at once. `mailroot serve --one-process` becomes it: the roles
 * run as tasks of one process over the same channels. And `mailroot VERB` becomes it when no server
 * runs: it then opens the directory or the store itself and runs the same verb. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "main/offline.h"
#include "main/one_process.h"

int main(int count, char **arguments)
{
    if (count == 3 && strcmp(arguments[1], "serve") == 0)
        return one_process_serve(arguments[2]);
    if (count >= 4 && strcmp(arguments[1], "verb") == 0)
        return offline_run(arguments[2], count - 3, arguments + 3);
    fprintf(stderr, "started by mailroot, not by hand\n");
    return EXIT_FAILURE;
}
