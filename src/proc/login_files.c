#include "proc/login_files.h"

#include <stdlib.h>

#define KERBEROS_SETTINGS "/etc/krb5.conf"

struct login_paths {
    struct arena *arena;
    const char **paths;
    unsigned count;
};

static void add(struct login_paths *list, struct text path)
{
    if (!text_is_empty(path) && list->count < LOGIN_FILES_MAX)
        list->paths[list->count++] = arena_copy(list->arena, path).data;
}

static void add_directory_of(struct login_paths *list, struct text file)
{
    if (text_starts_with(file, TEXT("FILE:")))
        file = text_from_position(file, TEXT("FILE:").length);
    size_t slash = text_find_last(file, '/');
    if (slash < file.length)
        add(list, text_head(file, slash == 0 ? 1 : slash));
}

/* Where the library looks (krb5.conf(5)); the environment may name several. */
static void add_kerberos_settings(struct login_paths *list)
{
    const char *named = getenv("KRB5_CONFIG");
    struct text rest = text_from(named != NULL ? named : KERBEROS_SETTINGS), path;
    while (text_split(&rest, ':', &path))
        add(list, path);
    add(list, TEXT(KERBEROS_SETTINGS ".d"));
}

static void add_connectors(struct login_paths *list, const struct settings *settings)
{
    for (unsigned i = 0; i < settings->connector_count; i++) {
        const struct setting_client_login *login = &settings->connectors[i].login;
        add_directory_of(list, login->keytab_file);
        add_directory_of(list, login->tickets_file);
        add_directory_of(list, login->token_file);
        if (login->keytab_file.length + login->tickets_file.length > 0)
            add_kerberos_settings(list);
    }
}

unsigned login_files(const struct settings *settings, enum role_kind kind, struct arena *arena,
                     const char *out[LOGIN_FILES_MAX])
{
    struct login_paths list = {.arena = arena, .paths = out};
    if ((role_find(kind)->may & MAY_READ_LOGINS) == 0)
        return 0;
    if (kind == ROLE_SEND)
        add_connectors(&list, settings);
    if (kind == ROLE_AUTH && settings->keytab_file.length > 0) {
        add_directory_of(&list, settings->keytab_file);
        add_kerberos_settings(&list);
    }
    if (kind == ROLE_AUTH)
        add_directory_of(&list, settings->oauth_keys_file);
    return list.count;
}
