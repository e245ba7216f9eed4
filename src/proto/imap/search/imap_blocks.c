#include "proto/imap/search/imap_blocks.h"

#include <stdlib.h>

#include "base/check.h"
#include "mail/column.h"
#include "mail/grams.h"
#include "proto/imap/search/imap_text.h"
#include "proto/imap/search/imap_words.h"
#include "store/block.h"
#include "store/fresh.h"

enum { COLUMNS = 4, HEAD_MAX = 16 << 10 };

/* Whose blocks are made. */
struct work {
    struct store *store;
    struct mailbox *box; /* open */
    uint8_t charset;     /* mail/charset.h: for those who guess this one */
    const struct imap_blocks_pause *pause;
};

/* A block that is being made. */
struct making {
    struct store *store;
    uint64_t mailbox;
    const struct imap_blocks_pause *pause;
    struct imap_words_head head;
    struct mailbox_entry entries[BLOCK_MEMBERS];
    struct postings *postings;
    struct column columns[COLUMNS];
};

/* One that is there. */
struct old {
    uint32_t last;
    uint64_t stamp;
    unsigned left; /* members that are not gone */
    struct imap_words_head head;
};

static struct making *making_new(const struct work *work)
{
    struct making *making = calloc(1, sizeof(*making));
    check(making != NULL);
    making->store = work->store;
    making->mailbox = mailbox_id(work->box);
    making->head.charset = work->charset;
    making->pause = work->pause;
    making->postings = postings_new();
    for (unsigned i = 0; i < COLUMNS; i++)
        column_init(&making->columns[i]);
    return making;
}

static void making_free(struct making **freed)
{
    struct making *making = *freed;
    *freed = NULL;
    for (unsigned i = 0; i < COLUMNS; i++)
        column_finish(&making->columns[i]);
    postings_free(&making->postings);
    free(making);
}

static void pause_now(const struct making *making)
{
    making->pause->pause(making->pause->context);
}

/* One message */

struct listing {
    struct postings *postings;
    unsigned member;
};

static void take_gram(void *context, uint16_t gram)
{
    struct listing *listing = context;
    postings_add(listing->postings, listing->member, gram);
}

/* What is known of it already, by itself. */
static bool take_grams(struct making *making, unsigned member)
{
    struct listing listing = {making->postings, member};
    struct buffer grams;
    buffer_init(&grams, GRAMS_ENCODED_MAX);
    bool is_known =
        derived_get(making->store, making->entries[member].message, DERIVED_GRAMS, &grams) &&
        grams_are_for(buffer_text(&grams), making->head.charset) &&
        grams_each(buffer_text(&grams), take_gram, &listing);
    if (is_known && grams_readers(buffer_text(&grams)) != 0)
        members_add(&making->head.guessed, member);
    buffer_finish(&grams);
    return is_known;
}

struct field {
    struct column *column;
    unsigned member;
};

static void begin_value(void *context)
{
    unused(context);
}

static bool take_value(void *context, struct text folded)
{
    struct field *field = context;
    column_add(field->column, field->member, folded);
    return true;
}

/* YIELDS. */
static bool take_fields(struct making *making, unsigned member)
{
    struct imap_message message;
    bool is_guessed = false;
    enum status status = OK;
    imap_message_init(&message, making->store, &making->entries[member]);
    message.charset = making->head.charset;
    for (unsigned i = 0; i < COLUMNS && status == OK; i++) {
        struct field field = {&making->columns[i], member};
        const struct imap_text_sink sink = {&field, begin_value, take_value, NULL, &is_guessed};
        status = imap_text_field(&message, text_from(imap_words_fields[i]), &sink);
    }
    imap_message_finish(&message);
    if (is_guessed)
        members_add(&making->head.guessed, member);
    return status == OK;
}

/* What can't be read is left to each search. YIELDS. */
static void take_messages(struct making *making)
{
    for (unsigned i = 0; i < making->head.count; i++) {
        making->head.uids[i] = making->entries[i].uid;
        if (!take_grams(making, i) || !take_fields(making, i))
            members_add(&making->head.unread, i);
        pause_now(making);
    }
}

/* Members of blocks that are put together */

enum { NOBODY = BLOCK_MEMBERS };

/* Where a block's members go; those that are gone go nowhere. */
struct moving {
    struct making *making;
    unsigned to[BLOCK_MEMBERS];
    unsigned field;
};

static void move_gram(void *context, uint16_t gram, unsigned member)
{
    struct moving *moving = context;
    if (moving->to[member] != NOBODY)
        postings_add(moving->making->postings, moving->to[member], gram);
}

static void move_text(void *context, unsigned member, struct text text)
{
    struct moving *moving = context;
    struct column *column = &moving->making->columns[moving->field];
    if (moving->to[member] == NOBODY)
        return;
    if (text.data == NULL)
        column_skip(column, moving->to[member]);
    else
        column_add(column, moving->to[member], text);
}

static void move_members(struct moving *moving, const struct mailbox *box,
                         const struct imap_words_head *head)
{
    struct imap_words_head *to = &moving->making->head;
    for (unsigned i = 0; i < BLOCK_MEMBERS; i++) {
        bool is_there = i < head->count && mailbox_entry_find(box, head->uids[i]) != NULL;
        moving->to[i] = is_there ? to->count : (unsigned)NOBODY;
        if (!is_there)
            continue;
        if (members_have(&head->unread, i))
            members_add(&to->unread, to->count);
        if (members_have(&head->guessed, i))
            members_add(&to->guessed, to->count);
        to->uids[to->count++] = head->uids[i];
    }
}

/* What one part says, into what is made. */
static bool move_part(struct moving *moving, unsigned part, struct text bytes)
{
    if (part >= WORDS_POSTINGS)
        return postings_each(bytes, part - WORDS_POSTINGS, move_gram, moving);
    moving->field = part - WORDS_COLUMNS;
    return column_each(bytes, move_text, moving);
}

/* YIELDS. */
static bool take_block(struct making *making, const struct mailbox *box, const struct old *old)
{
    struct moving *moving = calloc(1, sizeof(*moving));
    struct buffer value;
    bool good = true;
    check(moving != NULL);
    moving->making = making;
    move_members(moving, box, &old->head);
    buffer_init(&value, WORDS_STAMP_BYTES + COLUMN_ENCODED_MAX);
    for (unsigned part = WORDS_COLUMNS; part < WORDS_POSTINGS + POSTING_PARTS && good; part++) {
        if (part == WORDS_COLUMNS + COLUMNS)
            part = WORDS_POSTINGS;
        good = block_part(making->store, making->mailbox, old->last, part, &value);
        struct text bytes = buffer_text(&value);
        good = good && imap_words_part_decode(&bytes, old->stamp) && move_part(moving, part, bytes);
        pause_now(making);
    }
    buffer_finish(&value);
    free(moving);
    return good;
}

/* Writing */

/* What was written to `said`, which is emptied. */
static void put_part(struct block *block, unsigned part, uint64_t stamp, struct buffer *said)
{
    struct buffer bytes;
    check(!said->overflowed);
    buffer_init(&bytes, WORDS_STAMP_BYTES + said->length);
    imap_words_part_encode(buffer_text(said), stamp, &bytes);
    block_put(block, part, buffer_text(&bytes));
    buffer_finish(&bytes);
    buffer_reset(said, said->limit);
}

/* YIELDS. */
static void put_parts(const struct making *making, struct block *block)
{
    struct buffer said;
    buffer_init(&said, COLUMN_ENCODED_MAX);
    imap_words_head_encode(&making->head, &said);
    uint64_t stamp = imap_words_stamp(buffer_text(&said));
    block_put(block, WORDS_HEAD, buffer_text(&said));
    buffer_reset(&said, said.limit);
    for (unsigned i = 0; i < COLUMNS; i++) {
        column_encode(&making->columns[i], &said);
        put_part(block, WORDS_COLUMNS + i, stamp, &said);
    }
    for (unsigned i = 0; i < POSTING_PARTS; i++) {
        postings_encode(making->postings, i, &said);
        put_part(block, WORDS_POSTINGS + i, stamp, &said);
        pause_now(making);
    }
    buffer_finish(&said);
}

static uint32_t last_of(const struct imap_words_head *head)
{
    return head->uids[head->count - 1];
}

/* Entries */

/* Those behind the last block, as many as make one. False: there are too few below `before`. */
static bool choose_entries(struct making *making, const struct mailbox *box, uint32_t before)
{
    uint32_t end = blocks_end(making->store, making->mailbox);
    unsigned count = 0;
    const struct mailbox_entry *entry = mailbox_entry_from(box, end + 1);
    while (entry != NULL && entry->uid < before && count < BLOCK_MEMBERS) {
        making->entries[count++] = *entry;
        entry = mailbox_entry_from(box, making->entries[count - 1].uid + 1);
    }
    making->head.count = count;
    return count == BLOCK_MEMBERS;
}

/* YIELDS. */
static void replace_grams(const struct making *making, struct block *block)
{
    for (unsigned i = 0; i < making->head.count; i++) {
        if (!members_have(&making->head.unread, i))
            block_replace_derived(block, making->entries[i].message, DERIVED_GRAMS);
        pause_now(making);
    }
}

/* False: there is nothing to make one of, or it came to nothing. YIELDS. */
static bool make_next(const struct work *work, uint32_t before)
{
    struct making *making = making_new(work);
    struct block *block = block_new(work->store, making->mailbox);
    bool is_made = choose_entries(making, work->box, before);
    if (is_made) {
        take_messages(making);
        put_parts(making, block);
        replace_grams(making, block);
        is_made = !mailbox_is_deleted(work->box) && block_write(block, last_of(&making->head));
    }
    block_free(&block);
    making_free(&making);
    return is_made;
}

/* Blocks of which much is gone */

/* The first at this UID or behind. False: there is none. */
static bool find_old(const struct work *work, uint32_t uid, struct old *old)
{
    struct buffer head;
    buffer_init(&head, HEAD_MAX);
    bool found = block_find(work->store, mailbox_id(work->box), uid, &old->last, &head);
    old->stamp = imap_words_stamp(buffer_text(&head));
    old->left = 0;
    bool is_good = found && imap_words_head_decode(buffer_text(&head), &old->head);
    imap_words_head_read(&old->head, work->charset);
    for (unsigned i = 0; is_good && i < old->head.count; i++)
        old->left += mailbox_entry_find(work->box, old->head.uids[i]) != NULL;
    buffer_finish(&head);
    return found;
}

/* Two in a row as one. YIELDS. */
static bool join(const struct work *work, const struct old *first, const struct old *second)
{
    struct making *making = making_new(work);
    struct block *block = block_new(work->store, making->mailbox);
    bool is_made = take_block(making, work->box, first) && take_block(making, work->box, second) &&
                   making->head.count > 0;
    if (is_made) {
        put_parts(making, block);
        block_replace(block, first->last);
        block_replace(block, second->last);
        is_made = !mailbox_is_deleted(work->box) && block_write(block, last_of(&making->head));
    }
    block_free(&block);
    making_free(&making);
    return is_made;
}

/* So that what is left of a mailbox fills the half of its blocks at least. YIELDS. */
static void tidy(const struct work *work)
{
    struct old *olds = calloc(2, sizeof(*olds)), *first = NULL, *next = olds;
    uint32_t uid = 1;
    check(olds != NULL);
    while (!mailbox_is_deleted(work->box) && !task_is_cancelled() && find_old(work, uid, next)) {
        uint32_t last = next->last;
        if (next->left == 0) {
            block_remove(work->store, mailbox_id(work->box), last);
        } else if (first != NULL && first->left + next->left <= BLOCK_MEMBERS &&
                   join(work, first, next)) {
            first = NULL;
            last = next->head.uids[0] - 1;
        } else {
            first = next;
            next = first == olds ? olds + 1 : olds;
        }
        if (last == UINT32_MAX)
            break;
        uid = last + 1;
        work->pause->pause(work->pause->context);
    }
    free(olds);
}

void imap_blocks_make(struct store *store, uint64_t mailbox, uint32_t before, uint8_t charset,
                      const struct imap_blocks_pause *pause)
{
    struct mailbox *box = mailbox_find_id(store, mailbox);
    if (box == NULL || mailbox_totals(box).messages < BLOCK_MEMBERS ||
        mailbox_uid_next(box) - blocks_end(store, mailbox) <= BLOCK_MEMBERS)
        return;
    struct work work = {store, box, charset, pause};
    unsigned count = 0;
    mailbox_open(box);
    while (!mailbox_is_deleted(box) && !task_is_cancelled() && make_next(&work, before))
        count++;
    if (count > 0)
        tidy(&work);
    mailbox_close(&box);
}

/* For another reader */

struct outdated {
    struct imap_words_head head;
    uint32_t uids[BLOCK_MEMBERS];
    unsigned count, members; /* of all blocks */
};

static void renew_members(struct store *store, uint64_t mailbox, struct outdated *outdated)
{
    unsigned count = 0;
    for (unsigned i = 0; i < outdated->head.count; i++)
        if (members_have(&outdated->head.unread, i))
            outdated->uids[count++] = outdated->head.uids[i];
    if (count > 0)
        fresh_renew_some(store, mailbox, outdated->uids, count);
    outdated->count += count;
    outdated->members += outdated->head.count;
}

/* The head of the first block at *uid or behind, which is moved on. One that can't be read has
 * nobody. False: there is none. */
static bool next_head(struct store *store, uint64_t mailbox, uint8_t charset, uint32_t *uid,
                      struct imap_words_head *out)
{
    struct buffer head;
    uint32_t last = 0;
    buffer_init(&head, HEAD_MAX);
    bool found = *uid > 0 && block_find(store, mailbox, *uid, &last, &head);
    if (found && !imap_words_head_decode(buffer_text(&head), out))
        *out = (struct imap_words_head){.charset = charset};
    if (found)
        imap_words_head_read(out, charset);
    buffer_finish(&head);
    *uid = last + 1;
    return found;
}

void imap_blocks_renew(struct store *store, uint64_t mailbox, uint8_t charset)
{
    /* With one in so many, what they are asked for by themselves costs more than new blocks. */
    enum { MUCH = 4 };
    struct outdated *outdated = calloc(1, sizeof(*outdated));
    check(outdated != NULL);
    for (uint32_t uid = 1; next_head(store, mailbox, charset, &uid, &outdated->head); task_yield())
        renew_members(store, mailbox, outdated);
    if (outdated->count > outdated->members / MUCH)
        blocks_forget(store, mailbox);
    free(outdated);
}
