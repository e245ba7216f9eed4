#include "proc/folders.h"

/* Set-group-ID, so that what users put in is readable to the group of the store, whatever theirs;
 * sticky, so that they can't touch each other's. */
static const unsigned modes[] = {
    [FOLDER_PICKUP_PUBLIC] = 03777, [FOLDER_PICKUP] = 02770, [FOLDER_DROP] = 02770,
    [FOLDER_BADMAIL] = 0700,        [FOLDER_FILTER] = 0700,  [FOLDER_LOG] = 0750,
};

struct places {
    struct arena *arena;
    struct folder_place *list;
    unsigned count;
};

static void add(struct places *places, enum folder_kind kind, struct text path, struct text server)
{
    for (unsigned i = 0; i < places->count; i++)
        if (text_equals(places->list[i].path, path))
            return;
    if (places->count < FOLDERS_MAX)
        places->list[places->count++] =
            (struct folder_place){.kind = kind,
                                  .path = arena_copy(places->arena, path),
                                  .server = server,
                                  .mode = modes[kind]};
}

static void add_of_server(struct places *places, const struct setting_server *server)
{
    static const struct {
        enum folder_kind kind;
        const char *name;
    } inside[] = {{FOLDER_PICKUP, "Pickup"},
                  {FOLDER_DROP, "Drop"},
                  {FOLDER_BADMAIL, "BadMail"},
                  {FOLDER_FILTER, "Filter"}};
    for (unsigned i = 0; i < sizeof(inside) / sizeof(inside[0]) && server->folders.length > 0; i++)
        add(places, inside[i].kind,
            arena_printf(places->arena, "%.*s/%s", TEXT_ARG(server->folders), inside[i].name),
            server->name);
}

unsigned folders_list(const struct settings *settings, struct arena *arena,
                      struct folder_place **out)
{
    struct places places = {.arena = arena,
                            .list = arena_array(arena, FOLDERS_MAX, sizeof(*places.list))};
    struct text first = settings->server_count > 0 ? settings->servers[0].name : TEXT("");
    add(&places, FOLDER_PICKUP_PUBLIC, settings->pickup_folder, first);
    for (unsigned i = 0; i < settings->server_count; i++)
        add_of_server(&places, &settings->servers[i]);
    add(&places, FOLDER_BADMAIL, settings->badmail_folder, TEXT(""));
    if (settings->filter.archives)
        add(&places, FOLDER_FILTER, settings->filter.archive_folder, TEXT(""));
    for (unsigned i = 0; i < settings->domain_count; i++)
        if (settings->domains[i].drops)
            add(&places, FOLDER_DROP, settings->domains[i].drop_folder, TEXT(""));
    add(&places, FOLDER_LOG, settings->protolog.directory, TEXT(""));
    for (unsigned i = 0; i < settings->server_count; i++)
        add(&places, FOLDER_LOG, settings->servers[i].log.directory, TEXT(""));
    *out = places.list;
    return places.count;
}
