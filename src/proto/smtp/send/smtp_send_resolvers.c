#include "proto/smtp/send/smtp_send_resolvers.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/map.h"

/* Each has a thread and a cache. Lists that the settings no longer have count too, until the end.
 */
enum { OWN_MAX = 32 };

struct smtp_resolvers {
    const struct role_context *role;
    struct resolver *all;
    struct map *own; /* the servers as text to struct resolver */
    struct task_event set_up;
    bool is_setting_up;
};

static enum status open_one(const struct role_context *role, const struct net_address *servers,
                            unsigned count, struct resolver **out)
{
    struct resolver_options options = {.servers = servers,
                                       .server_count = count,
                                       .trust_anchors =
                                           role_file(role, role->settings->trust_anchor_file)};
    return resolver_new(&options, out);
}

enum status smtp_resolvers_open(const struct role_context *role, struct smtp_resolvers **out)
{
    const struct settings *settings = role->settings;
    struct smtp_resolvers *resolvers = calloc(1, sizeof(*resolvers));
    check(resolvers != NULL);
    resolvers->role = role;
    resolvers->own = map_new();
    task_event_init(&resolvers->set_up);
    *out = resolvers;
    return open_one(role, settings->dns_servers, settings->dns_server_count, &resolvers->all);
}

void smtp_resolvers_close(struct smtp_resolvers **resolvers)
{
    struct smtp_resolvers *closing = *resolvers;
    if (closing == NULL)
        return;
    *resolvers = NULL;
    size_t position = 0;
    void *value;
    while (map_next(closing->own, &position, NULL, &value)) {
        struct resolver *resolver = value;
        resolver_free(&resolver);
    }
    map_free(&closing->own);
    resolver_free(&closing->all);
    free(closing);
}

static void put_key(const struct setting_connector *connector, struct buffer *out)
{
    char text[NET_ADDRESS_TEXT_BYTES];
    for (unsigned i = 0; i < connector->dns_server_count; i++)
        buffer_printf(out, "%s ", net_address_text(&connector->dns_servers[i], text));
}

/* Behind the others who want one made. YIELDS. */
static enum status make_own(struct smtp_resolvers *resolvers, const struct setting_connector *of,
                            struct text key, struct resolver **out)
{
    while (resolvers->is_setting_up)
        if (task_event_wait(&resolvers->set_up, NO_DEADLINE) != OK)
            return TRY_LATER;
    *out = map_get(resolvers->own, key);
    if (*out != NULL)
        return OK;
    if (map_count(resolvers->own) >= OWN_MAX)
        return try_later("more than %d lists of DNS servers since the start", OWN_MAX);
    resolvers->is_setting_up = true;
    enum status status = open_one(resolvers->role, of->dns_servers, of->dns_server_count, out);
    resolvers->is_setting_up = false;
    if (status == OK)
        map_put(resolvers->own, key, *out);
    task_event_tell_all(&resolvers->set_up);
    return status == OK ? OK : fail_within(TRY_LATER, "DNS servers of the connector");
}

enum status smtp_resolver_for(struct smtp_resolvers *resolvers,
                              const struct setting_connector *connector, struct resolver **out)
{
    *out = NULL;
    if (resolvers == NULL)
        return try_later("the sender is still starting");
    *out = resolvers->all;
    if (connector == NULL || connector->dns_server_count == 0)
        return OK;
    struct buffer key;
    buffer_init(&key, 16 * NET_ADDRESS_TEXT_BYTES);
    put_key(connector, &key);
    *out = map_get(resolvers->own, buffer_text(&key));
    enum status status = OK;
    if (*out == NULL)
        status = make_own(resolvers, connector, buffer_text(&key), out);
    buffer_finish(&key);
    return status;
}
