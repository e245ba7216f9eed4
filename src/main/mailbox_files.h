/* `mailroot mailbox export|import`: the files of it. The mail itself comes from, and goes to, the
 * verb of the same name in the store role, as an archive (mail/tar.h); that role reaches no file.
 *
 *     tar.zst   that archive, compressed: one file with everything
 *     maildir   a Maildir++ with flags, keywords (dovecot-keywords) and dates
 *     mbox      a file for each mailbox, or one for one */
#ifndef MAIN_MAILBOX_FILES_H
#define MAIN_MAILBOX_FILES_H

#include "admin/admin.h"

/* The words are an export or an import. */
bool mailbox_files_is_verb(const struct text *words, unsigned count);
/* Ask the verb over this stream and write or read the files meanwhile. As admin_ask_on. YIELDS, and
 * blocks on files. */
enum status mailbox_files_run(struct stream *stream, const struct text *words, unsigned count,
                              struct buffer *out);

#endif
