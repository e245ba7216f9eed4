/* A file that is in its directory whole and on stable storage, or not at all: written under a name
 * that begins with a dot, then renamed. Everything here blocks. */
#ifndef FOLDER_FILE_H
#define FOLDER_FILE_H

#include "base/status.h"
#include "base/text.h"

enum { FOLDER_NAME_BYTES = 256 };

/* In caller's memory. */
struct folder_file {
    int directory, fd; /* -1: none */
    uint64_t size;
    char written_as[FOLDER_NAME_BYTES];
};

/* 32 hexadecimal digits that nobody guesses. Returns out. */
const char *folder_random_name(char out[33]);

/* TRY_LATER with the reason. mode is exact, whatever the umask. */
enum status folder_file_begin(struct folder_file *file, const char *directory, unsigned mode);
enum status folder_file_write(struct folder_file *file, struct text bytes);
/* Under this name, over one that is there; ends the file either way. */
enum status folder_file_commit(struct folder_file *file, const char *name);
/* Harmless on one that has ended. */
void folder_file_abandon(struct folder_file *file);

#endif
