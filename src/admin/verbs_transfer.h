/* All mail of a user on its way out or in, as an archive (mail/tar.h) over the pipe of the call;
 * the caller has the files. A directory of the archive is a mailbox, with the notes "mailbox" (its
 * name), "uses" and "subscribed"; a file is a message, with "mailbox" and "flags", or what the user
 * has beside mail (extras.h). */
#ifndef ADMIN_VERBS_TRANSFER_H
#define ADMIN_VERBS_TRANSFER_H

#include "admin/admin.h"

enum status verb_mailbox_export(void *state, struct admin_call *call);
enum status verb_mailbox_import(void *state, struct admin_call *call);

#endif
