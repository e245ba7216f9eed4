/* Certificate and key files as the `cert` verbs write them: whole or not at all, keys for their
 * owner's eyes alone. */
#ifndef MAIN_CERT_FILES_H
#define MAIN_CERT_FILES_H

#include <sys/types.h>

#include "main/site_files.h"

enum { CERT_FILE_MAX = 1 << 20 };

/* REFUSED when it exists. */
enum status cert_file_create(const char *path, mode_t mode, struct text bytes);
/* Put in the place of what is there, or new: by another name first, then renamed. It keeps the
 * owner and group of what it replaces. */
enum status cert_file_replace(const char *path, mode_t mode, struct text bytes);
/* A server could serve these two files. */
enum status cert_files_check(const char *certificate, const char *key);

#endif
