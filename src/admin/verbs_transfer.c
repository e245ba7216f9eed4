#include "admin/verbs_transfer.h"

#include <stdlib.h>

#include "admin/extras.h"
#include "admin/verbs_account.h"
#include "admin/words.h"
#include "base/array.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/id.h"
#include "mail/tar.h"
#include "proto/imap/mailbox/imap_uses.h"
#include "proto/imap/message/imap_flags.h"
#include "store/append.h"
#include "store/hierarchy.h"
#include "store/shown.h"
#include "store/uses.h"

enum { PIECE = 256 << 10, FLAGS_BYTES = 16 << 10 };

/* Going out */

struct export
{
    struct queue *queue;
    struct store *store;
    const struct byte_pipe *pipe;
    struct text owner;
    struct arena arena; /* of the mailbox */
    struct buffer out;
    unsigned mailboxes, messages, extras;
};

struct found {
    struct arena *arena;
    uint64_t *ids;
    unsigned count;
};

static bool note_mailbox(void *context, struct text name, struct mailbox *box)
{
    struct found *found = context;
    unused(name);
    found->ids = arena_grow(found->arena, found->ids, found->count, sizeof(*found->ids));
    found->ids[found->count++] = mailbox_id(box);
    return true;
}

/* A path that stays below where it is unpacked. */
static struct text safe_path(struct arena *arena, struct text name)
{
    struct text level, path = TEXT("mail");
    while (text_split(&name, '/', &level)) {
        bool climbs =
            text_equals(level, TEXT(".")) || text_equals(level, TEXT("..")) || text_is_empty(level);
        path =
            arena_printf(arena, "%.*s/%.*s%s", TEXT_ARG(path), TEXT_ARG(level), climbs ? "_" : "");
    }
    return path;
}

/* "\Seen keyword" */
static struct text flags_text(struct arena *arena, const struct mailbox *box, uint64_t flags)
{
    struct buffer out;
    buffer_init(&out, FLAGS_BYTES);
    imap_put_flags(&out, box, flags);
    struct text text = arena_copy(arena, text_of(out.data + 1, out.length - 2));
    buffer_finish(&out);
    return text;
}

static void add_note(struct tar_entry *entry, struct text name, struct text value)
{
    entry->notes[entry->note_count++] = (struct tar_note){name, value};
}

/* YIELDS. */
static enum status send_pending(struct export *export)
{
    enum status status = export->pipe->give(export->pipe->context, buffer_text(&export->out));
    buffer_reset(&export->out, PIECE);
    return status;
}

/* YIELDS. */
static enum status export_extra(void *context, const struct tar_entry *entry, struct text bytes)
{
    struct export *export = context;
    enum status status = OK;
    tar_put_head(&export->out, entry);
    while (status == OK && bytes.length > 0) {
        buffer_append(&export->out, text_head(bytes, PIECE));
        bytes = text_from_position(bytes, PIECE);
        status = send_pending(export);
    }
    tar_put_padding(&export->out, entry->size);
    export->extras++;
    return status == OK ? send_pending(export) : status;
}

static enum status export_box(struct export *export, struct mailbox *box)
{
    struct buffer uses;
    struct tar_entry entry = {.is_directory = true, .date_ms = clock_wall_ms()};
    struct text name = arena_copy(&export->arena, mailbox_name(box));
    buffer_init(&uses, 1024);
    imap_put_uses(&uses, mailbox_uses(box));
    entry.path = safe_path(&export->arena, name);
    add_note(&entry, TEXT("mailbox"), name);
    if (uses.length > 0)
        add_note(&entry, TEXT("uses"), text_trim(buffer_text(&uses)));
    if (mailbox_is_subscribed(export->store, export->owner, name))
        add_note(&entry, TEXT("subscribed"), TEXT("yes"));
    tar_put_head(&export->out, &entry);
    buffer_finish(&uses);
    export->mailboxes++;
    enum status status = send_pending(export);
    return status == OK ? extras_of_mailbox(export->queue, mailbox_id(box), export_extra, export)
                        : status;
}

/* YIELDS. */
static enum status export_bytes(struct export *export, struct shown *shown)
{
    uint64_t size = shown_size(shown);
    enum status status = OK;
    for (uint64_t offset = 0; offset < size && status == OK; offset += PIECE) {
        status = shown_read(shown, offset, PIECE, &export->out);
        if (status == OK)
            status = send_pending(export);
    }
    tar_put_padding(&export->out, size);
    return status;
}

/* One that goes away meanwhile is left out. YIELDS. */
static enum status export_message(struct export *export, const struct mailbox *box,
                                  const struct mailbox_entry *found)
{
    struct shown *shown = shown_open(export->store, NULL, found->message);
    struct arena arena;
    if (shown == NULL)
        return OK;
    arena_init(&arena);
    struct text name = mailbox_name(box);
    struct tar_entry entry = {.size = shown_size(shown), .date_ms = found->date_ms};
    entry.path =
        arena_printf(&arena, "%.*s/%010u.eml", TEXT_ARG(safe_path(&arena, name)), found->uid);
    add_note(&entry, TEXT("mailbox"), name);
    add_note(&entry, TEXT("flags"), flags_text(&arena, box, found->flags));
    tar_put_head(&export->out, &entry);
    enum status status = export_bytes(export, shown);
    shown_close(&shown);
    arena_finish(&arena);
    export->messages++;
    return status;
}

/* YIELDS. */
static enum status export_mailbox(struct export *export, uint64_t id)
{
    struct mailbox *box = mailbox_find_id(export->store, id);
    const struct mailbox_entry *next;
    if (box == NULL)
        return OK;
    mailbox_open(box);
    uint32_t after = 0, end = mailbox_uid_next(box);
    enum status status = export_box(export, box);
    while (status == OK && (next = mailbox_entry_from(box, after + 1)) != NULL && next->uid < end) {
        struct mailbox_entry entry = *next;
        after = entry.uid;
        status = export_message(export, box, &entry);
    }
    mailbox_close(&box);
    return status;
}

static enum status export_all(struct export *export)
{
    struct found found = {.arena = &export->arena};
    enum status status = OK;
    mailbox_each_name(export->store, export->owner, TEXT(""), note_mailbox, &found);
    if (found.count == 0)
        return refused("nobody of this address has a mailbox");
    for (unsigned i = 0; i < found.count && status == OK; i++)
        status = export_mailbox(export, found.ids[i]);
    if (status == OK)
        status = extras_of_user(export->queue, export->owner, export_extra, export);
    tar_put_end(&export->out);
    return status == OK ? send_pending(export) : status;
}

enum status verb_mailbox_export(void *state, struct admin_call *call)
{
    struct export export = {.queue = state, .store = queue_store(state), .pipe = call->pipe};
    enum status status = call->pipe == NULL
                             ? refused("mailroot mailbox export hands the mail over itself")
                             : verb_check_words(call, 1, 1, "mailbox export ADDRESS FILE");
    arena_init(&export.arena);
    buffer_init(&export.out, PIECE + TAR_HEAD_MAX + 4096);
    if (status == OK)
        status = verb_owner(call->words[0], &export.arena, &export.owner);
    if (status == OK)
        status = export_all(&export);
    if (status == OK)
        buffer_printf(call->out, "mailboxes: %u, messages: %u, settings and others: %u\n",
                      export.mailboxes, export.messages, export.extras);
    buffer_finish(&export.out);
    arena_finish(&export.arena);
    return status;
}

/* Coming in */

struct import {
    struct queue *queue;
    struct store *store;
    struct text owner;
    struct tar_reader reader;
    struct arena arena; /* of the entry */
    uint64_t last_id;
    unsigned mailboxes, messages, extras, left_out;
};

static uint64_t new_id(void *context)
{
    struct import *import = context;
    return import->last_id = id_new(import->last_id);
}

/* An archive that others made has no notes: its folders are the mailboxes. */
static struct text mailbox_of(const struct tar_entry *entry)
{
    struct text name = tar_note(entry, TEXT("mailbox")), path = entry->path;
    if (!text_is_empty(name))
        return name;
    if (text_starts_with(path, TEXT("mail/")))
        path = text_from_position(path, 5);
    if (!entry->is_directory)
        path = text_head(path,
                         text_find_last(path, '/') < path.length ? text_find_last(path, '/') : 0);
    while (path.length > 0 && path.data[path.length - 1] == '/')
        path.length--;
    return path.length == 0 ? TEXT("INBOX") : path;
}

static unsigned read_uses(struct text text)
{
    struct text word;
    unsigned uses = 0;
    while (text_word(&text, &word))
        uses |= mailbox_use_named(word);
    return uses;
}

/* The mailbox of an entry, made when it is not there. NULL with the reason. YIELDS. */
static struct mailbox *find_or_make(struct import *import, const struct tar_entry *entry)
{
    struct text name = mailbox_of(entry);
    struct mailbox *box = mailbox_find(import->store, import->owner, name);
    if (box == NULL) {
        enum naming naming = mailbox_create(import->store, import->owner, name,
                                            read_uses(tar_note(entry, TEXT("uses"))));
        import->mailboxes += naming == NAMING_DONE;
        box = mailbox_find(import->store, import->owner, name);
    }
    if (box == NULL)
        (void)refused("there can be no mailbox '%.*s'", TEXT_ARG(name));
    return box;
}

/* YIELDS. */
static enum status import_box(struct import *import, const struct tar_entry *entry)
{
    if (find_or_make(import, entry) == NULL)
        return REFUSED;
    return text_is_empty(tar_note(entry, TEXT("subscribed")))
               ? OK
               : mailbox_subscribe(import->store, import->owner, mailbox_of(entry), true);
}

/* Flags as bits; what begins with no backslash is a keyword. */
static uint64_t read_flags(struct text text, const struct mailbox *box, struct text *keywords,
                           unsigned *count)
{
    struct text word;
    uint64_t flags = 0;
    *count = 0;
    while (text_word(&text, &word)) {
        if (text_starts_with(word, TEXT("\\")))
            flags |= imap_flag_find(box, word) & FLAGS_OF_SYSTEM;
        else if (*count < MAILBOX_KEYWORDS_MAX && imap_is_keyword(word))
            keywords[(*count)++] = word;
    }
    return flags;
}

/* YIELDS. */
static enum status append_rest(struct import *import, struct append *append)
{
    struct buffer part;
    enum status status = OK;
    buffer_init(&part, PIECE);
    do {
        buffer_reset(&part, PIECE);
        status = tar_read(&import->reader, PIECE, &part);
        if (status == OK && part.length > 0)
            status = append_bytes(append, buffer_text(&part));
    } while (status == OK && part.length > 0);
    buffer_finish(&part);
    return status == OK ? append_end(append, false) : status;
}

/* YIELDS. */
static enum status import_message(struct import *import, const struct tar_entry *entry)
{
    struct text *keywords = arena_array(&import->arena, MAILBOX_KEYWORDS_MAX, sizeof(*keywords));
    struct mailbox *box = find_or_make(import, entry);
    uint32_t uid;
    if (box == NULL)
        return REFUSED;
    uint64_t id = mailbox_id(box);
    unsigned keyword_count;
    uint64_t flags = read_flags(tar_note(entry, TEXT("flags")), box, keywords, &keyword_count);
    struct append *append = append_new(import->store, new_id, import);
    append_begin(append, flags, keywords, keyword_count, entry->date_ms);
    enum status status = append_rest(import, append);
    if (status == OK && (box = mailbox_find_id(import->store, id)) == NULL)
        status = refused("a mailbox was deleted meanwhile");
    if (status == OK)
        status = append_commit(append, box, &uid);
    append_free(&append);
    import->messages += status == OK;
    return status;
}

/* YIELDS. */
static enum status import_extra(struct import *import, const struct tar_entry *entry)
{
    struct buffer bytes;
    bool taken = false;
    size_t before = SIZE_MAX;
    enum status status = OK;
    buffer_init(&bytes, EXTRAS_BYTES_MAX);
    while (status == OK && entry->size <= EXTRAS_BYTES_MAX && before != bytes.length) {
        before = bytes.length;
        status = tar_read(&import->reader, PIECE, &bytes);
    }
    if (status == OK && entry->size <= EXTRAS_BYTES_MAX)
        status = extras_import(import->queue, import->owner, entry, buffer_text(&bytes), &taken);
    import->extras += taken;
    import->left_out += !taken;
    buffer_finish(&bytes);
    return status;
}

static enum status import_entry(struct import *import, const struct tar_entry *entry)
{
    if (!text_is_empty(tar_note(entry, TEXT("kind"))))
        return import_extra(import, entry);
    return entry->is_directory ? import_box(import, entry) : import_message(import, entry);
}

/* What came before something wrong stays. YIELDS. */
static enum status import_all(struct import *import)
{
    struct tar_entry entry;
    bool end = false;
    enum status status = OK;
    while (status == OK && !end) {
        arena_reset(&import->arena);
        status = tar_next(&import->reader, &import->arena, &entry, &end);
        if (status == OK && !end)
            status = import_entry(import, &entry);
    }
    return status;
}

enum status verb_mailbox_import(void *state, struct admin_call *call)
{
    struct import import = {.queue = state, .store = queue_store(state)};
    struct arena arena;
    enum status status = call->pipe == NULL
                             ? refused("mailroot mailbox import hands the mail over itself")
                             : verb_check_words(call, 1, 1, "mailbox import ADDRESS FILE");
    arena_init(&arena);
    arena_init(&import.arena);
    if (status == OK)
        status = verb_owner(call->words[0], &arena, &import.owner);
    if (status == OK && !text_equals(import.owner, ACCOUNT_PUBLIC))
        status = queue_check_user(state, import.owner);
    if (status == OK && !text_equals(import.owner, ACCOUNT_PUBLIC))
        status = mailboxes_begin(import.store, import.owner);
    if (status == OK) {
        tar_reader_init(&import.reader, call->pipe);
        status = import_all(&import);
        tar_reader_finish(&import.reader);
        buffer_printf(call->out, "new mailboxes: %u, messages: %u, settings and others: %u\n",
                      import.mailboxes, import.messages, import.extras);
        if (import.left_out > 0)
            buffer_printf(call->out, "settings and others not taken: %u\n", import.left_out);
    }
    arena_finish(&import.arena);
    arena_finish(&arena);
    return status;
}
