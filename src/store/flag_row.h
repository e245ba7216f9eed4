/* Flags that changed since their entry came. The entry's key says what they were then; a row beside
 * says what has become of them, one for 64 UIDs: so a change of many flags writes few keys, and no
 * entry anew. Both together are the entry. Included only from store/. */
#ifndef STORE_FLAG_ROW_H
#define STORE_FLAG_ROW_H

#include "base/buffer.h"
#include "store/key.h"
#include "store/mailbox.h"

enum {
    FLAG_ROW_UIDS = 64,
    FLAG_ROW_BYTES_MAX = FLAG_ROW_UIDS * 18,
};

struct flag_row {
    uint64_t changed; /* bits, by UID; the others are as the entry's key says */
    uint64_t modseq[FLAG_ROW_UIDS], flags[FLAG_ROW_UIDS]; /* 0 where not changed */
};

/* The number of the row that has this UID. */
uint32_t flag_row_number(uint32_t uid);

/* One value for one row, whatever made it. Appended. "": nothing has changed. */
void flag_row_encode(const struct flag_row *row, struct buffer *out);
/* False when it is malformed: then nothing has changed. */
bool flag_row_decode(struct text value, struct flag_row *out);
/* The row of the index at this key. */
void flag_row_get(struct store *store, struct text key, struct flag_row *out);

/* The flags and mod-sequence that this UID's entry has by now. */
void flag_row_use(const struct flag_row *row, struct mailbox_entry *entry);
void flag_row_set(struct flag_row *row, const struct mailbox_entry *entry);
/* False: nothing had changed. */
bool flag_row_clear(struct flag_row *row, uint32_t uid);

/* Entries of a mailbox as they are in the index, read one after the other. */
struct entry_reader {
    struct store *store;
    uint64_t mailbox;
    uint32_t number; /* of the row at hand */
    bool has_row;
    struct flag_row row;
};
struct entry_reader entry_reader_of(struct store *store, uint64_t mailbox);
/* False when there is no such entry. */
bool entry_read(struct entry_reader *reader, uint32_t uid, struct mailbox_entry *out);
/* All from a UID on, ascending. visit returning false ends it. */
typedef bool entry_visit(void *context, const struct mailbox_entry *entry);
void entry_scan(struct store *store, uint64_t mailbox, uint32_t from, entry_visit *visit,
                void *context);

#endif
