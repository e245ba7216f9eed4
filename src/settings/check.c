/* The settings as a whole: what contradicts itself is an error, what is unwise a warning. */
#include <ctype.h>
#include <stdio.h>

#include "base/check.h"
#include "settings/address_template.h"
#include "settings/extensions.h"
#include "settings/mechanisms.h"
#include "settings/parser.h"

/* Of a message: any server takes as much (RFC 5321 4.5.3.1.7). */
enum { SMALLEST_LIMIT = 64 << 10, LEAST_MEMORY = 96 << 20 };

/* One check under way. */
struct checking {
    struct settings_errors *errors;
    const struct settings *settings;
    struct map *listens; /* address, "*:port" or "any:port" to struct setting_place */
};

#define block_error(checking, block, row, hint, ...)                                               \
    settings_error((checking)->errors, setting_place_or_block(block, row), 0, TEXT(hint),          \
                   __VA_ARGS__)

static void check_top(struct checking *checking, const struct setting_block *block)
{
    struct setting_place file = {0};
    if (checking->errors->source->piece_count > 0)
        file.file = checking->errors->source->pieces[0].file;
    if (setting_block_row_place(block, "host")->line == 0)
        settings_error(checking->errors, &file, 0, TEXT("add a line like: host mx.example.org"),
                       "'host' is not set");
    if (checking->settings->memory > 0 && checking->settings->memory < LEAST_MEMORY)
        block_error(checking, block, "memory", "write 96MB or more, or 0 for what there is",
                    "the server takes more than that when nobody uses it");
}

static void check_forward(struct checking *checking, const struct setting_block *block)
{
    const struct settings *settings = checking->settings;
    struct text domain = settings->forward_domain;
    if (domain.length > 0 && settings_domain_find(settings, domain) == NULL)
        block_error(checking, block, "forward domain", "name one that has a domain statement",
                    "'%.*s' is not a domain of ours, so what bounces would not come back",
                    TEXT_ARG(domain));
}

static void check_oauth(struct checking *checking, const struct setting_block *block)
{
    const struct settings *settings = checking->settings;
    if (settings->oauth_keys_file.length > 0 &&
        (settings->oauth_issuer.length == 0 || settings->oauth_audience.length == 0))
        block_error(checking, block, "oauth jwks",
                    "write: oauth jwks FILE issuer URL audience WORD",
                    "tokens of any issuer, or for anybody, would be taken");
}

static void check_retry(struct checking *checking, const struct setting_block *block)
{
    const struct setting_retry *retry = &checking->settings->retry;
    if (retry->delay_notice_ms >= retry->expire_ms)
        settings_warning(checking->errors, setting_place_or_block(block, "delay-notice"),
                         "'delay-notice' is not before 'expire', so no notice is sent");
    if (retry->local_notice_ms >= retry->local_expire_ms)
        settings_warning(checking->errors, setting_place_or_block(block, "local delay-notice"),
                         "'local delay-notice' is not before 'local expire', so no notice is sent");
}

/* What it does not say itself was said of the retry block. */
static void check_server_retry(struct checking *checking, const struct setting_block *block)
{
    const struct setting_server *server = block->values;
    const struct setting_retry *retry = &server->retry, *all = &checking->settings->retry;
    struct text name = setting_shown(server->name);
    if (retry->delay_notice_ms >= retry->expire_ms && all->delay_notice_ms < all->expire_ms)
        settings_warning(checking->errors, setting_place_or_block(block, "retry delay-notice"),
                         "server '%.*s': 'delay-notice' is not before 'expire', so no notice is "
                         "sent",
                         TEXT_ARG(name));
    if (retry->local_notice_ms >= retry->local_expire_ms &&
        all->local_notice_ms < all->local_expire_ms)
        settings_warning(checking->errors,
                         setting_place_or_block(block, "retry local-delay-notice"),
                         "server '%.*s': 'local-delay-notice' is not before 'local-expire', so no "
                         "notice is sent",
                         TEXT_ARG(name));
}

/* The first holder of a key, or NULL when it is this one now. */
static const struct setting_place *claim(struct checking *checking, const char *key,
                                         const struct setting_place *place)
{
    const struct setting_place *first = map_get(checking->listens, text_from(key));
    if (first == NULL)
        map_put(checking->listens, text_from(key), (void *)place);
    return first;
}

static void check_listen_is_free(struct checking *checking, const struct setting_block *block,
                                 const struct net_address *address)
{
    const struct setting_place *place = setting_place_or_block(block, "listen"), *first;
    char text[NET_ADDRESS_TEXT_BYTES], port[32];
    net_address_text(address, text);
    first = claim(checking, text, place);
    if (address->any.sa_family != AF_UNIX) {
        /* "*" takes the port on all addresses. */
        bool any = address->any.sa_family == AF_INET6 && net_address_is_any(address);
        snprintf(port, sizeof(port), any ? "any:%u" : "*:%u", net_address_port(address));
        if (first == NULL)
            first = map_get(checking->listens, text_from(port));
        snprintf(port, sizeof(port), "any:%u", net_address_port(address));
        claim(checking, port, place);
    }
    if (first != NULL)
        settings_error(checking->errors, place, 0, TEXT(""),
                       "'%s' is already listened on at %.*s:%u", text, TEXT_ARG(first->file),
                       first->line);
}

static void check_listen_tls(struct checking *checking, const struct setting_block *block,
                             const struct setting_server *server,
                             const struct setting_listen *listen)
{
    char text[NET_ADDRESS_TEXT_BYTES];
    bool certificate = server->certificate_count > 0;
    bool loopback = net_address_is_loopback(&listen->address);
    const char *name = net_address_text(&listen->address, text);
    bool tls = listen->service == SERVICE_SMTPS || listen->service == SERVICE_POP3S ||
               listen->service == SERVICE_IMAPS;
    bool logs_in = listen->service == SERVICE_SUBMISSION || listen->service == SERVICE_POP3 ||
                   listen->service == SERVICE_IMAP || listen->service == SERVICE_ODMR ||
                   listen->service == SERVICE_LINK_STATE || listen->service == SERVICE_MANAGESIEVE;
    if (tls && !certificate)
        block_error(checking, block, "listen", "add: certificate FILE key FILE",
                    "'%s' needs a certificate", name);
    if (logs_in && server->tls == TLS_NONE && !server->login_plain_without_tls)
        settings_warning(checking->errors, setting_place_or_block(block, "listen"),
                         "nobody can log in on '%s': there is no TLS, and passwords are not taken "
                         "in clear text",
                         name);
    if (!tls && server->login_plain_without_tls && server->tls != TLS_REQUIRE && !loopback)
        settings_warning(checking->errors, setting_block_row_place(block, "login"),
                         "server '%.*s' takes passwords in clear text on '%s'",
                         TEXT_ARG(setting_shown(server->name)), name);
}

static void check_login(struct checking *checking, const struct setting_block *block)
{
    const struct setting_server *server = block->values;
    uint32_t none = UINT32_C(1) << LOGIN_NONE;
    if ((server->login_words & none) != 0 && server->login_words != none)
        block_error(checking, block, "login", "write: login none, or leave none out",
                    "'none' and other words of 'login' contradict each other");
    if (server->login_needs_tls && server->login_plain_without_tls)
        block_error(checking, block, "login", "leave one of them out",
                    "'tls' and 'cleartext' of 'login' contradict each other");
    if ((server->login_words & UINT32_C(1) << LOGIN_OAUTH) != 0 &&
        checking->settings->oauth_keys_file.length + checking->settings->introspection.length == 0)
        block_error(checking, block, "login", "add: oauth jwks FILE issuer URL audience WORD",
                    "server '%.*s' has logins by token but there are no keys for them",
                    TEXT_ARG(setting_shown(server->name)));
    if ((server->mechanisms & MECHANISM_BIT(MECHANISM_GSSAPI)) != 0 &&
        checking->settings->keytab_file.length == 0)
        block_error(checking, block, "login", "add: kerberos keytab FILE",
                    "server '%.*s' has logins by Kerberos but there is no keytab",
                    TEXT_ARG(setting_shown(server->name)));
}

static void check_server_tls(struct checking *checking, const struct setting_block *block,
                             const struct setting_server *server)
{
    struct text name = setting_shown(server->name);
    bool authorities = server->client_authorities_file.length > 0;
    if (server->tls != TLS_NONE && server->certificate_count == 0)
        block_error(checking, block, "tls", "add: certificate FILE key FILE",
                    "server '%.*s' has TLS but there is no certificate", TEXT_ARG(name));
    if (server->client_certificate == TLS_CERTIFICATE_REQUIRE && !authorities)
        block_error(checking, block, "tls client-certificate", "add: tls authorities FILE",
                    "server '%.*s' requires certificates that nothing can verify", TEXT_ARG(name));
    if (server->client_certificate == TLS_CERTIFICATE_NONE && authorities)
        settings_warning(checking->errors, setting_block_row_place(block, "tls authorities"),
                         "server '%.*s' asks no client for a certificate, so authorities for them "
                         "have no use",
                         TEXT_ARG(name));
    if (server->tls != TLS_REQUIRE && server->tls_for != TLS_FOR_ALL)
        block_error(checking, block, "tls for", "write: tls require for mail",
                    "server '%.*s' does not require TLS", TEXT_ARG(name));
}

static void check_server(struct checking *checking, const struct setting_block *block)
{
    const struct setting_server *server = block->values;
    struct text name = setting_shown(server->name);
    if (setting_block_row_place(block, "listen")->line == 0 && server->listen_count == 0)
        block_error(checking, block, "listen", "add a line like: listen *:25",
                    "server '%.*s' listens nowhere", TEXT_ARG(name));
    if (server->max_message_bytes > 0 && server->max_message_bytes < SMALLEST_LIMIT)
        block_error(checking, block, "limit message", "write 64KB or more, or 0 for no limit",
                    "server '%.*s' takes next to no message", TEXT_ARG(name));
    if (server->tls == TLS_REQUIRE && (server->without & EXTENSION_BIT(EXTENSION_STARTTLS)) != 0)
        block_error(checking, block, "without", "remove one of them",
                    "server '%.*s' requires STARTTLS and does without it", TEXT_ARG(name));
    check_server_tls(checking, block, server);
    check_login(checking, block);
    for (unsigned i = 0; i < server->listen_count; i++) {
        check_listen_is_free(checking, block, &server->listens[i].address);
        check_listen_tls(checking, block, server, &server->listens[i]);
    }
    if (server->relay_all_except)
        settings_warning(checking->errors, setting_block_row_place(block, "relay"),
                         "server '%.*s' is an open relay: all but the networks of 'relay' may send "
                         "anywhere",
                         TEXT_ARG(name));
    for (unsigned i = 0; i < server->relay_network_count && !server->relay_all_except; i++) {
        char text[NET_ADDRESS_TEXT_BYTES];
        /* Half of the Internet is as open as all of it. */
        if (server->relay_networks[i].prefix_bits < 2)
            settings_warning(checking->errors, setting_block_row_place(block, "relay"),
                             "server '%.*s' is an open relay: '%s' may send anywhere",
                             TEXT_ARG(name), net_network_text(&server->relay_networks[i], text));
    }
}

/* Names are compared without case: a mailbox has one owner. */
static void check_domain(struct checking *checking, const struct setting_block *block)
{
    const struct setting_domain *domain = block->values;
    struct map *seen = map_new();
    for (unsigned i = 0; i < domain->user_count; i++) {
        char key[64];
        struct text user = domain->users[i];
        check(user.length <= sizeof(key));
        for (size_t at = 0; at < user.length; at++)
            key[at] = (char)tolower((unsigned char)user.data[at]);
        if (map_put(seen, text_of(key, user.length), domain->users + i) != NULL)
            settings_error(checking->errors, setting_place_or_block(block, "user"), 0, TEXT(""),
                           "user '%.*s' is named twice in domain '%.*s'", TEXT_ARG(user),
                           TEXT_ARG(setting_shown(block->name)));
    }
    map_free(&seen);
}

/* Placeholders for what is only known later: the check is about what is set at all. */
static struct sasl_identity identity_of(const struct setting_connector *connector)
{
    const struct setting_client_login *login = &connector->login;
    bool token_alone = login->mechanisms != 0 && login->token_file.length == 0 &&
                       (login->mechanisms & ~SASL_BEARER_MECHANISMS) == 0;
    return (struct sasl_identity){.user = login->user,
                                  .password = login->secret,
                                  .token = token_alone ? login->secret : login->token_file,
                                  .keytab = login->keytab_file,
                                  .tickets = login->tickets_file,
                                  .has_certificate = connector->certificate_count > 0,
                                  .allowed = login->mechanisms != 0 ? login->mechanisms
                                                                    : SASL_ANY_MECHANISM};
}

static void check_connector_login(struct checking *checking, const struct setting_block *block,
                                  const struct setting_connector *connector)
{
    const struct setting_client_login *login = &connector->login;
    struct text name = setting_shown(connector->name);
    const struct sasl_identity identity = identity_of(connector);
    bool proof = login->secret.length + login->token_file.length + login->keytab_file.length +
                     login->tickets_file.length + connector->certificate_count >
                 0;
    bool user = login->user.length > 0;
    if (connector->exps != EXPS_NEVER && !proof)
        block_error(checking, block, "x-exps", "write: login USER secret NAME",
                    "connector '%.*s' has nothing to log in with by X-EXPS", TEXT_ARG(name));
    if (!setting_client_logs_in(login))
        return;
    if (!proof)
        block_error(checking, block, "login", "write: login USER secret NAME",
                    "connector '%.*s' has a login without a secret", TEXT_ARG(name));
    else if (login->secret.length > 0 && !user)
        block_error(checking, block, "login secret", "write: login USER secret NAME",
                    "connector '%.*s' has a secret without a login", TEXT_ARG(name));
    else if (!sasl_identity_suffices(&identity))
        block_error(checking, block, "login mechanism", "see login in mailroot.conf(5)",
                    "connector '%.*s' has not what its mechanisms need to log in", TEXT_ARG(name));
    if (connector->smart_host_count == 0)
        block_error(checking, block, "login", "add a smart-host, or remove the login",
                    "connector '%.*s' would log in at strangers", TEXT_ARG(name));
    if (login->secrecy == SASL_OVER_ANYTHING &&
        (connector->tls & (TLS_MEANS_NONE | TLS_MEANS_OFFER)) != 0)
        settings_warning(checking->errors, setting_place_or_block(block, "login over"),
                         "connector '%.*s' may send its password in clear text; tls require or "
                         "verify prevents that",
                         TEXT_ARG(name));
}

/* An account elsewhere can't log in here, so nobody would ever fetch the mail. */
static void check_hold(struct checking *checking, const struct setting_block *block)
{
    const struct setting_connector *connector = block->values;
    for (unsigned i = 0; i < connector->hold_account_count; i++) {
        struct text account = connector->hold_accounts[i];
        struct text domain = text_from_position(account, text_find_last(account, '@') + 1);
        if (settings_domain_find(checking->settings, domain) == NULL)
            settings_warning(checking->errors, setting_place_or_block(block, "hold"),
                             "nobody can log in as '%.*s': its domain is not one of ours",
                             TEXT_ARG(account));
    }
}

static void check_request(struct checking *checking, const struct setting_block *block)
{
    const struct setting_connector *connector = block->values;
    const struct setting_request *request = &connector->request;
    struct text name = setting_shown(connector->name);
    bool asks = request->node_count > 0 || request->turns;
    if (!asks && (request->every_ms > 0 || request->at.host.length > 0))
        block_error(checking, block, request->every_ms > 0 ? "request every" : "request at",
                    "write: request etrn DOMAIN ..., or: request atrn",
                    "connector '%.*s' requests nothing", TEXT_ARG(name));
    if (asks && connector->smart_host_count == 0 && request->at.host.length == 0)
        block_error(checking, block, request->turns ? "request atrn" : "request etrn",
                    "add a smart-host, or: request at HOST",
                    "connector '%.*s' has no host to request mail from", TEXT_ARG(name));
    if (request->turns && !setting_client_logs_in(&connector->login))
        block_error(checking, block, "request atrn", "write: login USER secret NAME",
                    "connector '%.*s' can't fetch mail without a login", TEXT_ARG(name));
    if (request->turns && request->every_ms == 0)
        block_error(checking, block, "request atrn", "write: request every 15m",
                    "connector '%.*s' never fetches mail", TEXT_ARG(name));
}

/* Which mail it takes. */
static void check_restrictions(struct checking *checking, const struct setting_block *block)
{
    const struct setting_connector *connector = block->values;
    struct text name = setting_shown(connector->name);
    for (unsigned i = 0; i < connector->server_count; i++)
        if (settings_server_find(checking->settings, connector->servers[i]) == NULL)
            block_error(checking, block, "from", "name a server block",
                        "connector '%.*s': there is no server '%.*s'", TEXT_ARG(name),
                        TEXT_ARG(setting_shown(connector->servers[i])));
    if (connector->rejected.everyone && connector->rejected.name_count == 0)
        settings_warning(checking->errors, setting_place_or_block(block, "reject"),
                         "connector '%.*s' rejects all mail", TEXT_ARG(name));
    for (unsigned i = 0; i < connector->space_count; i++) {
        const struct setting_space *space = &connector->spaces[i];
        if (!space->relays)
            continue;
        bool is_open = text_equals(space->pattern, TEXT("*"));
        settings_warning(checking->errors, &space->place,
                         "connector '%.*s' relays mail for '%.*s' from anybody%s, whatever the "
                         "servers say in 'relay'",
                         TEXT_ARG(name), TEXT_ARG(setting_shown(space->pattern)),
                         is_open ? " to anywhere: an open relay" : "");
    }
}

static bool has_member(const struct setting_group *group, struct text name)
{
    for (unsigned i = 0; i < group->member_count; i++)
        if (text_equals(group->members[i].name, name))
            return true;
    return false;
}

/* What it is to routing groups. */
static void check_links(struct checking *checking, const struct setting_block *block)
{
    const struct setting_connector *connector = block->values;
    const struct setting_group *group = settings_group(checking->settings);
    struct text name = setting_shown(connector->name);
    bool needs_group =
        connector->arrow_count > 0 || connector->bridgehead_count > 0 || connector->is_for_group;
    if (connector->arrow_count > 0 && connector->smart_host_count == 0)
        block_error(checking, block, "to-group", "add: smart-host HOST",
                    "connector '%.*s' names no host of the other group", TEXT_ARG(name));
    if (needs_group && group == NULL)
        block_error(checking, block, connector->arrow_count > 0 ? "to-group" : "bridgehead",
                    "add a block: routing-group NAME { ... }",
                    "connector '%.*s': this server is in no routing group", TEXT_ARG(name));
    for (unsigned i = 0; i < connector->bridgehead_count && group != NULL; i++)
        if (!has_member(group, connector->bridgeheads[i]))
            block_error(checking, block, "bridgehead", "name a member of the routing group",
                        "connector '%.*s': '%.*s' is no member", TEXT_ARG(name),
                        TEXT_ARG(setting_shown(connector->bridgeheads[i])));
}

static void check_group(struct checking *checking, const struct setting_block *block)
{
    const struct setting_group *group = block->values;
    struct text name = setting_shown(group->name), self = setting_shown(group->self);
    bool logs_in = group->login_user.length > 0 && group->login_secret.length > 0;
    if (!has_member(group, group->self))
        block_error(checking, block, "server", "add: member HOST, or write: server MEMBER",
                    "this server, '%.*s', is no member of routing group '%.*s'", TEXT_ARG(self),
                    TEXT_ARG(name));
    if (!has_member(group, group->master))
        block_error(checking, block, "master", "name one of the members",
                    "the master of routing group '%.*s' is no member", TEXT_ARG(name));
    if (group->member_count > 1 && !logs_in)
        block_error(checking, block, "login", "write: login USER secret NAME",
                    "routing group '%.*s' has no login for its members", TEXT_ARG(name));
}

static void check_connector(struct checking *checking, const struct setting_block *block)
{
    const struct setting_connector *connector = block->values;
    if (block->place.line == 0)
        return; /* of a domain's `unresolved forward` */
    struct text name = setting_shown(connector->name);
    bool by_mx = setting_block_row_place(block, "by")->line > 0 ||
                 setting_block_row_place(block, "by port")->line > 0;
    bool smart = connector->smart_host_count > 0;
    if (setting_block_row_place(block, "to")->line == 0 && connector->arrow_count == 0)
        block_error(checking, block, "to", "add a line like: to example.net",
                    "connector '%.*s' is for no domain", TEXT_ARG(name));
    if (smart && by_mx && !connector->is_direct_first)
        block_error(checking, block, "smart-host", "keep one of them",
                    "connector '%.*s' has both 'smart-host' and 'by'", TEXT_ARG(name));
    if (connector->is_direct_first && !smart)
        block_error(checking, block, "smart-host direct-first",
                    "write: smart-host HOST direct-first",
                    "connector '%.*s' has no host to try after that", TEXT_ARG(name));
    check_restrictions(checking, block);
    check_links(checking, block);
    check_connector_login(checking, block, connector);
}

/* What is dropped must not be picked up again. */
static void check_drop(struct checking *checking, const struct setting_block *block)
{
    const struct settings *settings = checking->settings;
    const struct setting_domain *domain = block->values;
    bool is_picked_up = text_equals(domain->drop_folder, settings->pickup_folder);
    for (unsigned i = 0; i < settings->server_count; i++) {
        struct text folders = settings->servers[i].folders;
        is_picked_up |=
            folders.length > 0 && text_starts_with(domain->drop_folder, folders) &&
            text_equals(text_from_position(domain->drop_folder, folders.length), TEXT("/Pickup"));
    }
    if (domain->drops && is_picked_up)
        block_error(checking, block, "drop", "write another directory",
                    "the drop folder of '%.*s' is a pickup folder too", TEXT_ARG(domain->name));
}

/* By the name of this host mail comes from others to us; as a domain of users it would come back
 * here from every host that looks at it again (Exchange's 5.4.8). */
static bool is_host_name(const struct settings *settings, struct text domain)
{
    bool is_host = text_equals_nocase(domain, settings->host);
    for (unsigned i = 0; i < settings->server_count; i++)
        is_host |= text_equals_nocase(domain, settings->servers[i].host);
    return is_host;
}

static void check_templates(struct checking *checking, const struct setting_block *block,
                            const struct text *templates, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct text domain = address_template_domain(templates[i]);
        if (is_host_name(checking->settings, domain))
            block_error(checking, block, "address",
                        "write the domain that users have, or give this host another name",
                        "'%.*s' is the name of this host, and mail for it would go round in a loop",
                        TEXT_ARG(domain));
        else if (settings_domain_find(checking->settings, domain) == NULL)
            block_error(checking, block, "address", "add a domain statement for it",
                        "'%.*s' is not a domain of ours", TEXT_ARG(domain));
    }
}

static void check_recipients(struct checking *checking, const struct setting_block *block)
{
    const struct setting_recipients *policy = block->values;
    check_templates(checking, block, policy->templates, policy->template_count);
}

static void check_domain_templates(struct checking *checking, const struct setting_block *block)
{
    const struct setting_domain *domain = block->values;
    check_templates(checking, block, domain->templates, domain->template_count);
}

void settings_check(struct settings_parser *parser)
{
    struct checking checking = {
        .errors = &parser->errors, .settings = &parser->object->settings, .listens = map_new()};
    for (struct setting_block *block = parser->object->blocks; block != NULL; block = block->next) {
        switch (block->kind) {
        case KIND_TOP:
            check_top(&checking, block);
            check_oauth(&checking, block);
            check_forward(&checking, block);
            break;
        case KIND_RETRY:
            check_retry(&checking, block);
            break;
        case KIND_SERVER:
            check_server(&checking, block);
            check_server_retry(&checking, block);
            break;
        case KIND_CONNECTOR:
            check_connector(&checking, block);
            check_hold(&checking, block);
            check_request(&checking, block);
            break;
        case KIND_DOMAIN:
            check_domain(&checking, block);
            check_domain_templates(&checking, block);
            check_drop(&checking, block);
            break;
        case KIND_GROUP:
            check_group(&checking, block);
            break;
        case KIND_POLICY:
        case KIND_FILTER:
        case KIND_BLOCK_LIST:
            break;
        case KIND_RECIPIENTS:
            check_recipients(&checking, block);
            break;
        case KIND_COUNT:
            break;
        }
    }
    map_free(&checking.listens);
    settings_check_role(parser);
    settings_check_filters(parser);
}
