/* What verbs do with their words and what they print alike. */
#ifndef ADMIN_WORDS_H
#define ADMIN_WORDS_H

#include "admin/admin.h"

/* Take `--name VALUE` out of the words; value "" when it is not there. REFUSED: it has no value. */
enum status verb_take_option(struct admin_call *call, struct text name, struct text *value);
/* Take `--name` out of the words; true when it was there. */
bool verb_take_switch(struct admin_call *call, struct text name);
/* The same with a number as value: bytes (10MB), or milliseconds (2h); 0 when it is not there. */
enum status verb_take_size(struct admin_call *call, struct text name, uint64_t *bytes);
enum status verb_take_time(struct admin_call *call, struct text name, uint64_t *milliseconds);
/* Of what is left: no options, and least to most words. REFUSED with the usage. */
enum status verb_check_words(const struct admin_call *call, unsigned least, unsigned most,
                             const char *usage);
/* The first word as an id. REFUSED when it is none. */
enum status verb_take_id(const struct admin_call *call, uint64_t *id);

/* `,"name":"value"` with the value escaped. */
void verb_json_field(struct buffer *out, const char *name, struct text value);
/* "45s", "12m", "3h", "2d". */
void verb_age(struct buffer *out, int64_t milliseconds);
/* One line; what strangers wrote stays on it. */
void verb_clean(struct buffer *out, struct text text);
/* RFC 3339, or "-" for 0. */
void verb_time(struct buffer *out, int64_t wall_ms);

#endif
