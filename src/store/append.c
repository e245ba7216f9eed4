#include "store/append.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/memory.h"
#include "mail/body_scan.h"
#include "mail/header.h"
#include "store/internal.h"

enum { PART_BYTES = 512 << 10 };

struct appended {
    uint64_t id, flags, size;
    int64_t date_ms;
    struct text message_id, subject; /* these in arena */
    struct text *keywords;
    unsigned keyword_count;
    struct upload *upload; /* NULL: all of it is in `part` still */
    bool is_8bit;
};

struct append {
    struct store *store;
    uint64_t (*new_id)(void *context);
    void *context;
    struct arena arena;
    struct appended *messages;
    unsigned count;
    uint64_t replaced_mailbox; /* 0: nothing is replaced */
    uint32_t replaced_uid;
    /* of the last message */
    struct buffer part; /* not uploaded yet */
    struct header_facts facts;
};

struct append *append_new(struct store *store, uint64_t (*new_id)(void *context), void *context)
{
    struct append *append = calloc(1, sizeof(*append));
    check(append != NULL);
    append->store = store;
    append->new_id = new_id;
    append->context = context;
    arena_init(&append->arena);
    buffer_init(&append->part, PART_BYTES);
    return append;
}

static struct appended *last(struct append *append)
{
    check(append->count > 0);
    return &append->messages[append->count - 1];
}

/* What is gathered of the last message goes to the log. YIELDS. */
static enum status upload_part(struct append *append)
{
    struct appended *message = last(append);
    if (message->upload == NULL)
        message->upload = upload_new(append->store, message->id);
    enum status status = upload_append(message->upload, buffer_text(&append->part));
    buffer_reset(&append->part, PART_BYTES);
    return status;
}

void append_begin(struct append *append, uint64_t flags, const struct text *keywords,
                  unsigned keyword_count, int64_t date_ms)
{
    append->messages = array_grow(append->messages, append->count, sizeof(*append->messages));
    struct appended *message = &append->messages[append->count++];
    *message = (struct appended){.id = append->new_id(append->context),
                                 .flags = flags,
                                 .date_ms = date_ms,
                                 .keyword_count = keyword_count};
    message->keywords = arena_array(&append->arena, keyword_count, sizeof(*keywords));
    for (unsigned i = 0; i < keyword_count; i++)
        message->keywords[i] = arena_copy(&append->arena, keywords[i]);
    header_facts_init(&append->facts);
}

enum status append_expect(struct append *append, uint64_t bytes)
{
    size_t room = PART_BYTES - append->part.length;
    size_t some = bytes < room ? (size_t)bytes : room;
    if (memory_ask(MEMORY_FOR_REST, some) != OK)
        return TRY_LATER;
    buffer_reserve(&append->part, some);
    return OK;
}

static void note_bytes(struct append *append, struct text bytes)
{
    struct appended *message = last(append);
    message->size += bytes.length;
    if (!append->facts.ended)
        header_facts_feed(&append->facts, bytes);
    message->is_8bit = message->is_8bit || body_has_8bit(bytes);
}

enum status append_bytes(struct append *append, struct text bytes)
{
    note_bytes(append, bytes);
    while (bytes.length > 0) {
        struct text some = text_head(bytes, PART_BYTES - append->part.length);
        buffer_append(&append->part, some);
        bytes = text_from_position(bytes, some.length);
        if (append->part.length < PART_BYTES)
            continue;
        enum status status = upload_part(append);
        if (status != OK)
            return status;
    }
    return OK;
}

/* One that is small, and alone, stays in memory: it goes into the record itself. */
enum status append_end(struct append *append, bool more)
{
    struct appended *message = last(append);
    bool is_alone = append->count == 1 && !more;
    header_facts_end(&append->facts);
    message->message_id = arena_copy(&append->arena, text_from(append->facts.message_id));
    message->subject = arena_copy(&append->arena, text_from(append->facts.subject));
    if ((is_alone && message->upload == NULL) || append->part.length == 0)
        return OK;
    return upload_part(append);
}

/* TRY_LATER: a part of it could not be written. */
static enum status compose_message(struct append *append, struct appended *message,
                                   struct message_entry *entry, struct change *change)
{
    unsigned extent_count = 0;
    struct log_place *extents =
        message->upload == NULL ? NULL : upload_extents(message->upload, &extent_count);
    if (message->upload != NULL && extents == NULL)
        return try_later("a part could not be written");
    struct operation operation = {
        .type = OPERATION_MESSAGE,
        .message = {.message = {.id = message->id,
                                .received_ms = clock_wall_ms(),
                                .size = message->size,
                                .terms.body = message->is_8bit ? MAIL_BODY_8BIT : MAIL_BODY_7BIT,
                                .message_id = message->message_id,
                                .subject = message->subject,
                                .extents = extents,
                                .extent_count = extent_count,
                                .is_as_given = true},
                    .body_follows = message->upload == NULL && message->size > 0,
                    .entries = entry,
                    .entry_count = 1}};
    change_add(change, &operation);
    if (operation.message.body_follows)
        change->body = buffer_text(&append->part);
    return OK;
}

/* Keywords as the mailbox numbers them. Those it has no room for are left out. */
static void number_keywords(struct append *append, struct mailbox *box)
{
    for (unsigned i = 0; i < append->count; i++)
        for (unsigned k = 0; k < append->messages[i].keyword_count; k++)
            append->messages[i].flags |= mailbox_keyword_add(box, append->messages[i].keywords[k]);
}

void append_replaces(struct append *append, uint64_t mailbox, uint32_t uid)
{
    append->replaced_mailbox = mailbox;
    append->replaced_uid = uid;
}

/* Nothing yields up to the append. */
static enum status compose(struct append *append, struct mailbox *box, struct change *change,
                           uint32_t *first)
{
    uint32_t now_s = (uint32_t)(clock_wall_ms() / SECOND);
    number_keywords(append, box);
    for (unsigned i = 0; i < append->count; i++) {
        struct appended *message = &append->messages[i];
        struct message_entry entry = {
            .flags = message->flags, .date_ms = message->date_ms, .saved_s = now_s};
        if (!mailbox_compose(box, change, &entry))
            return refused("the mailbox takes no more messages");
        if (i == 0)
            *first = entry.uid;
        enum status status = compose_message(append, message, &entry, change);
        if (status != OK)
            return status;
    }
    return OK;
}

/* The mailbox of what is replaced, opened. NULL: nothing is, or the mailbox is gone. */
static struct mailbox *open_replaced(struct append *append)
{
    struct mailbox *box = mailbox_by_id(append->store, append->replaced_mailbox);
    if (append->replaced_mailbox == 0 || box == NULL)
        return NULL;
    mailbox_open(box);
    return box;
}

enum status append_commit(struct append *append, struct mailbox *box, uint32_t *first)
{
    struct change change;
    change_init(&change);
    uint64_t id = box->id;
    struct mailbox *replaced = open_replaced(append);
    struct mailbox *place = replaced == NULL ? NULL : kept_place(replaced);
    box = mailbox_by_id(append->store, id);
    enum status status = box == NULL ? refused("the mailbox was deleted meanwhile")
                                     : compose(append, box, &change, first);
    if (status == OK && replaced != NULL && !replaced->is_deleted)
        mailbox_compose_expunge(replaced, place, &append->replaced_uid, 1, &change);
    /* What it is written from is a second copy, in a batch that grows by doubling. */
    if (status == OK)
        status = memory_ask(MEMORY_FOR_REST, 2 * change.body.length);
    if (status == OK)
        status = store_commit(append->store, &change);
    mailbox_close(&replaced);
    change_finish(&change);
    return status;
}

unsigned append_count(const struct append *append)
{
    return append->count;
}

void append_free(struct append **freed)
{
    struct append *append = *freed;
    *freed = NULL;
    if (append == NULL)
        return;
    for (unsigned i = 0; i < append->count; i++)
        upload_free(&append->messages[i].upload);
    free(append->messages);
    buffer_finish(&append->part);
    arena_finish(&append->arena);
    free(append);
}
