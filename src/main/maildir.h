/* A Maildir++ made of an archive of mail, and the other way round. Folders are ".a.b" with names in
 * modified UTF-7, flags in the file's name, the internal date as its time, and keywords as Dovecot
 * keeps them: a letter each, named in "dovecot-keywords". */
#ifndef MAIN_MAILDIR_H
#define MAIN_MAILDIR_H

#include "admin/admin.h"

/* Both are transfers of admin_ask_on; context is the path, a NUL-ended string. maildir_write makes
 * the directory, which must not be there. */
enum status maildir_write(void *context, const struct byte_pipe *verb);
enum status maildir_read(void *context, const struct byte_pipe *verb);

#endif
