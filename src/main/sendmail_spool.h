/* A message on its way into the pickup folder, for sendmail(8). Everything here blocks. */
#ifndef MAIN_SENDMAIL_SPOOL_H
#define MAIN_SENDMAIL_SPOOL_H

#include "folder/envelope.h"
#include "folder/file.h"

struct spool {
    const char *folder;
    uint64_t most; /* bytes of a message; 0: any */
    struct folder_file file;
};

/* What the settings say, as far as this user may read them: else the defaults. folder lives in
 * arena. */
void spool_find(const char *settings_path, struct arena *arena, struct spool *out);
/* The envelope's lines; then the message by spool_write, as it is. TRY_LATER: the disk; REFUSED: it
 * is too large, or holds a NUL byte. */
enum status spool_begin(struct spool *spool, const struct folder_envelope *envelope);
enum status spool_write(struct spool *spool, struct text bytes);
/* On stable storage, whether a server runs or not. */
enum status spool_commit(struct spool *spool);
void spool_abandon(struct spool *spool);

/* `mailroot queue import`: a file that begins with its envelope's lines, into the spool. */
enum status spool_import(struct spool *spool, const char *path);
/* SMTP on standard input and output, RFC 5321: each message into the spool. Exit status. */
int sendmail_smtp(struct spool *spool);

#endif
