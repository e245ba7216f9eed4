#include "directory/oauth.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/logline.h"
#include "directory/introspection.h"
#include "directory/state.h"
#include "sasl/jwt.h"

struct oauth {
    struct jwks *keys;
    char *path;           /* they were read from */
    struct timespec time; /* its modification, when they were */
    ino_t inode;
    off_t size;
};

struct oauth *oauth_new(void)
{
    struct oauth *oauth = calloc(1, sizeof(*oauth));
    check(oauth != NULL);
    return oauth;
}

static void forget_keys(struct oauth *oauth)
{
    jwks_free(&oauth->keys);
    free(oauth->path);
    oauth->path = NULL;
}

void oauth_free(struct oauth **oauth)
{
    if (*oauth == NULL)
        return;
    forget_keys(*oauth);
    free(*oauth);
    *oauth = NULL;
}

/* ---- The keys ---- */

static bool is_current(const struct oauth *oauth, const char *path, const struct stat *file)
{
    return oauth->keys != NULL && strcmp(oauth->path, path) == 0 && oauth->inode == file->st_ino &&
           oauth->size == file->st_size && oauth->time.tv_sec == file->st_mtim.tv_sec &&
           oauth->time.tv_nsec == file->st_mtim.tv_nsec;
}

static enum status read_file(const char *path, int fd, struct buffer *out)
{
    ssize_t count = 1;
    while (count > 0) {
        char *room = buffer_reserve(out, 4096);
        if (room == NULL)
            return try_later("%s: larger than %d bytes", path, JWKS_BYTES_MAX);
        count = read(fd, room, 4096);
        if (count > 0)
            buffer_grew(out, (size_t)count);
        else if (count < 0 && errno == EINTR)
            count = 1;
    }
    return count == 0 ? OK : try_later("%s: %m", path);
}

static enum status read_keys(struct oauth *oauth, const char *path, int fd, const struct stat *file)
{
    struct buffer bytes;
    struct jwks *keys = NULL;
    buffer_init(&bytes, JWKS_BYTES_MAX);
    enum status status = read_file(path, fd, &bytes);
    if (status == OK && jwks_parse(buffer_text(&bytes), &keys) != OK)
        status = fail_within(TRY_LATER, "%s", path);
    buffer_finish(&bytes);
    if (status != OK)
        return status;
    forget_keys(oauth);
    oauth->keys = keys;
    oauth->path = strdup(path);
    check(oauth->path != NULL);
    oauth->time = file->st_mtim;
    oauth->inode = file->st_ino;
    oauth->size = file->st_size;
    log_info("oauth.keys", "file=%s keys=%u", log_text(text_from(path)), jwks_count(keys));
    return OK;
}

/* While the new file is half written or broken the keys of the one before are good. */
static enum status refresh(struct oauth *oauth, const char *path)
{
    struct stat file;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    enum status status = fd < 0 || fstat(fd, &file) != 0 ? try_later("%s: %m", path) : OK;
    if (status == OK && !S_ISREG(file.st_mode))
        status = try_later("%s: not a file", path);
    if (status == OK && !is_current(oauth, path, &file))
        status = read_keys(oauth, path, fd, &file);
    if (fd >= 0)
        close(fd);
    if (status == OK || oauth->keys == NULL || strcmp(oauth->path, path) != 0)
        return status;
    log_warning("oauth.keys_not_read", "reason=%s", log_text(text_from(fail_reason())));
    return OK;
}

/* ---- The token ---- */

static enum status find_user(struct directory *directory, struct text name,
                             char user[DIRECTORY_USER_MAX])
{
    struct arena arena;
    struct text key, canonical;
    struct directory_user found;
    arena_init(&arena);
    enum status status = directory_address(directory, name, &arena, &key, &canonical);
    if (status == OK && (directory_is_ours(directory, key) != OK ||
                         !directory_user_find(directory, key, &arena, &found) || !found.enabled))
        status = refused("the token's user %.*s is none of ours, or is disabled",
                         TEXT_ARG(text_head(name, DIRECTORY_USER_MAX)));
    if (directory_ready(directory) != OK)
        status = TRY_LATER;
    if (status == OK && !text_copy(key, user, DIRECTORY_USER_MAX))
        status = refused("the user's name is too long");
    arena_finish(&arena);
    return status;
}

static enum status verify_by_keys(struct directory *directory, struct text token,
                                  const struct jwt_rules *rules, char name[DIRECTORY_USER_MAX])
{
    char *path = text_to_string(directory->settings->oauth_keys_file);
    enum status status = refresh(directory->oauth, path);
    free(path);
    return status == OK ? jwt_verify(directory->oauth->keys, token, rules, name, DIRECTORY_USER_MAX)
                        : status;
}

/* YIELDS. */
static enum status verify_by_asking(struct directory *directory, struct text token,
                                    const struct jwt_rules *rules, char name[DIRECTORY_USER_MAX])
{
    struct buffer answer;
    if (directory->introspect == NULL)
        return try_later("nobody can be asked about tokens");
    buffer_init(&answer, INTROSPECTION_ANSWER_MAX);
    enum status status = directory->introspect(directory->introspect_context, token, &answer);
    if (status == OK)
        status = introspection_verify(buffer_text(&answer), rules, name, DIRECTORY_USER_MAX);
    buffer_finish(&answer);
    return status;
}

/* Two dots: a token that says itself what it is. */
static bool is_signed(struct text token)
{
    size_t first = text_find(token, '.');
    return first < token.length && text_find_last(token, '.') > first;
}

enum status oauth_verify(struct directory *directory, struct text token,
                         char user[DIRECTORY_USER_MAX])
{
    /* Held: asking yields, and a reload may take them away. */
    struct settings *settings = settings_hold(directory->settings);
    const struct jwt_rules rules = {.issuer = settings->oauth_issuer,
                                    .audience = settings->oauth_audience,
                                    .user_claim = settings->oauth_claim,
                                    .now_s = clock_wall_ms() / SECOND};
    char name[DIRECTORY_USER_MAX];
    bool has_keys = settings->oauth_keys_file.length > 0;
    bool may_ask = settings->introspection.length > 0;
    enum status status = refused("tokens are not taken");
    user[0] = '\0';
    if (has_keys && (is_signed(token) || !may_ask))
        status = verify_by_keys(directory, token, &rules, name);
    else if (may_ask)
        status = verify_by_asking(directory, token, &rules, name);
    if (status == OK)
        status = find_user(directory, text_from(name), user);
    settings_release(&settings);
    return status;
}
