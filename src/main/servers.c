#include "main/servers.h"

#include "base/logline.h"

static const char *const state_names[] = {
    [SITE_RUNS] = "running", [SITE_PAUSED] = "paused", [SITE_STOPPED] = "stopped"};

/* What each order makes of which states. */
static const struct {
    const char *name;
    unsigned from; /* bits by enum site_server_state */
    enum site_server_state to;
} orders[] = {
    [SERVER_START] = {"start", 1u << SITE_STOPPED, SITE_RUNS},
    [SERVER_STOP] = {"stop", 1u << SITE_RUNS | 1u << SITE_PAUSED, SITE_STOPPED},
    [SERVER_PAUSE] = {"pause", 1u << SITE_RUNS, SITE_PAUSED},
    [SERVER_CONTINUE] = {"continue", 1u << SITE_PAUSED, SITE_RUNS},
};

enum status servers_order(struct servers *servers, struct text name, enum server_order order)
{
    struct site *site = servers->site;
    enum site_server_state state = site_server_state(site, name), wanted = orders[order].to;
    if (settings_server_find(site->settings, name) == NULL)
        return refused("there is no server '%.*s'", TEXT_ARG(name));
    if ((orders[order].from & 1u << state) == 0)
        return refused("server '%.*s' is %s", TEXT_ARG(name), state_names[state]);
    struct site old;
    enum status status = site_set_server(site, name, wanted, &old);
    if (status != OK)
        return status;
    servers->relisten(servers->context, &old);
    site_free(&old);
    if (wanted == SITE_STOPPED)
        servers->end_sessions(servers->context, name);
    log_info("server.ordered", "name=%s order=%s state=%s", log_text(name), orders[order].name,
             state_names[wanted]);
    return OK;
}

static void put_listens(const struct setting_server *server, bool json, struct buffer *out)
{
    char text[NET_ADDRESS_TEXT_BYTES];
    for (unsigned i = 0; i < server->listen_count; i++) {
        const char *address = net_address_text(&server->listens[i].address, text);
        if (json)
            buffer_printf(out, "%s\"%s\"", i == 0 ? "" : ",", address);
        else
            buffer_printf(out, " %s", address);
    }
}

/* A server's name has no byte that JSON would have to hide. */
void servers_list(const struct site *site, bool json, struct buffer *out)
{
    const struct settings *settings = site->settings;
    for (unsigned i = 0; i < settings->server_count; i++) {
        const struct setting_server *server = &settings->servers[i];
        const char *state = state_names[site_server_state(site, server->name)];
        if (json)
            buffer_printf(out, "{\"name\":\"%.*s\",\"state\":\"%s\",\"listen\":[",
                          TEXT_ARG(server->name), state);
        else
            buffer_printf(out, "%-16.*s %-8s", TEXT_ARG(server->name), state);
        put_listens(server, json, out);
        buffer_append(out, json ? TEXT("]}\n") : TEXT("\n"));
    }
}
