/* The names of the files, as IIS gives them: by the time at which a file begins (ex060818.log), or
 * numbered (extend1.log). Pure. */
#ifndef PROTOLOG_NAME_H
#define PROTOLOG_NAME_H

#include "settings/protolog.h"

enum { PROTOLOG_FILE_NAME_BYTES = 32 };

/* The file that a row of this time belongs into. number: of the files that are numbered, from 1. */
void protolog_file_name(const struct setting_log *log, int64_t wall_ms, uint32_t number,
                        char out[PROTOLOG_FILE_NAME_BYTES]);
/* A name that some log's file may have; *number is its number, 0 where it goes by time. format:
 * whose numbered names, PROTOLOG_OFF: any. */
bool protolog_name_parse(struct text name, enum protolog_format format, uint32_t *number);

#endif
