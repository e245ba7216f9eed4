#include "directory/stamp.h"

#include <stdlib.h>
#include <uninorm.h>

#include "base/array.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/logline.h"
#include "directory/selection.h"
#include "directory/state.h"
#include "mail/address.h"
#include "settings/address_template.h"
#include "settings/query.h"

enum { NUMBERS_MOST = 99, USERS_AT_ONCE = 50, AGAIN_MS = 60 * 1000 };

struct templates {
    const struct text *written;
    unsigned count;
};

/* A user, and what templates see of him. */
struct stamped {
    struct directory *directory;
    struct arena *arena;
    struct attribute_entry entry;
    struct address_parts parts;
    struct templates templates;
};

/* ---- Names in ASCII ---- */

static struct text plain_letter(struct text text)
{
    static const struct {
        const char *letter, *plain;
    } rows[] = {{"\xc3\x9f", "ss"}, {"\xc3\x98", "O"},  {"\xc3\xb8", "o"},  {"\xc3\x86", "Ae"},
                {"\xc3\xa6", "ae"}, {"\xc5\x92", "Oe"}, {"\xc5\x93", "oe"}, {"\xc5\x81", "L"},
                {"\xc5\x82", "l"},  {"\xc4\x90", "D"},  {"\xc4\x91", "d"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (text_starts_with(text, text_from(rows[i].letter)))
            return text_from(rows[i].plain);
    return TEXT("");
}

/* Letters without their marks; what is of another script is left out. */
static struct text ascii_of(struct text name, struct arena *arena)
{
    size_t length = 0;
    struct buffer out;
    uint8_t *decomposed =
        u8_normalize(UNINORM_NFKD, (const uint8_t *)name.data, name.length, NULL, &length);
    struct text rest = decomposed == NULL ? TEXT("") : text_of(decomposed, length);
    buffer_init(&out, 1024);
    while (rest.length > 0) {
        if ((unsigned char)rest.data[0] < 0x80)
            buffer_append_byte(&out, rest.data[0]);
        else
            buffer_append(&out, plain_letter(rest));
        rest = text_from_position(rest, 1);
    }
    free(decomposed);
    struct text ascii = arena_copy(arena, buffer_text(&out));
    buffer_finish(&out);
    return ascii;
}

/* ---- Whose policy ---- */

static bool is_meant(const struct stamped *stamped, const struct setting_recipients *policy)
{
    struct query *query;
    if (policy->filter.length == 0)
        return true;
    return query_parse(policy->filter, stamped->arena, &query) == OK &&
           query_matches(query, attribute_look_up, (void *)&stamped->entry);
}

static void choose_templates(struct stamped *stamped)
{
    const struct settings *settings = stamped->directory->settings;
    const struct setting_recipients *best = NULL;
    const struct setting_domain *domain =
        settings_domain_find(settings, directory_domain(stamped->entry.key));
    for (unsigned i = 0; i < settings->recipients_count; i++) {
        const struct setting_recipients *policy = &settings->recipients[i];
        if ((best == NULL || policy->priority < best->priority) && is_meant(stamped, policy))
            best = policy;
    }
    if (best != NULL)
        stamped->templates = (struct templates){best->templates, best->template_count};
    else if (domain != NULL)
        stamped->templates = (struct templates){domain->templates, domain->template_count};
}

/* False when there is no such user of ours. */
static bool look_at(struct directory *directory, struct text key, struct arena *arena,
                    struct stamped *out)
{
    struct directory_user user;
    *out = (struct stamped){.directory = directory, .arena = arena};
    if (!directory_holds(directory, key) || !directory_user_find(directory, key, arena, &user))
        return false;
    selection_entry(directory, &user, arena, &out->entry);
    const struct text *values = out->entry.attributes.values;
    out->parts = (struct address_parts){.alias = directory_local_part(key),
                                        .given = ascii_of(values[ATTRIBUTE_GIVEN_NAME], arena),
                                        .initials = ascii_of(values[ATTRIBUTE_INITIALS], arena),
                                        .surname = ascii_of(values[ATTRIBUTE_SURNAME], arena),
                                        .display = ascii_of(values[ATTRIBUTE_DISPLAY_NAME], arena)};
    choose_templates(out);
    return true;
}

/* ---- Which address ---- */

enum holding { ADDRESS_FREE, ADDRESS_HIS, ADDRESS_TAKEN };

static enum holding holding_of(const struct stamped *stamped, struct text key)
{
    struct directory *directory = stamped->directory;
    struct directory_member *members;
    struct text local = directory_local_part(key);
    enum directory_list_kind kind = directory_list_kind(directory, key);
    if (text_equals(key, stamped->entry.key))
        return ADDRESS_HIS;
    if (directory_user_exists(directory, key))
        return ADDRESS_TAKEN;
    if (kind == LIST_ADDRESS &&
        directory_list_members(directory, key, stamped->arena, &members) == 1 &&
        text_equals(members[0].key, stamped->entry.key))
        return ADDRESS_HIS;
    bool is_standing = text_equals(local, TEXT("postmaster")) || text_equals(local, TEXT("abuse"));
    return kind != 0 || is_standing ? ADDRESS_TAKEN : ADDRESS_FREE;
}

struct candidate {
    struct text address, key; /* "" when the template makes none */
    enum holding holding;
    unsigned number; /* behind the local part; 1: none */
};

/* The one that he has, else the first that is free. */
static struct candidate find_address(const struct stamped *stamped, struct text written)
{
    struct arena *arena = stamped->arena;
    struct candidate first = {.holding = ADDRESS_TAKEN};
    struct text local = address_template_expand(written, &stamped->parts, arena);
    struct text domain = address_template_domain(written);
    struct mail_address address;
    for (unsigned number = 1; local.length > 0 && number <= NUMBERS_MOST; number++) {
        struct candidate candidate = {.number = number};
        candidate.address =
            number == 1
                ? arena_printf(arena, "%.*s@%.*s", TEXT_ARG(local), TEXT_ARG(domain))
                : arena_printf(arena, "%.*s%u@%.*s", TEXT_ARG(local), number, TEXT_ARG(domain));
        if (mail_address_parse(candidate.address, arena, &address) != OK)
            break;
        candidate.key = mail_address_key(&address, arena);
        candidate.holding = holding_of(stamped, candidate.key);
        if (candidate.holding == ADDRESS_HIS)
            return candidate;
        if (candidate.holding == ADDRESS_FREE && first.holding == ADDRESS_TAKEN)
            first = candidate;
    }
    return first;
}

/* ---- Giving ---- */

static enum status give(const struct stamped *stamped, const struct candidate *candidate)
{
    struct buffer run;
    buffer_init(&run, 2048);
    directory_record_put_member(&run, stamped->entry.key, stamped->entry.key);
    struct directory_record record = {.type = RECORD_LIST,
                                      .key = candidate->key,
                                      .kind = LIST_ADDRESS,
                                      .created_ms = clock_wall_ms(),
                                      .members = buffer_text(&run),
                                      .member_count = 1};
    enum status status = directory_commit(stamped->directory, &record);
    buffer_finish(&run);
    if (status == OK)
        log_info("directory.address", "user=%s address=%s", log_text(stamped->entry.key),
                 log_text(candidate->address));
    return status;
}

/* What is lacking; true when something was. Within a change when it may be written. YIELDS then. */
static bool lacks(const struct stamped *stamped, bool may_write, enum status *status)
{
    bool lacking = false;
    struct text primary = TEXT("");
    *status = OK;
    for (unsigned i = 0; i < stamped->templates.count && *status == OK; i++) {
        struct candidate candidate = find_address(stamped, stamped->templates.written[i]);
        if (candidate.key.length == 0)
            continue;
        if (primary.length == 0)
            primary = candidate.address;
        lacking |= candidate.holding == ADDRESS_FREE;
        if (may_write && candidate.holding == ADDRESS_FREE)
            *status = give(stamped, &candidate);
    }
    bool is_new =
        primary.length > 0 &&
        !text_equals(primary, stamped->entry.attributes.values[ATTRIBUTE_PRIMARY_ADDRESS]);
    if (may_write && is_new && *status == OK)
        *status = attribute_commit(stamped->directory, stamped->entry.key,
                                   ATTRIBUTE_PRIMARY_ADDRESS, primary);
    return lacking || is_new;
}

static enum status stamp_user(struct directory *directory, struct text key)
{
    struct arena arena;
    struct stamped stamped;
    enum status status = OK;
    arena_init(&arena);
    if (look_at(directory, key, &arena, &stamped) && lacks(&stamped, false, &status)) {
        status = directory_change_begin(directory);
        if (status == OK) {
            if (look_at(directory, key, &arena, &stamped))
                lacks(&stamped, true, &status);
            directory_change_end(directory);
        }
    }
    arena_finish(&arena);
    return status;
}

struct keys {
    struct arena *arena;
    struct text *keys;
    unsigned count;
};

static void add_key(struct keys *keys, struct text key)
{
    keys->keys = arena_grow(keys->arena, keys->keys, keys->count, sizeof(*keys->keys));
    keys->keys[keys->count++] = arena_copy(keys->arena, key);
}

static void gather_user(void *context, const struct directory_user *user)
{
    add_key(context, user->key);
}

static void gather_list(void *context, struct text key, int64_t created_ms)
{
    unused(created_ms);
    add_key(context, key);
}

/* Whose user is no more, is free again. */
static enum status free_address(struct directory *directory, struct text key, struct arena *arena)
{
    struct directory_member *members;
    bool removed;
    unsigned count = directory_list_members(directory, key, arena, &members);
    if (count == 1 && directory_user_exists(directory, members[0].key))
        return OK;
    if (directory_ready(directory) != OK)
        return TRY_LATER;
    return directory_list_remove(directory, LIST_ADDRESS, key, NULL, 0, &removed);
}

static bool has_policies(const struct settings *settings)
{
    bool has = settings->recipients_count > 0;
    for (unsigned i = 0; i < settings->domain_count && !has; i++)
        has = settings->domains[i].template_count > 0;
    return has;
}

static enum status stamp_all(struct directory *directory)
{
    struct arena arena;
    enum status status = OK;
    arena_init(&arena);
    struct keys users = {.arena = &arena}, addresses = {.arena = &arena};
    directory_lists(directory, LIST_ADDRESS, gather_list, &addresses);
    for (unsigned i = 0; i < addresses.count && status == OK; i++)
        status = free_address(directory, addresses.keys[i], &arena);
    if (has_policies(directory->settings))
        directory_user_list(directory, TEXT(""), gather_user, &users);
    for (unsigned i = 0; i < users.count && status == OK; i++) {
        if (i % USERS_AT_ONCE == 0)
            task_yield();
        status = stamp_user(directory, users.keys[i]);
    }
    arena_finish(&arena);
    return status;
}

void stamp_wake(struct directory *directory)
{
    directory->stamp_wanted = true;
    task_event_tell_all(&directory->stamp_news);
}

void stamp_run(void *argument)
{
    struct directory *directory = argument;
    while (!task_is_cancelled()) {
        enum status status = OK;
        bool wanted = directory->stamp_wanted;
        directory->stamp_wanted = false;
        if (wanted)
            status = stamp_all(directory);
        if (status != OK && !task_is_cancelled()) {
            log_warning("directory.addresses", "reason=%s", log_text(text_from(fail_reason())));
            directory->stamp_wanted = true;
            task_sleep(AGAIN_MS);
        }
        if (!directory->stamp_wanted)
            task_event_wait(&directory->stamp_news, NO_DEADLINE);
    }
}

/* ---- Checking ---- */

struct checking {
    struct directory *directory;
    stamp_visit *visit;
    void *context;
};

static void tell_template(const struct checking *checking, const struct stamped *stamped,
                          struct text written)
{
    struct candidate candidate = find_address(stamped, written);
    struct arena *arena = stamped->arena;
    if (candidate.key.length == 0)
        checking->visit(checking->context, stamped->entry.key,
                        arena_printf(arena, "the template %.*s makes no address of what is known",
                                     TEXT_ARG(written)),
                        false);
    else if (candidate.number > 1)
        checking->visit(checking->context, candidate.address,
                        arena_printf(arena, "has a number, for another has that address; of %.*s",
                                     TEXT_ARG(stamped->entry.key)),
                        false);
}

static void check_user(void *context, const struct directory_user *user)
{
    static const char *const kinds[] = {
        [LIST_ALIAS] = "a user and an alias; mail goes where the alias leads",
        [LIST_GROUP] = "a user and a group; mail is refused (5.1.4)",
        [LIST_ADDRESS] = "a user and an address of another; mail is refused (5.1.4)"};
    const struct checking *checking = context;
    enum directory_list_kind kind = directory_list_kind(checking->directory, user->key);
    struct arena arena;
    struct stamped stamped;
    if (kind != 0)
        checking->visit(checking->context, user->key, text_from(kinds[kind]), true);
    arena_init(&arena);
    if (look_at(checking->directory, user->key, &arena, &stamped))
        for (unsigned i = 0; i < stamped.templates.count; i++)
            tell_template(checking, &stamped, stamped.templates.written[i]);
    arena_finish(&arena);
}

void stamp_check(struct directory *directory, stamp_visit *visit, void *context)
{
    struct checking checking = {directory, visit, context};
    const struct settings *settings = directory->settings;
    struct arena arena;
    arena_init(&arena);
    for (unsigned i = 0; i < settings->recipients_count; i++) {
        const struct setting_recipients *policy = &settings->recipients[i];
        if (policy->filter.length > 0 && attribute_check_query(policy->filter, &arena) != OK)
            visit(context, policy->name, arena_copy(&arena, text_from(fail_reason())), true);
    }
    arena_finish(&arena);
    directory_user_list(directory, TEXT(""), check_user, &checking);
}
