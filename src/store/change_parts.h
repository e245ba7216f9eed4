/* The larger operations of a record, each as bytes. Included only by change.c and change_parts.c.
 * Getting sets in->bad for what no put can have written; texts are borrowed, arrays in arena.
 * is_narrow: the form that was written before keywords. */
#ifndef STORE_CHANGE_PARTS_H
#define STORE_CHANGE_PARTS_H

#include "store/change.h"

/* Facts that the record and the index write alike. */
void change_put_facts(struct buffer *out, const struct message *message);
void change_get_facts(struct wire_reader *in, struct arena *arena, struct message *out);
/* `count` things of at least `bytes` each can't be more than what is left. */
bool change_count_fits(struct wire_reader *in, uint32_t count, size_t bytes);

void change_put_message(struct buffer *out, const struct operation_message *operation);
void change_get_message(struct wire_reader *in, struct arena *arena, bool is_narrow,
                        struct operation_message *out);
void change_put_mailbox(struct buffer *out, const struct operation_mailbox *operation);
void change_get_mailbox(struct wire_reader *in, struct arena *arena, bool is_narrow,
                        struct operation_mailbox *out);
void change_put_flags(struct buffer *out, const struct operation_flags *operation);
void change_get_flags(struct wire_reader *in, struct arena *arena, struct operation_flags *out);
/* As they once were written: of one UID, and of a list. */
void change_get_flags_narrow(struct wire_reader *in, struct arena *arena,
                             struct operation_flags *out);
void change_get_flags_listed(struct wire_reader *in, struct arena *arena,
                             struct operation_flags *out);
void change_put_expunge(struct buffer *out, const struct operation_expunge *operation);
void change_get_expunge(struct wire_reader *in, struct arena *arena, struct operation_expunge *out);
void change_put_copy(struct buffer *out, const struct operation_copy *operation);
void change_get_copy(struct wire_reader *in, struct arena *arena, struct operation_copy *out);

#endif
