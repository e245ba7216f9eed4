/* What follows from other settings when it is not written: defaults no row can tell alone. */
#include <string.h>

#include "base/check.h"
#include "settings/mechanisms.h"
#include "settings/parser.h"

static void add_listens(struct settings_parser *parser, struct setting_block *block)
{
    const struct settings *settings = &parser->object->settings;
    bool certificate = settings->certificate_count > 0;
    bool tells_links =
        parser->object->block_counts[KIND_GROUP] > 0 && setting_role_tells_links(settings->role);
    struct text line =
        arena_printf(&parser->scratch, "%s%s", setting_role_listens(settings->role, certificate),
                     tells_links ? " *:691 link-state" : "");
    struct setting_reader in = {.parser = parser, .block = block};
    struct setting_flaw flaw;
    check(setting_line_split(line, &parser->scratch, &in.words, &flaw));
    check(settings_statement_read(&in));
    if (!certificate && settings->role != SETTING_ROLE_BRIDGEHEAD)
        settings_warning(&parser->errors, &block->place,
                         "there is no certificate, so %s not served",
                         settings->role == SETTING_ROLE_FRONT_END ? "port 465 is"
                                                                  : "ports 465, 993 and 995 are");
}

/* Without any server block there is one that listens where mail is expected. */
static void add_server(struct settings_parser *parser)
{
    struct setting_block *block = settings_object_add(parser->object, KIND_SERVER, TEXT("default"),
                                                      (struct setting_place){0});
    add_listens(parser, block);
}

static void complete_login(struct setting_server *server, const struct settings *settings)
{
    uint32_t words = server->login_words;
    server->mechanisms = mechanism_set_of(words);
    if (settings->oauth_keys_file.length + settings->introspection.length == 0)
        server->mechanisms &=
            ~(MECHANISM_BIT(MECHANISM_OAUTHBEARER) | MECHANISM_BIT(MECHANISM_XOAUTH2));
    server->login_plain_without_tls = (words & UINT32_C(1) << LOGIN_CLEARTEXT) != 0;
    server->login_needs_tls = (words & UINT32_C(1) << LOGIN_TLS) != 0;
}

static struct text first_domain(const struct settings_parser *parser)
{
    const struct setting_block *block = parser->object->blocks;
    while (block != NULL && block->kind != KIND_DOMAIN)
        block = block->next;
    return block != NULL ? block->name : parser->object->settings.host;
}

/* "@interns" is "@interns@example.org". */
static void complete_senders(struct settings_parser *parser, struct setting_senders *senders,
                             struct text domain)
{
    for (unsigned i = 0; i < senders->name_count; i++) {
        struct text *name = &senders->names[i];
        if (text_starts_with(*name, TEXT("@")) && text_find_last(*name, '@') == 0)
            *name = arena_printf(&parser->object->arena, "%.*s@%.*s", TEXT_ARG(*name),
                                 TEXT_ARG(domain));
    }
}

/* As another profile than the file's has them. */
static struct setting_retry retry_of_profile(struct settings_parser *parser,
                                             enum setting_profile profile)
{
    struct setting_retry retry = {0};
    struct setting_block block = {.kind = KIND_RETRY, .preset.profile = profile, .values = &retry};
    unsigned rows;
    setting_kind_rows(KIND_RETRY, &rows);
    block.places = arena_array(&parser->object->arena, rows, sizeof(*block.places));
    settings_defaults_apply(parser, &block);
    return retry;
}

/* What a server does not say of its retry intervals: each of its rows has its like in the retry
 * block, at the same place of the same struct. */
static void complete_retry(struct settings_parser *parser, struct setting_block *block)
{
    struct setting_server *server = block->values;
    const struct settings *settings = &parser->object->settings;
    const struct setting_retry standard = server->profile == settings->profile
                                              ? settings->retry
                                              : retry_of_profile(parser, server->profile);
    unsigned count;
    const struct setting_row *rows = setting_kind_rows(KIND_SERVER, &count);
    for (unsigned i = 0; i < count; i++) {
        size_t base = offsetof(struct setting_server, retry);
        if (rows[i].offset < base || rows[i].offset >= base + sizeof(standard) ||
            setting_block_place(block, &rows[i])->line > 0)
            continue;
        size_t size = rows[i].type->list ? sizeof(void *) : rows[i].width;
        memcpy(setting_block_value(block, &rows[i]),
               (const char *)&standard + (rows[i].offset - base), size);
        if (rows[i].type->list)
            *setting_block_list_count(block, &rows[i]) = standard.after_count;
    }
}

static void complete_server(struct settings_parser *parser, struct setting_block *block)
{
    struct setting_server *server = block->values;
    const struct settings *settings = &parser->object->settings;
    if (server->host.length == 0)
        server->host = settings->host;
    if (server->certificate_count == 0) {
        server->certificates = settings->certificates;
        server->certificate_count = settings->certificate_count;
    }
    const struct setting_row *tls = setting_row_find(KIND_SERVER, TEXT("tls"), TEXT(""));
    if (setting_block_place(block, tls)->line == 0)
        server->tls = server->certificate_count > 0 ? TLS_OFFER : TLS_NONE;
    complete_login(server, settings);
    complete_retry(parser, block);
    complete_senders(parser, &server->submitters, first_domain(parser));
    complete_senders(parser, &server->relayers, first_domain(parser));
}

static bool is_on_loopback(const struct setting_connector *connector)
{
    for (unsigned i = 0; i < connector->smart_host_count; i++) {
        struct net_address address;
        struct text host = connector->smart_hosts[i].host;
        if (text_starts_with(host, TEXT("[")))
            host = text_before(text_from_position(host, 1), ']');
        if (!net_address_parse(host, 0, &address) || !net_address_is_loopback(&address))
            return false;
    }
    return true;
}

/* Who logs in wants to know at whom, unless the host is this machine. */
static void complete_connector_tls(struct setting_block *block)
{
    struct setting_connector *connector = block->values;
    const struct setting_row *tls = setting_row_find(KIND_CONNECTOR, TEXT("tls"), TEXT(""));
    bool written = setting_block_place(block, tls)->line > 0;
    if (!written && connector->tls == 0)
        connector->tls = setting_client_logs_in(&connector->login) && !is_on_loopback(connector)
                             ? TLS_MEANS_VERIFY
                             : TLS_MEANS_OFFER;
    connector->direct_tls = written ? connector->tls : TLS_MEANS_OFFER;
}

/* Where mail of `unresolved forward` goes is a connector that nobody wrote, for no address space;
 * no name in the file can be like its. */
static void complete_unresolved(struct settings_parser *parser, struct setting_domain *domain)
{
    struct settings_object *object = parser->object;
    if (text_is_empty(domain->unresolved.host))
        return;
    domain->forward = arena_printf(&object->arena, "unresolved:%.*s", TEXT_ARG(domain->name));
    struct setting_block *block =
        settings_object_add(object, KIND_CONNECTOR, domain->forward, (struct setting_place){0});
    struct setting_connector *connector = block->values;
    connector->smart_hosts = arena_array(&object->arena, 1, sizeof(*connector->smart_hosts));
    connector->smart_hosts[0] = domain->unresolved;
    connector->smart_host_count = 1;
}

/* Another member, as a host that takes mail, or link states. */
static void add_member_hop(struct settings_parser *parser, const struct setting_group *group,
                           struct text name, const struct setting_smart_host *host)
{
    struct settings_object *object = parser->object;
    struct setting_block *block =
        settings_object_add(object, KIND_CONNECTOR, name, (struct setting_place){0});
    struct setting_connector *connector = block->values;
    connector->smart_hosts = arena_array(&object->arena, 1, sizeof(*connector->smart_hosts));
    connector->smart_hosts[0] = *host;
    connector->smart_host_count = 1;
    connector->tls = group->tls;
    connector->login = (struct setting_client_login){.user = group->login_user,
                                                     .secret = group->login_secret,
                                                     .mechanisms = SASL_SCRAM_MECHANISMS};
}

static void complete_group(struct settings_parser *parser, struct setting_group *group)
{
    struct settings_object *object = parser->object;
    if (text_is_empty(group->self))
        group->self = object->settings.host;
    if (group->member_count == 0) {
        group->members = arena_array(&object->arena, 1, sizeof(*group->members));
        group->members[0] = (struct setting_member){.name = group->self};
        group->member_count = 1;
    }
    if (text_is_empty(group->master))
        group->master = group->members[0].name;
    for (unsigned i = 0; i < group->member_count; i++) {
        const struct setting_member *member = &group->members[i];
        if (text_equals(member->name, group->self))
            continue;
        add_member_hop(parser, group, settings_member_hop("member", member->name, &object->arena),
                       &member->mail);
        add_member_hop(parser, group, settings_member_hop("links", member->name, &object->arena),
                       &member->at);
    }
}

static void complete_postmaster(struct settings_parser *parser, struct settings *settings)
{
    struct text domain = first_domain(parser);
    if (settings->postmaster.length == 0 && domain.length > 0)
        settings->postmaster =
            arena_printf(&parser->object->arena, "postmaster@%.*s", TEXT_ARG(domain));
}

/* Where a server's folders are: those of the first that has some; or in the data directory. */
static struct text folder_of(struct settings_parser *parser, const char *of_server,
                             const char *of_data)
{
    struct settings_object *object = parser->object;
    for (struct setting_block *block = object->blocks; block != NULL; block = block->next) {
        const struct setting_server *server = block->values;
        if (block->kind == KIND_SERVER && server->folders.length > 0)
            return arena_printf(&object->arena, "%.*s/%s", TEXT_ARG(server->folders), of_server);
    }
    return arena_printf(&object->arena, "%.*s/%s", TEXT_ARG(object->settings.data_directory),
                        of_data);
}

static void complete_folders(struct settings_parser *parser, struct settings *settings)
{
    if (settings->queue_directory.length == 0)
        settings->queue_directory = settings->data_directory;
    if (settings->pickup_folder.length == 0)
        settings->pickup_folder =
            arena_printf(&parser->object->arena, "%.*s/pickup", TEXT_ARG(settings->data_directory));
    if (settings->badmail_folder.length == 0)
        settings->badmail_folder = folder_of(parser, "BadMail", "badmail");
    if (settings->filter.archive_folder.length == 0)
        settings->filter.archive_folder = folder_of(parser, "Filter", "filter");
    for (struct setting_block *block = parser->object->blocks; block != NULL; block = block->next) {
        struct setting_domain *domain = block->values;
        if (block->kind == KIND_DOMAIN && domain->drops && domain->drop_folder.length == 0)
            domain->drop_folder = folder_of(parser, "Drop", "drop");
    }
}

static bool is_written(const struct setting_block *block, const char *clause)
{
    const struct setting_row *row = setting_row_find(block->kind, TEXT("log"), text_from(clause));
    return setting_block_place(block, row)->line > 0;
}

static void complete_log(struct setting_log *log, bool has_zone)
{
    const uint32_t all = (UINT32_C(1) << PROTOLOG_FIELDS) - 1;
    if ((log->fields & UINT32_C(1) << PROTOLOG_ALL_FIELDS) != 0)
        log->fields = all;
    if (!has_zone)
        log->is_local = log->form.format == PROTOLOG_IIS || log->form.format == PROTOLOG_NCSA;
}

/* What a server does not say of its protocol log is said outside of it. */
static void complete_log_of_server(const struct setting_block *top, struct setting_block *block)
{
    const struct setting_log *common = &((const struct settings *)top->values)->protolog;
    struct setting_log *log = &((struct setting_server *)block->values)->log;
    if (!is_written(block, ""))
        log->form = common->form;
    if (!is_written(block, "keep"))
        log->keep_ms = common->keep_ms;
    if (!is_written(block, "directory"))
        log->directory = common->directory;
    if (!is_written(block, "zone"))
        log->is_local = common->is_local;
    if (!is_written(block, "fields"))
        log->fields = common->fields;
    complete_log(log, is_written(block, "zone") || is_written(top, "zone"));
}

static void complete_logs(struct settings_parser *parser, struct settings *settings)
{
    struct setting_block *top = parser->object->blocks;
    if (settings->protolog.directory.length == 0)
        settings->protolog.directory =
            arena_printf(&parser->object->arena, "%.*s/log", TEXT_ARG(settings->data_directory));
    complete_log(&settings->protolog, is_written(top, "zone"));
    for (struct setting_block *block = top; block != NULL; block = block->next)
        if (block->kind == KIND_SERVER)
            complete_log_of_server(top, block);
}

static void complete_connector(struct settings_parser *parser, struct setting_block *block)
{
    struct setting_connector *connector = block->values;
    complete_connector_tls(block);
    complete_senders(parser, &connector->accepted, first_domain(parser));
    complete_senders(parser, &connector->rejected, first_domain(parser));
}

static struct setting_preset preset_of(const struct settings *settings)
{
    return (struct setting_preset){settings->profile, settings->role};
}

/* A block that nobody wrote, and that no list has. */
static struct setting_block default_block(struct settings_parser *parser, enum setting_kind_id kind,
                                          void *values)
{
    struct settings_object *object = parser->object;
    struct setting_block block = {
        .kind = kind, .preset = preset_of(&object->settings), .values = values};
    unsigned rows;
    setting_kind_rows(kind, &rows);
    block.places = arena_array(&object->arena, rows, sizeof(*block.places));
    settings_defaults_apply(parser, &block);
    return block;
}

static void complete_unwritten(struct settings_parser *parser)
{
    struct settings *settings = &parser->object->settings;
    struct setting_block direct = default_block(parser, KIND_CONNECTOR, &settings->direct);
    complete_connector_tls(&direct);
    default_block(parser, KIND_POLICY, &settings->unnamed);
}

/* Before defaults are: the file's, or for a server its own. */
static void complete_profile(const struct settings *settings, struct setting_block *block)
{
    block->preset = preset_of(settings);
    if (block->kind != KIND_SERVER)
        return;
    struct setting_server *server = block->values;
    const struct setting_row *row = setting_row_find(KIND_SERVER, TEXT("profile"), TEXT(""));
    if (setting_block_place(block, row)->line == 0)
        server->profile = settings->profile;
    block->preset.profile = server->profile;
}

void settings_complete(struct settings_parser *parser)
{
    struct settings_object *object = parser->object;
    if (object->block_counts[KIND_SERVER] == 0)
        add_server(parser);
    for (struct setting_block *block = object->blocks; block != NULL; block = block->next) {
        complete_profile(&object->settings, block);
        settings_defaults_apply(parser, block);
        if (block->kind == KIND_SERVER)
            complete_server(parser, block);
        if (block->kind == KIND_CONNECTOR)
            complete_connector(parser, block);
        if (block->kind == KIND_GROUP)
            complete_group(parser, block->values);
        if (block->kind == KIND_DOMAIN)
            complete_unresolved(parser, block->values);
        arena_reset(&parser->scratch);
    }
    complete_unwritten(parser);
    complete_postmaster(parser, &object->settings);
    complete_folders(parser, &object->settings);
    complete_logs(parser, &object->settings);
}
