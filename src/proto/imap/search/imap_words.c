#include "proto/imap/search/imap_words.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/wire.h"
#include "mail/column.h"
#include "mail/grams.h"
#include "proto/imap/search/imap_index.h"
#include "store/block.h"

enum { HEAD_VERSION = 3, FEW = 2, NO_BLOCK = 0 };

const char *const imap_words_fields[] = {"Subject", "From", "To", "Cc", NULL};

/* What is known of one key. */
struct slot {
    uint16_t grams[GRAMS_WANTED_MAX];
    unsigned count;
    /* Of the block's members: may they fit, and do they? */
    unsigned block;
    struct members may, fit;
};

struct imap_words {
    struct store *store;
    uint64_t mailbox;
    uint8_t charset;
    unsigned block; /* counts those that were looked at; NO_BLOCK: none yet */
    bool is_behind; /* there are no more */
    uint32_t last;  /* its last UID */
    uint64_t stamp;
    struct imap_words_head head;
    unsigned at; /* the member that was asked about, or one before */
    struct slot **slots;
    unsigned slot_count;
};

struct imap_words *imap_words_new(struct store *store, uint64_t mailbox, uint8_t charset)
{
    struct imap_words *words = calloc(1, sizeof(*words));
    check(words != NULL);
    words->store = store;
    words->mailbox = mailbox;
    words->charset = charset;
    return words;
}

void imap_words_free(struct imap_words **freed)
{
    struct imap_words *words = *freed;
    *freed = NULL;
    if (words == NULL)
        return;
    for (unsigned i = 0; i < words->slot_count; i++)
        free(words->slots[i]);
    free(words->slots);
    free(words);
}

/* Heads */

static void put_members(const struct members *members, struct buffer *out)
{
    wire_put_u16(out, (uint16_t)members_count(members));
    for (unsigned i = 0; i < BLOCK_MEMBERS; i++)
        if (members_have(members, i))
            wire_put_u16(out, (uint16_t)i);
}

/* Ascending, below count. */
static void get_members(struct wire_reader *in, unsigned count, struct members *out)
{
    unsigned next = 0;
    for (unsigned left = wire_get_u16(in); left > 0 && !in->bad; left--) {
        unsigned member = wire_get_u16(in);
        in->bad = in->bad || member < next || member >= count;
        if (!in->bad)
            members_add(out, member);
        next = member + 1;
    }
}

void imap_words_head_encode(const struct imap_words_head *head, struct buffer *out)
{
    wire_put_u8(out, HEAD_VERSION);
    wire_put_u8(out, head->charset);
    wire_put_u16(out, (uint16_t)head->count);
    for (unsigned i = 0; i < head->count; i++)
        wire_put_u32(out, head->uids[i]);
    put_members(&head->unread, out);
    put_members(&head->guessed, out);
}

bool imap_words_head_decode(struct text bytes, struct imap_words_head *out)
{
    struct wire_reader in = wire_reader_of(bytes);
    uint8_t version = wire_get_u8(&in);
    *out = (struct imap_words_head){.charset = wire_get_u8(&in)};
    out->count = wire_get_u16(&in);
    if (version != HEAD_VERSION || out->charset >= CHARSETS_MAX || out->count == 0 ||
        out->count > BLOCK_MEMBERS)
        return false;
    for (unsigned i = 0; i < out->count; i++) {
        out->uids[i] = wire_get_u32(&in);
        if (i > 0 && out->uids[i] <= out->uids[i - 1])
            return false;
    }
    get_members(&in, out->count, &out->unread);
    get_members(&in, out->count, &out->guessed);
    return wire_end(&in);
}

void imap_words_head_read(struct imap_words_head *head, uint8_t charset)
{
    if (head->charset != charset)
        members_join(&head->unread, &head->guessed);
}

uint64_t imap_words_stamp(struct text head)
{
    return hash_checksum(head);
}

void imap_words_part_encode(struct text bytes, uint64_t stamp, struct buffer *out)
{
    wire_put_u64(out, hash_checksum_more(stamp, bytes));
    buffer_append(out, bytes);
}

bool imap_words_part_decode(struct text *part, uint64_t stamp)
{
    struct wire_reader in = wire_reader_of(*part);
    uint64_t checksum = wire_get_u64(&in);
    *part = in.rest;
    return !in.bad && checksum == hash_checksum_more(stamp, in.rest);
}

/* The block that a UID is in */

/* A block that can't be read is passed over. */
static void next_block(struct imap_words *words, uint32_t uid)
{
    struct buffer head;
    buffer_init(&head, DERIVED_BYTES_MAX);
    words->block++;
    words->at = 0;
    words->head.count = 0;
    words->is_behind = !block_find(words->store, words->mailbox, uid, &words->last, &head);
    if (!words->is_behind && !imap_words_head_decode(buffer_text(&head), &words->head))
        words->head.count = 0;
    imap_words_head_read(&words->head, words->charset);
    words->stamp = imap_words_stamp(buffer_text(&head));
    buffer_finish(&head);
}

/* Its place among the block's members. False: it lies in none, or nothing is known of it there. */
static bool find_member(struct imap_words *words, uint32_t uid)
{
    const struct imap_words_head *head = &words->head;
    if (words->block == NO_BLOCK || (uid > words->last && !words->is_behind))
        next_block(words, uid);
    while (words->at < head->count && head->uids[words->at] < uid)
        words->at++;
    return words->at < head->count && head->uids[words->at] == uid &&
           !members_have(&head->unread, words->at);
}

/* What a block knows of a key */

static bool read_part(const struct imap_words *words, unsigned part, struct buffer *value,
                      struct text *bytes)
{
    if (!block_part(words->store, words->mailbox, words->last, part, value))
        return false;
    *bytes = buffer_text(value);
    return imap_words_part_decode(bytes, words->stamp);
}

/* False: the key looks for something that has no column. */
static bool ask_column(const struct imap_words *words, const struct imap_search_key *key,
                       struct slot *slot)
{
    struct buffer value;
    struct text bytes;
    unsigned field = 0;
    while (imap_words_fields[field] != NULL &&
           !text_equals_nocase(key->name, text_from(imap_words_fields[field])))
        field++;
    if (key->op != SEARCH_HEADER || imap_words_fields[field] == NULL)
        return false;
    buffer_init(&value, WORDS_STAMP_BYTES + COLUMN_ENCODED_MAX);
    struct members fit = {{0}}, skipped = {{0}};
    bool is_known = read_part(words, WORDS_COLUMNS + field, &value, &bytes) &&
                    column_find(bytes, key->text, &fit, &skipped);
    buffer_finish(&value);
    if (!is_known)
        return false;
    slot->fit = slot->may = fit;
    members_join(&slot->may, &skipped);
    return true;
}

static void ask_postings(const struct imap_words *words, struct slot *slot)
{
    struct buffer value;
    struct text bytes;
    buffer_init(&value, WORDS_STAMP_BYTES + POSTING_PART_MAX);
    slot->fit = (struct members){{0}};
    memset(&slot->may, 0xff, sizeof(slot->may));
    /* To read a few messages costs no more than to read on here. */
    for (unsigned i = 0; i < slot->count && members_count(&slot->may) > FEW; i++)
        if (read_part(words, WORDS_POSTINGS + postings_part(slot->grams[i]), &value, &bytes))
            postings_keep(bytes, slot->grams[i], &slot->may);
    buffer_finish(&value);
}

static struct slot *slot_of(struct imap_words *words, const struct imap_search_key *key)
{
    if (key->id >= words->slot_count) {
        unsigned count = key->id + 1;
        words->slots = realloc(words->slots, count * sizeof(*words->slots));
        check(words->slots != NULL);
        while (words->slot_count < count)
            words->slots[words->slot_count++] = NULL;
    }
    struct slot *slot = words->slots[key->id];
    if (slot == NULL) {
        slot = words->slots[key->id] = calloc(1, sizeof(*slot));
        check(slot != NULL);
        slot->count = grams_of(key->text, slot->grams);
    }
    return slot;
}

enum imap_words_answer imap_words_ask(struct imap_words *words, struct imap_message *message,
                                      const struct imap_search_key *key)
{
    struct slot *slot = slot_of(words, key);
    if (!find_member(words, message->entry.uid)) {
        bool may_have = slot->count == 0 || imap_index_may_have(message, slot->grams, slot->count);
        return may_have ? WORDS_UNKNOWN : WORDS_NO;
    }
    if (slot->block != words->block && !ask_column(words, key, slot))
        ask_postings(words, slot);
    slot->block = words->block;
    if (members_have(&slot->fit, words->at))
        return WORDS_YES;
    return members_have(&slot->may, words->at) ? WORDS_UNKNOWN : WORDS_NO;
}
