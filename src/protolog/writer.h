/* Where rows become files: in the store, on a thread beside its loop, so that a slow disk holds up
 * the log and nothing else. Rows that come while too many wait, or that a disk does not take, are
 * dropped, counted, and told in the server's own log. */
#ifndef PROTOLOG_WRITER_H
#define PROTOLOG_WRITER_H

#include "settings/settings.h"
#include "task/task.h"

struct protolog_writer;

struct protolog_writer *protolog_writer_new(void);
/* Writes what has come and frees. Accepts NULL. YIELDS. */
void protolog_writer_free(struct protolog_writer **writer);
/* By these from the next batch on. Not before they are set is anything taken. */
void protolog_writer_configure(struct protolog_writer *writer, struct settings *settings);
/* A batch as PROTOLOG_ROWS carries it; nothing in it is trusted. Does not yield. */
void protolog_writer_take(struct protolog_writer *writer, struct text batch);

#endif
