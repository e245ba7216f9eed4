/* The archive of a user's mail (mail/tar.h) as the forms of an export read it. */
#ifndef MAIN_MAILBOX_ARCHIVE_H
#define MAIN_MAILBOX_ARCHIVE_H

#include "mail/tar.h"

struct mailbox_archive_visitor {
    void *context;
    /* What follows is in this mailbox, until the next. May YIELD. */
    enum status (*mailbox)(void *context, struct text name);
    /* A message; the entry is gone afterwards. May YIELD. */
    enum status (*message)(void *context, struct tar_reader *reader, const struct tar_entry *entry);
};

/* All mailboxes and messages to the end, each mailbox before what is in it; what is neither is
 * passed over. The first status that is not OK ends it. YIELDS as the archive's pipe does. */
enum status mailbox_archive_read(struct tar_reader *reader,
                                 const struct mailbox_archive_visitor *visitor);

#endif
