/* A directory of mbox files made of an archive of mail, and the other way round: "a/b.mbox" is the
 * mailbox "a/b". In names "." and "%" stand as "%2E" and "%25". Read is also one file alone, which
 * is INBOX, and files without ".mbox" that begin as one does. */
#ifndef MAIN_MBOX_FILES_H
#define MAIN_MBOX_FILES_H

#include "admin/admin.h"

/* Both are transfers of admin_ask_on; context is the path, a NUL-ended string. mbox_files_write
 * makes the directory, which must not be there. */
enum status mbox_files_write(void *context, const struct byte_pipe *verb);
enum status mbox_files_read(void *context, const struct byte_pipe *verb);

/* The file begins as an mbox does. */
bool mbox_files_is_one(const char *path);

#endif
