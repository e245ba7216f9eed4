/* A list is a value of the mailbox's owner: "letters identifier" lines. So that nobody has to look
 * through all mailboxes for those that are shared with him, each identifier that a list names has a
 * value "shared/ID" of its own, set and removed in the same record. */
#include "account/sharing.h"

#include <inttypes.h>
#include <stdio.h>

#include "account/access_key.h"
#include "base/check.h"
#include "base/encoding.h"
#include "mail/address.h"
#include "store/value.h"
#include "store/watch.h"

enum { LIST_BYTES_MAX = SHARING_ENTRIES_MAX * (SHARING_IDENTIFIER_MAX + RIGHTS_LETTERS + 2) };
enum { NAME_BYTES = 40 };

#define SHARED "shared/"

static struct text list_name(uint64_t mailbox, char out[NAME_BYTES])
{
    snprintf(out, NAME_BYTES, "mailbox/%016" PRIx64 "/acl", mailbox);
    return text_from(out);
}

static struct text shared_name(uint64_t mailbox, char out[NAME_BYTES])
{
    snprintf(out, NAME_BYTES, SHARED "%016" PRIx64, mailbox);
    return text_from(out);
}

/* Reading */

static void load_list(struct store *store, const struct mailbox *box, struct buffer *out)
{
    char name[NAME_BYTES];
    buffer_init(out, LIST_BYTES_MAX);
    if (!value_get(store, mailbox_owner(box), list_name(mailbox_id(box), name), out))
        buffer_reset(out, 0);
}

static bool next_entry(struct text *rest, struct text *identifier, unsigned *rights)
{
    struct text line;
    if (!text_split(rest, '\n', &line))
        return false;
    *identifier = text_after(line, ' ');
    if (!rights_read(text_before(line, ' '), rights))
        *rights = 0;
    return true;
}

static bool means(struct text identifier, struct text user)
{
    return text_equals(identifier, user) || text_equals(identifier, TEXT("anyone")) ||
           text_equals(identifier, TEXT("authenticated"));
}

unsigned sharing_rights(struct store *store, const struct mailbox *box, struct text user)
{
    struct buffer list;
    struct text identifier;
    unsigned rights, given = 0, taken = 0;
    if (text_equals(mailbox_owner(box), user))
        return RIGHTS_ALL;
    load_list(store, box, &list);
    struct text rest = buffer_text(&list);
    while (next_entry(&rest, &identifier, &rights)) {
        bool takes = text_starts_with(identifier, TEXT("-"));
        if (!means(takes ? text_from_position(identifier, 1) : identifier, user))
            continue;
        given |= takes ? 0 : rights;
        taken |= takes ? rights : 0;
    }
    buffer_finish(&list);
    return given & ~taken;
}

void sharing_each(struct store *store, const struct mailbox *box, sharing_visit *visit,
                  void *context)
{
    struct buffer list;
    struct text identifier;
    unsigned rights;
    load_list(store, box, &list);
    struct text rest = buffer_text(&list);
    while (next_entry(&rest, &identifier, &rights))
        if (!visit(context, identifier, rights))
            break;
    buffer_finish(&list);
}

/* Changing */

bool sharing_user(struct text written, struct text near, struct arena *arena, struct text *out)
{
    struct mail_address address;
    struct text domain = text_from_position(near, text_find_last(near, '@') + 1);
    if (text_find(written, '@') == written.length)
        written = arena_printf(arena, "%.*s@%.*s", TEXT_ARG(written), TEXT_ARG(domain));
    if (mail_address_parse(written, arena, &address) != OK)
        return false;
    *out = mail_address_key(&address, arena);
    return out->length < SHARING_IDENTIFIER_MAX && utf8_is_valid(*out) &&
           text_find(*out, '\n') == out->length;
}

bool sharing_identifier(struct text written, struct text near, struct arena *arena,
                        struct text *out)
{
    bool takes = text_starts_with(written, TEXT("-"));
    struct text name = takes ? text_from_position(written, 1) : written;
    *out = name;
    if (!text_equals(name, TEXT("anyone")) && !text_equals(name, TEXT("authenticated")) &&
        !sharing_user(name, near, arena, out))
        return false;
    *out = takes ? arena_printf(arena, "-%.*s", TEXT_ARG(*out)) : arena_copy(arena, *out);
    return true;
}

static void put_entry(struct buffer *out, struct text identifier, unsigned rights)
{
    char letters[RIGHTS_LETTERS];
    if (rights != 0)
        buffer_printf(out, "%s%s %.*s", out->length == 0 ? "" : "\n", rights_write(rights, letters),
                      TEXT_ARG(identifier));
}

static unsigned changed(enum sharing_how how, unsigned old, unsigned rights)
{
    switch (how) {
    case SHARING_SET:
        return rights;
    case SHARING_ADD:
        return old | rights;
    case SHARING_TAKE:
        return old & ~rights;
    }
    return old;
}

/* The list as it will be; the rights that the identifier then has. */
static unsigned edit_list(struct text list, struct text identifier, enum sharing_how how,
                          unsigned rights, struct buffer *out)
{
    struct text each;
    unsigned has, left = changed(how, 0, rights);
    bool found = false;
    while (next_entry(&list, &each, &has)) {
        bool is_it = text_equals(each, identifier);
        if (is_it)
            left = has = changed(how, has, rights);
        found = found || is_it;
        put_entry(out, each, has);
    }
    if (!found)
        put_entry(out, identifier, left);
    return left;
}

static unsigned count_entries(struct text list)
{
    struct text identifier;
    unsigned rights, count = 0;
    while (next_entry(&list, &identifier, &rights))
        count++;
    return count;
}

static void compose_shared(struct change *change, uint64_t mailbox, struct text identifier, bool on)
{
    char name[NAME_BYTES];
    if (!text_starts_with(identifier, TEXT("-")))
        value_compose(change, identifier, shared_name(mailbox, name), on ? TEXT("1") : TEXT(""));
}

/* Whom the identifier means may see another mailbox now, or one less. */
static void tell(struct store *store, struct text identifier)
{
    if (!text_starts_with(identifier, TEXT("-")))
        mailbox_watchers_wake(store, identifier);
    else
        mailbox_watchers_wake(store, text_from_position(identifier, 1));
}

/* From the reading of the list to the append nothing yields. */
static enum status commit_list(struct store *store, struct mailbox *box, struct change *change,
                               struct text list)
{
    char name[NAME_BYTES];
    if (count_entries(list) > SHARING_ENTRIES_MAX)
        return refused("the list has %d entries already", SHARING_ENTRIES_MAX);
    value_compose(change, mailbox_owner(box), list_name(mailbox_id(box), name), list);
    return store_commit(store, change);
}

enum status sharing_change(struct store *store, uint64_t mailbox, struct text identifier,
                           enum sharing_how how, unsigned rights)
{
    store_settle(store); /* what is on its way is part of what is changed */
    struct mailbox *box = mailbox_find_id(store, mailbox);
    if (box == NULL || mailbox_is_deleted(box))
        return refused("the mailbox was deleted meanwhile");
    struct change change;
    struct buffer list, edited;
    change_init(&change);
    load_list(store, box, &list);
    buffer_init(&edited, 2 * LIST_BYTES_MAX);
    unsigned left = edit_list(buffer_text(&list), identifier, how, rights, &edited);
    compose_shared(&change, mailbox, identifier, left != 0);
    enum status status = commit_list(store, box, &change, buffer_text(&edited));
    if (status == OK)
        tell(store, identifier);
    buffer_finish(&list);
    buffer_finish(&edited);
    change_finish(&change);
    return status;
}

enum status sharing_inherit(struct store *store, uint64_t from, uint64_t to)
{
    store_settle(store);
    struct mailbox *above = mailbox_find_id(store, from), *box = mailbox_find_id(store, to);
    if (above == NULL || box == NULL || mailbox_is_deleted(box))
        return OK;
    struct change change;
    struct buffer list;
    struct text identifier;
    unsigned rights;
    enum status status = OK;
    change_init(&change);
    load_list(store, above, &list);
    struct text rest = buffer_text(&list);
    while (next_entry(&rest, &identifier, &rights))
        compose_shared(&change, to, identifier, true);
    if (list.length > 0)
        status = commit_list(store, box, &change, buffer_text(&list));
    for (rest = buffer_text(&list); next_entry(&rest, &identifier, &rights);)
        tell(store, identifier);
    buffer_finish(&list);
    change_finish(&change);
    return status;
}

struct forgetting {
    struct change *change;
    uint64_t mailbox;
};

static bool forget_shared(void *context, struct text identifier, unsigned rights)
{
    const struct forgetting *forgetting = context;
    unused(rights);
    compose_shared(forgetting->change, forgetting->mailbox, identifier, false);
    return true;
}

static void compose_end(void *context, const struct mailbox *box, struct change *change)
{
    struct forgetting forgetting = {change, mailbox_id(box)};
    sharing_each(context, box, forget_shared, &forgetting);
    access_key_forget(context, mailbox_owner(box), mailbox_id(box), change);
}

enum naming sharing_delete_mailbox(struct store *store, struct text owner, struct text name)
{
    return mailbox_delete_with(store, owner, name, compose_end, store);
}

/* Finding */

struct looking {
    struct store *store;
    struct text user;
    sharing_mailbox_visit *visit;
    void *context;
};

static bool look_at(void *context, struct text name, struct text value)
{
    const struct looking *looking = context;
    uint64_t id = 0;
    unused(value);
    for (struct text hex = text_from_position(name, sizeof(SHARED) - 1); hex.length > 0;
         hex = text_from_position(hex, 1))
        id = id << 4 | (unsigned)(hex.data[0] <= '9' ? hex.data[0] - '0' : hex.data[0] - 'a' + 10);
    struct mailbox *box = mailbox_find_id(looking->store, id);
    if (box != NULL && !mailbox_is_deleted(box) &&
        !text_equals(mailbox_owner(box), looking->user) &&
        (sharing_rights(looking->store, box, looking->user) & RIGHT_LOOKUP) != 0)
        looking->visit(looking->context, box);
    return true;
}

void sharing_each_visible(struct store *store, struct text user, sharing_mailbox_visit *visit,
                          void *context)
{
    struct looking looking = {store, user, visit, context};
    value_each(store, user, TEXT(SHARED), look_at, &looking);
    value_each(store, TEXT("anyone"), TEXT(SHARED), look_at, &looking);
    value_each(store, TEXT("authenticated"), TEXT(SHARED), look_at, &looking);
}
