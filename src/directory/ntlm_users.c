#include "directory/ntlm_users.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/logline.h"
#include "directory/keys.h"
#include "directory/state.h"
#include "task/offload.h"

enum {
    LINE_MAX = 1000, /* the plug-in's is 1023 */
    FILE_BYTES_MAX = 64 << 20,
    NETBIOS_NAME_MAX = 15,
    OWNER_ONLY = 0600,
};

struct entry {
    struct text domain, user, key;
};

struct ntlm_users {
    char *path, *new_path;
    uint64_t changes; /* of the directory, that may change the file */
    uint64_t written; /* changes that it shows */
    bool is_writing;
    struct task_event settled; /* told after each writing */
    struct arena arena;        /* of the entries */
    struct entry *entries;     /* as they stand in the file */
    size_t count, room;
};

bool ntlm_is_wanted(const struct settings *settings)
{
    for (unsigned i = 0; i < settings->server_count; i++)
        if ((settings->servers[i].mechanisms & MECHANISM_BIT(MECHANISM_NTLM)) != 0)
            return true;
    return false;
}

/* ---- Names ---- */

/* What stands in a line without being taken for its structure. */
static bool is_plain(struct text text)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c <= ' ' || c >= 0x7f || c == ':' || c == '\\')
            return false;
    }
    return text.length > 0 && text.data[0] != '#';
}

enum status ntlm_user_check(struct text key, struct text password)
{
    if (!is_plain(key))
        return refused("NTLM is for users whose names are plain ASCII without ':' and '\\'");
    for (size_t i = 0; i < password.length; i++)
        if (password.data[i] == '\0' || password.data[i] == '\r' || password.data[i] == '\n')
            return refused("the password has a line break or a NUL byte in it");
    if (key.length + password.length > LINE_MAX)
        return refused("address and password are too long for NTLM");
    return OK;
}

void ntlm_user_write(struct text domain, struct text user, struct text password, struct buffer *out)
{
    buffer_append(out, domain);
    buffer_append_byte(out, ':');
    buffer_append(out, user);
    buffer_append_byte(out, ':');
    buffer_append(out, password);
    buffer_append_byte(out, '\n');
}

/* "EXAMPLE" of "example.test". */
static struct text netbios_name(struct text domain, char out[NETBIOS_NAME_MAX + 1])
{
    text_copy(text_head(text_before(domain, '.'), NETBIOS_NAME_MAX), out, NETBIOS_NAME_MAX + 1);
    for (char *c = out; *c != '\0'; c++)
        *c = (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
    return text_from(out);
}

void ntlm_environment_set(const struct settings *settings, const char *directory_path)
{
    char domain[NETBIOS_NAME_MAX + 1] = "", host[NETBIOS_NAME_MAX + 1], *path, *named = NULL;
    check(asprintf(&path, "%s/ntlm-users", directory_path) > 0);
    if (settings->ntlm_name_count > 0)
        named = text_to_string(settings->ntlm_names[0].name);
    else if (settings->domain_count > 0)
        netbios_name(settings->domains[0].name, domain);
    netbios_name(settings->host, host);
    setenv("NTLM_USER_FILE", path, 1);
    setenv("NETBIOS_DOMAIN_NAME", named != NULL ? named : domain, 1);
    setenv("NETBIOS_COMPUTER_NAME", host, 1);
    setenv("LM_COMPAT_LEVEL", "5", 1); /* NTLMv2 alone */
    free(named);
    free(path);
}

/* ---- The entries, and the bytes of the file ---- */

struct listing {
    struct directory *directory;
    struct ntlm_users *users;
    struct buffer *out;
};

static void add_entry(struct listing *listing, struct text domain, struct text user,
                      struct text key, struct text password)
{
    struct ntlm_users *users = listing->users;
    if (domain.length + user.length + password.length > LINE_MAX)
        return;
    if (users->count == users->room) {
        users->room = users->room == 0 ? 64 : 2 * users->room;
        users->entries = realloc(users->entries, users->room * sizeof(*users->entries));
        check(users->entries != NULL);
    }
    users->entries[users->count++] =
        (struct entry){arena_copy(&users->arena, domain), arena_copy(&users->arena, user), key};
    ntlm_user_write(domain, user, password, listing->out);
}

/* Clients that ask for one name only may put the domain that we tell before it. */
static void add_in_domain(struct listing *listing, struct text domain, struct text key,
                          struct text password)
{
    add_entry(listing, domain, directory_local_part(key), key, password);
    add_entry(listing, domain, key, key, password);
}

/* By what NTLM clients call the domain, by the domain's own name, and by none. */
static void add_names(struct listing *listing, struct text key, struct text password)
{
    const struct settings *settings = listing->directory->settings;
    struct text domain = directory_domain(key);
    char usual[NETBIOS_NAME_MAX + 1];
    key = arena_copy(&listing->users->arena, key);
    for (unsigned i = 0; i < settings->ntlm_name_count; i++)
        if (text_equals(settings->ntlm_names[i].domain, domain))
            add_in_domain(listing, settings->ntlm_names[i].name, key, password);
    if (settings->ntlm_name_count == 0)
        add_in_domain(listing, netbios_name(domain, usual), key, password);
    add_in_domain(listing, domain, key, password);
    add_entry(listing, TEXT(""), key, key, password);
}

static void list_user(void *context, const struct directory_user *user)
{
    struct listing *listing = context;
    struct login_key key;
    struct buffer value;
    if (!user->enabled || directory_is_ours(listing->directory, user->key) != OK)
        return;
    buffer_init(&value, DIRECTORY_RECORD_MAX);
    if (login_key_find(listing->directory, user->key, LOGIN_KEY_NTLM, &value, &key) &&
        ntlm_user_check(user->key, key.stored) == OK)
        add_names(listing, user->key, key.stored);
    buffer_forget(&value);
}

static void list_all(struct directory *directory, struct buffer *out)
{
    struct ntlm_users *users = directory->ntlm;
    struct listing listing = {directory, users, out};
    arena_reset(&users->arena);
    users->count = 0;
    if (ntlm_is_wanted(directory->settings))
        directory_user_list(directory, TEXT(""), list_user, &listing);
}

/* ---- Writing ---- */

struct writing {
    const char *path, *new_path;
    struct text bytes;
    enum status status;
    struct reason reason;
};

static enum status write_file(const struct writing *writing)
{
    if (text_is_empty(writing->bytes)) {
        unlink(writing->path);
        return OK;
    }
    unlink(writing->new_path);
    int fd =
        open(writing->new_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, OWNER_ONLY);
    if (fd < 0)
        return try_later("cannot make %s: %m", writing->new_path);
    size_t done = 0;
    ssize_t count = 0;
    while (done < writing->bytes.length && count >= 0) {
        count = write(fd, writing->bytes.data + done, writing->bytes.length - done);
        done += count > 0 ? (size_t)count : 0;
    }
    enum status status = count < 0 ? try_later("cannot write %s: %m", writing->new_path) : OK;
    close(fd);
    if (status == OK && rename(writing->new_path, writing->path) != 0)
        status = try_later("cannot replace %s: %m", writing->path);
    return status;
}

static void run_writing(void *argument)
{
    struct writing *writing = argument;
    writing->status = write_file(writing);
    if (writing->status != OK)
        snprintf(writing->reason.text, sizeof(writing->reason.text), "%s", fail_reason());
}

/* One writing of what there is now. YIELDS. */
static enum status write_users(struct directory *directory)
{
    struct ntlm_users *users = directory->ntlm;
    struct buffer bytes;
    uint64_t shows = users->changes;
    buffer_init(&bytes, FILE_BYTES_MAX);
    list_all(directory, &bytes);
    enum status status = directory_ready(directory); /* else the list is not whole */
    if (status == OK && bytes.overflowed)
        status = try_later("there are too many users with NTLM");
    if (status == OK) {
        struct writing writing = {
            .path = users->path, .new_path = users->new_path, .bytes = buffer_text(&bytes)};
        task_offload(run_writing, &writing);
        status = writing.status == OK ? OK : try_later("%s", writing.reason.text);
    }
    buffer_forget(&bytes);
    if (status == OK)
        users->written = shows;
    return status;
}

enum status ntlm_users_settle(struct directory *directory, uint64_t *writing)
{
    struct ntlm_users *users = directory->ntlm;
    if (users == NULL)
        return try_later("NTLM is taken up at the start");
    while (users->is_writing)
        if (task_event_wait(&users->settled, NO_DEADLINE) != OK)
            return try_later("the directory is closing");
    enum status status = OK;
    users->is_writing = true;
    while (status == OK && users->written != users->changes) /* which go on meanwhile */
        status = write_users(directory);
    users->is_writing = false;
    task_event_tell_all(&users->settled);
    *writing = users->written;
    return status;
}

static void settle_soon(void *argument)
{
    struct directory *directory = argument;
    uint64_t writing;
    if (ntlm_users_settle(directory, &writing) != OK)
        log_warning("directory.ntlm", "reason=%s", log_text(text_from(fail_reason())));
}

void ntlm_users_changed(struct directory *directory)
{
    if (directory->ntlm == NULL || directory->closing)
        return;
    directory->ntlm->changes++;
    if (!directory->ntlm->is_writing)
        task_spawn(&directory->background, "ntlm users", settle_soon, directory);
}

void ntlm_users_start(struct directory *directory)
{
    struct ntlm_users *users = calloc(1, sizeof(*users));
    check(users != NULL);
    check(asprintf(&users->path, "%s/ntlm-users", directory->path) > 0);
    check(asprintf(&users->new_path, "%s/ntlm-users.new", directory->path) > 0);
    arena_init(&users->arena);
    task_event_init(&users->settled);
    directory->ntlm = users;
    ntlm_users_changed(directory);
}

void ntlm_users_free(struct ntlm_users **users)
{
    struct ntlm_users *freed = *users;
    *users = NULL;
    if (freed == NULL)
        return;
    check(!freed->is_writing);
    arena_finish(&freed->arena);
    free(freed->entries);
    free(freed->path);
    free(freed->new_path);
    free(freed);
}

/* ---- Finding ---- */

bool ntlm_users_find(struct directory *directory, uint64_t writing, struct text name,
                     char key[DIRECTORY_USER_MAX])
{
    const struct ntlm_users *users = directory->ntlm;
    size_t slash = text_find(name, '\\');
    bool has_domain = slash < name.length;
    struct text domain = has_domain ? text_head(name, slash) : TEXT("");
    struct text user = has_domain ? text_from_position(name, slash + 1) : name;
    if (users == NULL || users->written != writing || users->changes != writing)
        return false;
    for (size_t i = 0; i < users->count; i++) {
        const struct entry *entry = &users->entries[i];
        if ((!has_domain || text_equals_nocase(entry->domain, domain)) &&
            text_equals_nocase(entry->user, user))
            return text_copy(entry->key, key, DIRECTORY_USER_MAX);
    }
    return false;
}
