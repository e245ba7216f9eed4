/* A bounded memory of what happened lately: at most `limit` entries by key; the one not used for
 * the longest time goes first. Entries are plain bytes, zeroed when made. */
#ifndef DIRECTORY_RECENT_H
#define DIRECTORY_RECENT_H

#include "base/text.h"

struct recent;

struct recent *recent_new(size_t limit, size_t entry_bytes);
void recent_free(struct recent **recent);
/* NULL when absent. Lent until the next recent_take or recent_remove. */
void *recent_find(struct recent *recent, struct text key);
/* As recent_find, made anew when absent. */
void *recent_take(struct recent *recent, struct text key);
/* Wipes it. Harmless when absent. */
void recent_remove(struct recent *recent, struct text key);
/* Each entry, the one used last first. visit must not take or remove any. */
typedef void recent_visit(void *context, struct text key, void *entry);
void recent_each(struct recent *recent, recent_visit *visit, void *context);

#endif
