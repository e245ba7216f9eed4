#include "admin/verbs_mailbox.h"

#include <inttypes.h>

#include "account/sharing.h"
#include "admin/verbs_account.h"
#include "admin/words.h"
#include "base/array.h"
#include "base/check.h"
#include "store/hierarchy.h"
#include "store/shown.h"

#define PUBLIC_PREFIX "Public/"

struct mailbox_path {
    struct text owner, name;
};

/* Take such a name apart, in arena. REFUSED: it is none. */
static enum status read_path(struct text word, struct arena *arena, struct mailbox_path *out)
{
    if (text_starts_with(word, TEXT(PUBLIC_PREFIX))) {
        out->owner = ACCOUNT_PUBLIC;
        out->name = text_from_position(word, sizeof(PUBLIC_PREFIX) - 1);
        return OK;
    }
    size_t at = text_find(word, '@');
    size_t slash = at + text_find(text_from_position(word, at), '/');
    out->name = slash < word.length ? text_from_position(word, slash + 1) : TEXT("INBOX");
    enum status status = verb_owner(text_head(word, slash), arena, &out->owner);
    return status == OK
               ? OK
               : refused("name a mailbox as ADDRESS/NAME or " PUBLIC_PREFIX "NAME, not '%.*s'",
                         TEXT_ARG(word));
}

/* The mailbox, or NULL with the reason. */
static struct mailbox *find_box(struct queue *queue, const struct mailbox_path *path)
{
    struct mailbox *box = mailbox_find(queue_store(queue), path->owner, path->name);
    if (box != NULL)
        return box;
    (void)refused("there is no mailbox '%.*s' of %.*s", TEXT_ARG(path->name),
                  TEXT_ARG(path->owner));
    return NULL;
}

static enum status name_status(enum naming naming)
{
    static const char *const reasons[] = {
        [NAMING_EXISTS] = "there is a mailbox of this name",
        [NAMING_MISSING] = "there is no such mailbox",
        [NAMING_HAS_CHILDREN] = "it is no mailbox, but others lie below",
        [NAMING_MALFORMED] = "no mailbox can have this name",
        [NAMING_INBOX] = "INBOX stays",
        [NAMING_WITHIN] = "a mailbox can't go below itself",
        [NAMING_TOO_MANY] = "the owner has too many mailboxes",
    };
    if (naming == NAMING_DONE)
        return OK;
    return naming == NAMING_LATER ? TRY_LATER : refused("%s", reasons[naming]);
}

/* The mailboxes that every user has are made when mail or he comes; or we. YIELDS. */
static enum status begin_owner(struct queue *queue, struct text owner)
{
    if (text_equals(owner, ACCOUNT_PUBLIC))
        return OK;
    enum status status = queue_check_user(queue, owner);
    return status == OK ? mailboxes_begin(queue_store(queue), owner) : status;
}

/* Users may read what is public, until others are given more. YIELDS. */
static enum status create(struct queue *queue, const struct mailbox_path *path)
{
    struct store *store = queue_store(queue);
    enum status status = begin_owner(queue, path->owner);
    if (status == OK)
        status = name_status(mailbox_create(store, path->owner, path->name, 0));
    struct mailbox *box = status == OK ? find_box(queue, path) : NULL;
    if (box != NULL && text_equals(path->owner, ACCOUNT_PUBLIC))
        status = sharing_change(store, mailbox_id(box), TEXT("anyone"), SHARING_SET,
                                RIGHT_LOOKUP | RIGHT_READ);
    return status;
}

enum status verb_mailbox_create(void *state, struct admin_call *call)
{
    struct arena arena;
    struct mailbox_path path;
    enum status status = verb_check_words(call, 1, 1, "mailbox create MAILBOX");
    arena_init(&arena);
    if (status == OK)
        status = read_path(call->words[0], &arena, &path);
    if (status == OK)
        status = create(state, &path);
    arena_finish(&arena);
    return status;
}

enum status verb_mailbox_delete(void *state, struct admin_call *call)
{
    struct arena arena;
    struct mailbox_path path;
    enum status status = verb_check_words(call, 1, 1, "mailbox delete MAILBOX");
    arena_init(&arena);
    if (status == OK)
        status = read_path(call->words[0], &arena, &path);
    if (status == OK)
        status = name_status(sharing_delete_mailbox(queue_store(state), path.owner, path.name));
    arena_finish(&arena);
    return status;
}

enum status verb_mailbox_rename(void *state, struct admin_call *call)
{
    struct arena arena;
    struct mailbox_path path;
    enum status status = verb_check_words(call, 2, 2, "mailbox rename MAILBOX NAME");
    arena_init(&arena);
    if (status == OK)
        status = read_path(call->words[0], &arena, &path);
    if (status == OK)
        status =
            name_status(mailbox_rename(queue_store(state), path.owner, path.name, call->words[1]));
    arena_finish(&arena);
    return status;
}

/* The next entries behind *after, below end. YIELDS before it looks. */
static unsigned gather(struct mailbox *box, uint32_t *after, uint32_t end, uint32_t *uids)
{
    const struct mailbox_entry *entry;
    unsigned count = 0;
    mailbox_settle_gone(box);
    while (count < MAILBOX_AT_ONCE && (entry = mailbox_entry_from(box, *after + 1)) != NULL &&
           entry->uid < end)
        uids[count++] = *after = entry->uid;
    return count;
}

/* All that is in it now; what comes meanwhile stays out. YIELDS. */
static enum status copy_all(struct store *store, struct mailbox *from, uint64_t to_id,
                            unsigned *copied)
{
    struct arena arena;
    uint32_t first, after = 0, end = mailbox_uid_next(from);
    unsigned count;
    enum status status = OK;
    arena_init(&arena);
    uint32_t *uids = arena_array(&arena, MAILBOX_AT_ONCE, sizeof(*uids));
    while (status == OK && (count = gather(from, &after, end, uids)) > 0) {
        struct mailbox *to = mailbox_find_id(store, to_id);
        status = to == NULL ? refused("the mailbox was deleted meanwhile")
                            : mailbox_copy(from, to, uids, &count, false, &first);
        *copied += status == OK ? count : 0;
    }
    arena_finish(&arena);
    return status;
}

static enum status copy(struct queue *queue, const struct mailbox_path *from_path,
                        const struct mailbox_path *to_path, unsigned *copied)
{
    struct mailbox *from = find_box(queue, from_path);
    const struct mailbox *to = from == NULL ? NULL : find_box(queue, to_path);
    if (to == NULL)
        return REFUSED;
    mailbox_open(from);
    enum status status = copy_all(queue_store(queue), from, mailbox_id(to), copied);
    mailbox_close(&from);
    return status;
}

enum status verb_mailbox_copy(void *state, struct admin_call *call)
{
    struct arena arena;
    struct mailbox_path from, to;
    unsigned copied = 0;
    enum status status = verb_check_words(call, 2, 2, "mailbox copy MAILBOX MAILBOX");
    arena_init(&arena);
    if (status == OK)
        status = read_path(call->words[0], &arena, &from);
    if (status == OK)
        status = read_path(call->words[1], &arena, &to);
    if (status == OK)
        status = begin_owner(state, to.owner);
    if (status == OK && mailbox_find(queue_store(state), to.owner, to.name) == NULL)
        status = create(state, &to);
    if (status == OK)
        status = copy(state, &from, &to, &copied);
    if (status == OK)
        buffer_printf(call->out, call->json ? "{\"copied\":%u}\n" : "copied: %u\n", copied);
    arena_finish(&arena);
    return status;
}

static bool print_share(void *context, struct text identifier, unsigned rights)
{
    struct admin_call *call = context;
    char letters[RIGHTS_LETTERS];
    rights_write(rights, letters);
    if (call->json) {
        buffer_append(call->out, TEXT("{\"identifier\":"));
        admin_json_text(call->out, identifier);
        verb_json_field(call->out, "rights", text_from(letters));
        buffer_append(call->out, TEXT("}\n"));
    } else {
        buffer_printf(call->out, "%-14s %.*s\n", letters, TEXT_ARG(identifier));
    }
    return true;
}

/* "IDENTIFIER LETTERS"; "none" takes all. YIELDS. */
static enum status change_share(struct queue *queue, const struct admin_call *call,
                                const struct mailbox_path *path, struct arena *arena)
{
    struct text identifier, letters = call->words[2];
    unsigned rights = 0;
    if (!sharing_identifier(call->words[1], path->owner, arena, &identifier))
        return refused("'%.*s' is no user, anyone or authenticated", TEXT_ARG(call->words[1]));
    if (!text_equals(letters, TEXT("none")) && !rights_read(letters, &rights))
        return refused("rights are letters of lrswipkxtea (RFC 4314), or none");
    enum status status = begin_owner(queue, path->owner);
    struct mailbox *box = status == OK ? find_box(queue, path) : NULL;
    if (status == OK && box == NULL)
        return REFUSED;
    return status == OK ? sharing_change(queue_store(queue), mailbox_id(box), identifier,
                                         SHARING_SET, rights)
                        : status;
}

enum status verb_mailbox_share(void *state, struct admin_call *call)
{
    struct arena arena;
    struct mailbox_path path;
    enum status status = call->count == 2
                             ? refused("usage: mailbox share MAILBOX [IDENTIFIER RIGHTS|none]")
                             : verb_check_words(call, 1, 3,
                                                "mailbox share MAILBOX [IDENTIFIER "
                                                "RIGHTS|none]");
    arena_init(&arena);
    if (status == OK)
        status = read_path(call->words[0], &arena, &path);
    if (status == OK && call->count == 3)
        status = change_share(state, call, &path, &arena);
    struct mailbox *box = status == OK ? find_box(state, &path) : NULL;
    if (status == OK && box == NULL)
        status = REFUSED;
    if (status == OK)
        sharing_each(queue_store(state), box, print_share, call);
    arena_finish(&arena);
    return status;
}

/* Verifying */

struct check {
    struct queue *queue;
    struct admin_call *call;
    struct text owner; /* "": all */
    uint64_t *ids;     /* of the mailboxes */
    unsigned count;
    struct arena arena;
    uint64_t messages, findings;
};

static void note_mailbox(void *context, struct mailbox *box)
{
    struct check *check = context;
    if (!text_is_empty(check->owner) && !text_equals(check->owner, mailbox_owner(box)))
        return;
    check->ids = arena_grow(&check->arena, check->ids, check->count, sizeof(*check->ids));
    check->ids[check->count++] = mailbox_id(box);
}

static void report(struct check *check, const struct mailbox *box, uint32_t uid, const char *what)
{
    enum { FINDINGS_TOLD = 1000 };
    if (check->findings++ < FINDINGS_TOLD)
        buffer_printf(check->call->out, "%.*s/%.*s: UID %u: %s\n", TEXT_ARG(mailbox_owner(box)),
                      TEXT_ARG(mailbox_name(box)), uid, what);
}

/* The message can be read, all of it. YIELDS. */
static void check_entry(struct check *check, uint64_t box_id, const struct mailbox_entry *entry)
{
    enum { AT_ONCE = 1 << 20 };
    struct store *store = queue_store(check->queue);
    struct buffer part;
    uint64_t read = 0;
    enum status status = OK;
    buffer_init(&part, AT_ONCE);
    do {
        buffer_reset(&part, AT_ONCE);
        status = mailbox_read(store, entry->message, read, AT_ONCE, &part);
        read += part.length;
    } while (status == OK && part.length > 0);
    buffer_finish(&part);
    /* It may have gone while it was being read. */
    struct mailbox *box = mailbox_find_id(store, box_id);
    if (box == NULL)
        return;
    mailbox_open(box);
    if (mailbox_entry_find(box, entry->uid) != NULL) {
        if (status != OK)
            report(check, box, entry->uid, fail_reason());
        else if (read != entry->size)
            report(check, box, entry->uid, "it has another size than its entry says");
    }
    mailbox_close(&box);
}

static void check_mailbox(struct check *check, uint64_t id)
{
    struct store *store = queue_store(check->queue);
    uint32_t after = 0;
    for (;;) {
        struct mailbox *box = mailbox_find_id(store, id);
        if (box == NULL)
            return;
        struct mailbox_entry entry = {0};
        unsigned count;
        mailbox_open(box);
        const struct mailbox_entry *next = mailbox_entry_from(box, after + 1);
        if (next != NULL)
            entry = *next;
        mailbox_entries(box, &count);
        if (after == 0 && mailbox_totals(box).messages != count)
            report(check, box, 0, "it has another count than its totals say");
        mailbox_close(&box);
        if (entry.uid == 0)
            return;
        after = entry.uid;
        check->messages++;
        check_entry(check, id, &entry);
    }
}

enum status verb_mailbox_verify(void *state, struct admin_call *call)
{
    struct check check = {.queue = state, .call = call};
    enum status status = verb_check_words(call, 0, 1, "mailbox verify [ADDRESS]");
    arena_init(&check.arena);
    if (status == OK && call->count == 1)
        status = verb_owner(call->words[0], &check.arena, &check.owner);
    if (status == OK) {
        mailbox_each(queue_store(state), note_mailbox, &check);
        for (unsigned i = 0; i < check.count; i++)
            check_mailbox(&check, check.ids[i]);
        buffer_printf(call->out, "mailboxes: %u, messages: %" PRIu64 ", findings: %" PRIu64 "\n",
                      check.count, check.messages, check.findings);
        status = check.findings == 0 ? OK : refused("some messages can't be read as they should");
    }
    arena_finish(&check.arena);
    return status;
}
