/* The security design. Read the table as: role, what the kernel lets it do, whom it may ask. */
#include "proc/role.h"

#include <unistd.h>

#include "base/check.h"

#define TO(kind) (1u << (kind))

static const struct role roles[] = {
    /* kind       name     may                                data         peers, user, memory */
    /* Of send it may ask what DNS says of a peer: its name, the block lists that have it, and the
     * domains it may send for. */
    {ROLE_FRONT, "front", 0, NULL, TO(ROLE_STORE) | TO(ROLE_AUTH) | TO(ROLE_SEND), "mail-front", 4},
    /* The folders are the store's: what is picked up must be on its disk before the file goes, what
     * is dropped is read from there, and it talks to nobody outside. */
    {ROLE_STORE, "store", MAY_USE_DATA | MAY_USE_FOLDERS, "store",
     TO(ROLE_FRONT) | TO(ROLE_AUTH) | TO(ROLE_SEND), "mail-store", 7},
    {ROLE_AUTH, "auth", MAY_USE_DATA | MAY_READ_LOGINS, "directory",
     TO(ROLE_FRONT) | TO(ROLE_STORE) | TO(ROLE_SEND), "mail-auth", 3},
    {ROLE_SEND, "send", MAY_CONNECT | MAY_READ_SYSTEM | MAY_READ_LOGINS, NULL,
     TO(ROLE_FRONT) | TO(ROLE_STORE) | TO(ROLE_AUTH), "mail-send", 2},
};

const struct role *role_find(enum role_kind kind)
{
    check(kind < ROLE_PARENT);
    return &roles[kind];
}

struct text role_directory(const struct role *role, const struct settings *settings,
                           struct arena *arena)
{
    struct text parent =
        role->kind == ROLE_STORE ? settings->queue_directory : settings->data_directory;
    return arena_printf(arena, "%.*s/%s", TEXT_ARG(parent), role->data);
}

unsigned role_front_count(const struct settings *settings)
{
    enum { MEMORY_FOR_EACH = 64 << 20 }; /* of `memory`; a quarter of it is the fronts' */
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned count = settings->front_processes;
    if (count == 0) {
        count = cores < 1 ? 1 : (unsigned)cores;
        if (settings->memory != 0 && count > settings->memory / MEMORY_FOR_EACH)
            count = (unsigned)(settings->memory / MEMORY_FOR_EACH);
    }
    return count > ROLE_FRONTS_MAX ? ROLE_FRONTS_MAX : count;
}

size_t role_memory(const struct role *role, const struct settings *settings, size_t machine)
{
    enum { PARTS = 16 };
    size_t all = settings->memory != 0 ? (size_t)settings->memory : machine;
    return all / PARTS * role->memory / (role->kind == ROLE_FRONT ? role_front_count(settings) : 1);
}

static void describe_peers(const struct role *role, struct buffer *out)
{
    for (enum role_kind kind = 0; kind < ROLE_PARENT; kind++)
        if ((role->peers & TO(kind)) != 0)
            buffer_printf(out, " %s", roles[kind].name);
}

void role_describe(struct buffer *out)
{
    buffer_printf(out, "%-7s %-11s %-30s %s\n", "role", "user", "may", "talks to");
    for (enum role_kind kind = 0; kind < ROLE_PARENT; kind++) {
        const struct role *role = &roles[kind];
        struct buffer may;
        buffer_init(&may, 200);
        if ((role->may & MAY_USE_DATA) != 0)
            buffer_printf(&may, "data/%s ", role->data);
        if ((role->may & MAY_CONNECT) != 0)
            buffer_append(&may, TEXT("connect "));
        if ((role->may & MAY_READ_SYSTEM) != 0)
            buffer_append(&may, TEXT("read /etc /usr "));
        if ((role->may & MAY_READ_LOGINS) != 0)
            buffer_append(&may, TEXT("keytabs tokens"));
        if ((role->may & MAY_USE_FOLDERS) != 0)
            buffer_append(&may, TEXT("folders "));
        if (may.length == 0)
            buffer_append(&may, TEXT("nothing but its sockets"));
        buffer_printf(out, "%-7s %-11s %-30.*s", role->name, role->user,
                      TEXT_ARG(buffer_text(&may)));
        describe_peers(role, out);
        buffer_append(out, TEXT("\n"));
        buffer_finish(&may);
    }
}
