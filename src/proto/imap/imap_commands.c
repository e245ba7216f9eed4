/* THE COMMANDS: a new one is a row here, a line in imap_commands.h, and an action in its file. */
#include "proto/imap/imap_commands.h"

/* For each: what must hold, and what it may do to message numbers. */
enum {
    SELECTED = IMAP_NEEDS_MAILBOX,
    UID = IMAP_NEEDS_MAILBOX | IMAP_BY_UID,
    NUMBER = IMAP_NEEDS_MAILBOX | IMAP_BY_NUMBER,
    NUMBERS = IMAP_NEEDS_MAILBOX | IMAP_BY_NUMBER | IMAP_KEEPS_NUMBERS,
    CHANGES = IMAP_CHANGES,
};

/* clang-format off */
const struct imap_command imap_commands[] = {
    {"CAPABILITY",   0,                   imap_capability},
    {"NOOP",         0,                   imap_noop},
    {"LOGOUT",       0,                   imap_logout},
    {"ID",           0,                   imap_id},
    {"COMPRESS",     0,                   imap_compress},
    {"ENABLE",       0,                   imap_enable},
    {"STARTTLS",     0,                   imap_refused_now},
    {"LOGIN",        0,                   imap_refused_now},
    {"AUTHENTICATE", 0,                   imap_refused_now},
    {"LANGUAGE",     0,                   imap_language},

    {"CREATE",       0,                   imap_create},
    {"DELETE",       0,                   imap_delete},
    {"RENAME",       0,                   imap_rename},
    {"SUBSCRIBE",    0,                   imap_subscribe},
    {"UNSUBSCRIBE",  0,                   imap_unsubscribe},
    {"LIST",         0,                   imap_list},
    {"LSUB",         0,                   imap_lsub},
    {"NAMESPACE",    0,                   imap_namespace},
    {"NOTIFY",       0,                   imap_notify},
    {"ESEARCH",      0,                   imap_multisearch},
    {"STATUS",       0,                   imap_status},
    {"GETQUOTA",     0,                   imap_getquota},
    {"GETQUOTAROOT", 0,                   imap_getquotaroot},
    {"SETQUOTA",     0,                   imap_setquota},
    {"APPEND",       0,                   imap_append},
    {"IDLE",         0,                   imap_idle},

    {"SELECT",       0,                   imap_select},
    {"EXAMINE",      0,                   imap_examine},
    {"UNSELECT",     SELECTED,            imap_unselect},
    {"CLOSE",        SELECTED,            imap_close},
    {"CHECK",        SELECTED,            imap_check},
    {"EXPUNGE",      SELECTED | CHANGES,  imap_expunge},
    {"UID EXPUNGE",  UID | CHANGES,       imap_expunge},
    {"FETCH",        NUMBERS,             imap_fetch},
    {"UID FETCH",    UID,                 imap_fetch},
    {"SEARCH",       NUMBERS,             imap_search},
    {"UID SEARCH",   UID,                 imap_search},
    {"SORT",         NUMBERS,             imap_sort},
    {"UID SORT",     UID,                 imap_sort},
    {"THREAD",       NUMBERS,             imap_thread},
    {"UID THREAD",   UID,                 imap_thread},
    {"STORE",        NUMBERS | CHANGES,   imap_store},
    {"UID STORE",    UID | CHANGES,       imap_store},
    {"REPLACE",      NUMBER | CHANGES,    imap_replace},
    {"UID REPLACE",  UID | CHANGES,       imap_replace},
    {"COPY",         NUMBER,              imap_copy},
    {"UID COPY",     UID,                 imap_copy},
    {"MOVE",         NUMBER | CHANGES,    imap_move},
    {"UID MOVE",     UID | CHANGES,       imap_move},
};
/* clang-format on */
const unsigned imap_command_count = sizeof(imap_commands) / sizeof(*imap_commands);
