/* THE COMMANDS: a new one is a row here, a line in imap_commands.h, and a file. */
#include "proto/imap/imap_commands.h"

/* clang-format off */
const struct imap_command imap_commands[] = {
    {"CAPABILITY",   0,                                       imap_capability},
    {"NOOP",         0,                                       imap_noop},
    {"LOGOUT",       0,                                       imap_logout},
    {"ID",           0,                                       imap_id},
    {"STARTTLS",     0,                                       imap_refused_now},
    {"LOGIN",        0,                                       imap_refused_now},
    {"AUTHENTICATE", 0,                                       imap_refused_now},
    {"SELECT",       0,                                       imap_select},
    {"EXAMINE",      0,                                       imap_examine},
    {"UNSELECT",     IMAP_NEEDS_MAILBOX,                      imap_unselect},
    {"CHECK",        IMAP_NEEDS_MAILBOX,                      imap_check},
    {"FETCH",        IMAP_NEEDS_MAILBOX | IMAP_KEEPS_NUMBERS, imap_fetch},
    {"UID FETCH",    IMAP_NEEDS_MAILBOX | IMAP_BY_UID,        imap_fetch},
};
/* clang-format on */
const unsigned imap_command_count = sizeof(imap_commands) / sizeof(*imap_commands);
