/* The files that the settings name and only the parent may open: certificates with their keys,
 * authorities, trust anchors. Their bytes are handed to the roles that need them; certificates are
 * read again when their files change. */
#ifndef MAIN_SITE_FILES_H
#define MAIN_SITE_FILES_H

#include <sys/stat.h>

#include "proc/role.h"

struct site_file {
    char *path;
    struct buffer bytes;
    struct stat state; /* when it was read */
    struct stat seen;  /* of a change that could not be taken up, so far */
};

/* A certificate's file and its key's; their places in struct site_files. */
struct site_pair {
    unsigned certificate, key;
    bool is_broken; /* the files on disk are not usable; those read before serve on */
    char reason[REASON_BYTES];
};

struct site_files {
    struct site_file *list;
    unsigned count;
    struct site_pair *pairs;
    unsigned pair_count;
};

/* A whole file appended to out. REFUSED with its name and why. Blocks. */
enum status site_file_read(const char *path, struct buffer *out);

/* All of them, and each is what it should be; REFUSED says which is not. Blocks. */
enum status site_files_read(const struct settings *settings, struct site_files *out);
void site_files_free(struct site_files *files);
/* What a role needs of them, as wire texts path, bytes ... */
void site_files_encode(const struct site_files *files, const struct settings *settings,
                       enum role_kind kind, struct buffer *out);
/* Look at the pairs again. True: at least one is another now. A pair that is not usable stays as it
 * was; when it was so at the last look already, and is no half-written one, that is logged once.
 * Blocks, briefly. */
bool site_files_refresh(struct site_files *files);

#endif
