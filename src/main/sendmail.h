/* The command under the names sendmail, mailq and newaliases: what programs on this machine send
 * mail with. It needs no server and no privilege: a message is put into the pickup folder. */
#ifndef MAIN_SENDMAIL_H
#define MAIN_SENDMAIL_H

#include <stdbool.h>

struct sendmail_host {
    const char *settings_path;
    /* Run a verb of the command line ("mailq"); its exit status. */
    int (*run_verb)(const char *settings_path, int count, char **words);
};

/* The name is one of these. */
bool sendmail_is_name(const char *name);
/* Exit status as sysexits.h has it. */
int sendmail_run(int count, char **arguments, const struct sendmail_host *host);

#endif
