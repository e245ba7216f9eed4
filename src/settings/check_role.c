/* The settings against the part that this server has among those of its routing group: what does
 * not go with it is unwise. */
#include "settings/parser.h"

static bool listens_for_mailboxes(const struct setting_server *server)
{
    for (unsigned i = 0; i < server->listen_count; i++) {
        enum service service = server->listens[i].service;
        if (service == SERVICE_POP3 || service == SERVICE_POP3S || service == SERVICE_IMAP ||
            service == SERVICE_IMAPS)
            return true;
    }
    return false;
}

/* On loopback alone it is for this machine. */
static bool listens_for_strangers(const struct setting_server *server)
{
    for (unsigned i = 0; i < server->listen_count && !server->needs_login; i++)
        if (server->listens[i].service == SERVICE_SMTP &&
            !net_address_is_loopback(&server->listens[i].address))
            return true;
    return false;
}

static bool is_bridgehead_of(const struct settings *settings,
                             const struct setting_connector *connector)
{
    const struct setting_group *group = settings_group(settings);
    for (unsigned i = 0; i < connector->bridgehead_count; i++)
        if (group != NULL && text_equals(connector->bridgeheads[i], group->self))
            return true;
    return connector->bridgehead_count == 0;
}

static void check_server(struct settings_errors *errors, const struct settings *settings,
                         const struct setting_block *block)
{
    const struct setting_server *server = block->values;
    enum setting_role role = settings->role;
    struct text name = setting_shown(server->name);
    bool has_none = role == SETTING_ROLE_FRONT_END || role == SETTING_ROLE_BRIDGEHEAD;
    if (has_none && listens_for_mailboxes(server))
        settings_warning(errors, setting_place_or_block(block, "listen"),
                         "server '%.*s' serves mailboxes, and the role %s has none", TEXT_ARG(name),
                         setting_role_names[role]);
    if (role == SETTING_ROLE_MAILBOX && listens_for_strangers(server))
        settings_warning(errors, setting_place_or_block(block, "anonymous"),
                         "server '%.*s' takes mail from strangers; that is for a front-end or "
                         "bridgehead, not for the role mailbox",
                         TEXT_ARG(name));
}

static void check_connector(struct settings_errors *errors, const struct settings *settings,
                            const struct setting_block *block)
{
    const struct setting_connector *connector = block->values;
    if (settings->role == SETTING_ROLE_MAILBOX && connector->arrow_count > 0 &&
        is_bridgehead_of(settings, connector))
        settings_warning(errors, setting_place_or_block(block, "to-group"),
                         "connector '%.*s' leads to other groups from here; that is for a "
                         "bridgehead, not for the role mailbox",
                         TEXT_ARG(setting_shown(connector->name)));
}

/* It takes mail from strangers, has mailboxes and sends to other sites: nothing is left to the
 * others that it does not do, and one file for all members comes out so. */
static bool does_everything(const struct settings *settings)
{
    bool takes = false, keeps = false, sends = false;
    for (unsigned i = 0; i < settings->server_count; i++) {
        takes |= listens_for_strangers(&settings->servers[i]);
        keeps |= listens_for_mailboxes(&settings->servers[i]);
    }
    for (unsigned i = 0; i < settings->connector_count; i++) {
        const struct setting_connector *connector = &settings->connectors[i];
        sends |= connector->place.line > 0 && is_bridgehead_of(settings, connector);
    }
    return takes && keeps && sends;
}

static void check_group(struct settings_errors *errors, const struct settings *settings,
                        const struct setting_block *block)
{
    const struct setting_group *group = block->values;
    if (settings->role == SETTING_ROLE_ALL && group->member_count > 1 && does_everything(settings))
        settings_warning(errors, &block->place,
                         "routing group '%.*s' has %u members, and this one does everything: it "
                         "takes mail from strangers, has mailboxes, and sends to other sites. With "
                         "the same file for all, each is open to everybody; write which part is "
                         "its own: role front-end, bridgehead or mailbox",
                         TEXT_ARG(setting_shown(group->name)), group->member_count);
}

void settings_check_role(struct settings_parser *parser)
{
    const struct settings *settings = &parser->object->settings;
    for (struct setting_block *block = parser->object->blocks; block != NULL; block = block->next) {
        if (block->kind == KIND_SERVER)
            check_server(&parser->errors, settings, block);
        if (block->kind == KIND_CONNECTOR)
            check_connector(&parser->errors, settings, block);
        if (block->kind == KIND_GROUP)
            check_group(&parser->errors, settings, block);
    }
}
