/* Users: made here, or named in the settings file, or both. */
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "directory/directory.h"
#include "directory/state.h"
#include "mail/address.h"

enum status directory_address(const struct directory *directory, struct text written,
                              struct arena *arena, struct text *key, struct text *canonical)
{
    const struct settings *settings = directory->settings;
    struct mail_address address;
    if (written.length > DIRECTORY_KEY_MAX)
        return refused("the address is too long");
    if (text_find(written, '@') == written.length && settings->domain_count > 0)
        written = arena_printf(arena, "%.*s@%.*s", TEXT_ARG(written),
                               TEXT_ARG(settings->domains[0].name));
    enum status status = mail_address_parse(written, arena, &address);
    if (status != OK)
        return fail_within(status, "%.*s is no address", TEXT_ARG(written));
    *key = mail_address_key(&address, arena);
    *canonical = mail_address_text(&address, arena);
    if (!directory_key_is_valid(*key))
        return refused("%.*s is no address", TEXT_ARG(written));
    return OK;
}

enum status directory_is_ours(const struct directory *directory, struct text key)
{
    struct text domain = directory_domain(key);
    if (settings_domain_find(directory->settings, domain) != NULL)
        return OK;
    return refused("%.*s is none of our domains; to make it one, add \"domain %.*s\" to "
                   "mailroot.conf and reload",
                   TEXT_ARG(domain), TEXT_ARG(domain));
}

/* The domain record when the settings file names this user. */
static const struct setting_domain *file_user(const struct directory *directory, struct text key)
{
    const struct setting_domain *domain =
        settings_domain_find(directory->settings, directory_domain(key));
    for (unsigned i = 0; domain != NULL && i < domain->user_count; i++)
        if (text_equals_nocase(domain->users[i], directory_local_part(key)))
            return domain;
    return NULL;
}

struct text directory_file_user_key(const struct setting_domain *domain, unsigned number,
                                    struct arena *arena)
{
    struct text local_part = domain->users[number];
    char *key = arena_array(arena, local_part.length + 1 + domain->name.length, 1);
    for (size_t i = 0; i < local_part.length; i++) {
        char c = local_part.data[i];
        key[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
    key[local_part.length] = '@';
    memcpy(key + local_part.length + 1, domain->name.data, domain->name.length);
    return text_of(key, local_part.length + 1 + domain->name.length);
}

static bool user_is_recorded(struct directory *directory, struct text key)
{
    struct buffer value;
    struct directory_record record;
    buffer_init(&value, DIRECTORY_RECORD_MAX);
    bool found = directory_index_find(directory, INDEX_USER, key, &value, &record);
    buffer_finish(&value);
    return found;
}

bool directory_user_exists(struct directory *directory, struct text key)
{
    return file_user(directory, key) != NULL || user_is_recorded(directory, key);
}

static void user_from_record(const struct directory_record *record, struct directory_user *out)
{
    out->hash = record->hash;
    out->name = record->name;
    out->enabled = record->enabled;
    out->created_ms = record->created_ms;
    out->is_recorded = true;
}

bool directory_user_find(struct directory *directory, struct text key, struct arena *arena,
                         struct directory_user *out)
{
    struct buffer value;
    struct directory_record record;
    *out = (struct directory_user){.key = key, .enabled = true};
    out->file = file_user(directory, key);
    buffer_init(&value, DIRECTORY_RECORD_MAX);
    if (directory_index_find(directory, INDEX_USER, key, &value, &record)) {
        user_from_record(&record, out);
        out->hash = arena_copy(arena, record.hash);
        out->name = arena_copy(arena, record.name);
    }
    buffer_finish(&value);
    return out->is_recorded || out->file != NULL;
}

/* ---- Changes ---- */

static enum status put_user(struct directory *directory, const struct directory_user *user)
{
    struct directory_record record = {.type = RECORD_USER,
                                      .key = user->key,
                                      .hash = user->hash,
                                      .name = user->name,
                                      .enabled = user->enabled,
                                      .created_ms = user->created_ms};
    if (!user->is_recorded)
        record.created_ms = clock_wall_ms();
    return directory_commit(directory, &record);
}

static enum status check_hash(struct text hash)
{
    if (hash.length == 0 || password_hash_is_usable(hash))
        return OK;
    return refused("the password hash is of no known kind; wanted is crypt(5) form, as $y$ or $6$");
}

static enum status check_new_user(struct directory *directory, struct text key, struct text hash,
                                  struct text name)
{
    enum status status = directory_is_ours(directory, key);
    if (status == OK)
        status = check_hash(hash);
    if (status != OK)
        return status;
    if (name.length > DIRECTORY_NAME_MAX)
        return refused("the name is longer than %d bytes", DIRECTORY_NAME_MAX);
    struct directory_record probe = {
        .type = RECORD_USER, .key = key, .hash = hash, .name = name, .enabled = true};
    struct buffer bytes;
    buffer_init(&bytes, DIRECTORY_RECORD_MAX);
    directory_record_encode(&probe, &bytes);
    bool good = directory_record_decode(RECORD_USER, buffer_text(&bytes), &probe);
    buffer_finish(&bytes);
    if (!good)
        return refused("the address or the name has control bytes or is not UTF-8");
    if (directory_list_kind(directory, key) != 0)
        return refused("%.*s is an alias, a group or another's address already", TEXT_ARG(key));
    const struct setting_domain *file = file_user(directory, key);
    if (file != NULL && !user_is_recorded(directory, key))
        return refused("%.*s is a user already, named in %.*s:%u; to give it a password: "
                       "mailroot user passwd %.*s",
                       TEXT_ARG(key), TEXT_ARG(file->place.file), file->place.line, TEXT_ARG(key));
    if (file != NULL || user_is_recorded(directory, key))
        return refused("%.*s is a user already", TEXT_ARG(key));
    return OK;
}

enum status directory_user_add(struct directory *directory, struct text key, struct text hash,
                               struct text name)
{
    enum status status = directory_change_begin(directory);
    if (status != OK)
        return status;
    status = check_new_user(directory, key, hash, name);
    if (status == OK)
        status = directory_ready(directory);
    if (status == OK) {
        struct directory_user user = {.key = key, .hash = hash, .name = name, .enabled = true};
        status = put_user(directory, &user);
    }
    directory_change_end(directory);
    return status;
}

static enum status find_for_change(struct directory *directory, struct text key,
                                   struct arena *arena, struct directory_user *user)
{
    bool found = directory_user_find(directory, key, arena, user);
    enum status status = directory_ready(directory);
    if (status != OK)
        return status;
    return found ? OK : refused("there is no user %.*s", TEXT_ARG(key));
}

/* Change the hash (not NULL) or the enabled flag. */
static enum status change_user(struct directory *directory, struct text key,
                               const struct text *hash, bool enabled)
{
    enum status status = directory_change_begin(directory);
    if (status != OK)
        return status;
    struct arena arena;
    struct directory_user user;
    arena_init(&arena);
    status = find_for_change(directory, key, &arena, &user);
    if (status == OK) {
        if (hash != NULL)
            user.hash = *hash;
        else
            user.enabled = enabled;
        status = put_user(directory, &user);
    }
    arena_finish(&arena);
    directory_change_end(directory);
    return status;
}

enum status directory_user_set_password(struct directory *directory, struct text key,
                                        struct text hash)
{
    enum status status = check_hash(hash);
    return status == OK ? change_user(directory, key, &hash, true) : status;
}

enum status directory_user_enable(struct directory *directory, struct text key, bool enabled)
{
    return change_user(directory, key, NULL, enabled);
}

enum status directory_user_remove(struct directory *directory, struct text key)
{
    enum status status = directory_change_begin(directory);
    if (status != OK)
        return status;
    struct arena arena;
    struct directory_user user;
    arena_init(&arena);
    status = find_for_change(directory, key, &arena, &user);
    if (status == OK && !user.is_recorded)
        status = refused("%.*s is named in %.*s:%u; remove it there and reload", TEXT_ARG(key),
                         TEXT_ARG(user.file->place.file), user.file->place.line);
    if (status == OK) {
        struct directory_record record = {.type = RECORD_USER_GONE, .key = key};
        status = directory_commit(directory, &record);
    }
    arena_finish(&arena);
    directory_change_end(directory);
    return status;
}

/* ---- Listing ---- */

struct listing {
    struct directory *directory;
    directory_user_visit *visit;
    void *context;
};

static bool list_recorded(void *context, struct text index_key, struct text value)
{
    struct listing *listing = context;
    unused(index_key);
    struct directory_record record;
    if (!directory_record_decode(RECORD_USER, value, &record))
        return true;
    struct directory_user user = {.key = record.key};
    user_from_record(&record, &user);
    user.file = file_user(listing->directory, record.key);
    listing->visit(listing->context, &user);
    return true;
}

static void list_file_users(struct listing *listing, const struct setting_domain *domain)
{
    struct arena arena;
    arena_init(&arena);
    for (unsigned i = 0; i < domain->user_count; i++) {
        struct text key = directory_file_user_key(domain, i, &arena);
        struct directory_user user = {.key = key, .enabled = true, .file = domain};
        if (!user_is_recorded(listing->directory, key))
            listing->visit(listing->context, &user);
        arena_reset(&arena);
    }
    arena_finish(&arena);
}

void directory_user_list(struct directory *directory, struct text domain,
                         directory_user_visit *visit, void *context)
{
    struct listing listing = {directory, visit, context};
    const struct settings *settings = directory->settings;
    for (unsigned i = 0; i < settings->domain_count; i++)
        if (domain.length == 0 || text_equals_nocase(settings->domains[i].name, domain))
            list_file_users(&listing, &settings->domains[i]);
    if (directory->index == NULL)
        return;
    struct buffer prefix;
    buffer_init(&prefix, INDEX_KEY_MAX);
    directory_index_domain(&prefix, INDEX_USER, domain);
    index_scan(directory->index, buffer_text(&prefix), TEXT(""), list_recorded, &listing);
    buffer_finish(&prefix);
}
