/* Messages that an owner puts into a mailbox: bytes of any size, streamed, all of them in the
 * mailbox together or none (RFC 3502). They are shown as they came. */
#ifndef STORE_APPEND_H
#define STORE_APPEND_H

#include "store/mailbox.h"

struct append;

/* id: of the first message; those that follow get the next ones from new_id. */
struct append *append_new(struct store *store, uint64_t (*new_id)(void *context), void *context);
/* Begin a message. flags: mailbox_flags; keywords: those beside them, borrowed for this call;
 * date_ms: its internal date. */
void append_begin(struct append *append, uint64_t flags, const struct text *keywords,
                  unsigned keyword_count, int64_t date_ms);
/* So many bytes of it come next: make room for what is held of them. TRY_LATER: there is no memory
 * for it now. */
enum status append_expect(struct append *append, uint64_t bytes);
/* Add bytes to it. TRY_LATER: the disk; REFUSED: it is too large. Then abandon. YIELDS. */
enum status append_bytes(struct append *append, struct text bytes);
/* The message is whole. more: another one follows. Fails as append_bytes. YIELDS. */
enum status append_end(struct append *append, bool more);
/* With append_commit, and in the same record, this entry goes away. */
void append_replaces(struct append *append, uint64_t mailbox, uint32_t uid);
/* Make all of them durable in the mailbox, with UIDs from *first on. REFUSED: it takes no more, or
 * is gone. YIELDS. */
enum status append_commit(struct append *append, struct mailbox *box, uint32_t *first);
unsigned append_count(const struct append *append);
/* Ends it; what was not committed is abandoned. Accepts NULL. */
void append_free(struct append **append);

#endif
