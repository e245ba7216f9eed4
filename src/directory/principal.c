#include "directory/principal.h"

#include "directory/state.h"

/* Realms are compared with case, as Kerberos does; without any in the settings each domain's realm
 * is its name. */
static struct text domain_of(const struct settings *settings, struct text realm)
{
    for (unsigned i = 0; i < settings->realm_count; i++)
        if (text_equals(settings->realms[i].name, realm))
            return settings->realms[i].domain;
    return settings->realm_count == 0 ? realm : TEXT("");
}

enum status directory_principal_find(struct directory *directory, struct text principal,
                                     struct arena *arena, struct text *key)
{
    struct directory_user user;
    struct text canonical;
    size_t at = text_find_last(principal, '@');
    struct text name = text_head(principal, at);
    struct text domain = domain_of(directory->settings, text_from_position(principal, at + 1));
    if (text_is_empty(name) || text_is_empty(domain))
        return refused("no user of ours is of that realm");
    /* "\@" and the like: in a name that nobody here has. */
    if (text_find(name, '\\') < name.length)
        return refused("the principal's name is none that a user has");
    struct text address = arena_printf(arena, "%.*s@%.*s", TEXT_ARG(name), TEXT_ARG(domain));
    enum status status = directory_address(directory, address, arena, key, &canonical);
    if (status == OK)
        status = directory_is_ours(directory, *key);
    if (status != OK)
        return status;
    bool found = directory_user_find(directory, *key, arena, &user);
    status = directory_ready(directory);
    if (status == OK && (!found || !user.enabled))
        status = refused("there is no such user, or he may not log in");
    return status;
}

/* By the names of the settings; without any a domain is called by its first label, or in full. */
static struct text domain_of_windows_name(const struct settings *settings, struct text name)
{
    for (unsigned i = 0; i < settings->ntlm_name_count; i++)
        if (text_equals_nocase(settings->ntlm_names[i].name, name))
            return settings->ntlm_names[i].domain;
    for (unsigned i = 0; settings->ntlm_name_count == 0 && i < settings->domain_count; i++) {
        struct text domain = settings->domains[i].name;
        if (text_equals_nocase(text_before(domain, '.'), name) || text_equals_nocase(domain, name))
            return domain;
    }
    return TEXT("");
}

enum status directory_login_name(const struct directory *directory, struct text written,
                                 struct arena *arena, struct text *key)
{
    struct text canonical, name = text_before(written, '\\'), user = text_after(written, '\\');
    if (name.length == written.length || text_find(written, '@') < written.length)
        return directory_address(directory, written, arena, key, &canonical);
    struct text domain = domain_of_windows_name(directory->settings, name);
    if (text_is_empty(domain) || text_is_empty(user))
        return refused("%.*s is none of our domains", TEXT_ARG(name));
    struct text address = arena_printf(arena, "%.*s@%.*s", TEXT_ARG(user), TEXT_ARG(domain));
    return directory_address(directory, address, arena, key, &canonical);
}
