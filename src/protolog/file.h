/* The files of one log in its directory: the one that is written, the next when its time has come
 * or it is full, and the removal of old ones. Whole lines only, whatever the disk does. One writer.
 * Everything here may block: it belongs on a thread of its own. */
#ifndef PROTOLOG_FILE_H
#define PROTOLOG_FILE_H

#include "base/status.h"
#include "protolog/format.h"

struct protolog_file;

/* site->log and its texts may change from row to row, the site's name may not. */
struct protolog_file *protolog_file_new(struct text site_name);
/* Closes. What was put and not flushed is lost. Accepts NULL. */
void protolog_file_free(struct protolog_file **file);

/* What a disk did to us, and how much we gave it; counted until the caller takes it. */
struct protolog_tally {
    uint64_t written, lost; /* rows */
    int error;              /* errno of the latest failure; 0 none */
};

/* Free bytes that are left alone on the disk that has `data` (a path), should the file be there
 * too; NULL: no disk is spared. */
struct protolog_disk {
    const char *data;
    uint64_t reserve;
};

/* Add a row to what is to be written; some of that may be written now. A row from before the file
 * that is open began goes into that file: files only go forward. */
void protolog_file_put(struct protolog_file *file, const struct protolog_site *site,
                       const struct protolog_disk *disk, const struct protolog_row *row,
                       struct protolog_tally *tally);
/* Write what was put: a batch is over. After a failure nothing more is tried before this. */
void protolog_file_flush(struct protolog_file *file, struct protolog_tally *tally);

#endif
