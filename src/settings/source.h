/* The bytes that make the settings: the main file cut at its include lines, with the included files
 * in between, in the order of reading. */
#ifndef SETTINGS_SOURCE_H
#define SETTINGS_SOURCE_H

#include "base/arena.h"
#include "settings/settings.h"

enum { SETTINGS_SOURCE_MAX = 4 * 1024 * 1024 };

struct settings_piece {
    struct text file;
    uint32_t first_line; /* the number of its first line in the file */
    struct text bytes;
};

struct settings_source {
    struct arena arena;
    struct text directory; /* what relative file names of the files above are relative to */
    struct settings_piece *pieces;
    unsigned piece_count;
    size_t encoded_bytes;
};

#endif
