/* What no row of the filters can check alone. */
#include "base/check.h"
#include "settings/parser.h"

static const struct setting_place *place_in(const struct setting_block *block, const char *name)
{
    struct text text = text_from(name);
    const struct setting_row *row =
        setting_row_find(block->kind, text_before(text, ' '), text_after(text, ' '));
    check(row != NULL);
    const struct setting_place *place = setting_block_place(block, row);
    return place->line > 0 ? place : &block->place;
}

static bool listens_there(const struct setting_server *server, const struct net_address *at)
{
    for (unsigned i = 0; i < server->listen_count; i++) {
        const struct setting_listen *listen = &server->listens[i];
        if (listen->service == SERVICE_SMTP && net_address_same_host(&listen->address, at) &&
            net_address_port(&listen->address) == net_address_port(at))
            return true;
    }
    return false;
}

/* A filter that its server does not apply where it is said to, for nobody comes there. */
static void check_use(struct settings_errors *errors, const struct setting_block *block,
                      const struct setting_filter_use *use)
{
    const struct setting_server *server = block->values;
    char text[NET_ADDRESS_TEXT_BYTES];
    for (unsigned i = 0; i < use->at_count; i++)
        if (!listens_there(server, &use->at[i]))
            settings_error(errors, place_in(block, "filter"), 0,
                           TEXT("write an address of its listen statement that speaks smtp"),
                           "server '%.*s' does not listen for mail of others at '%s'",
                           TEXT_ARG(setting_shown(server->name)),
                           net_address_text(&use->at[i], text));
}

/* All that some server applies. */
static uint32_t check_servers(struct settings_parser *parser)
{
    uint32_t applied = 0;
    for (struct setting_block *block = parser->object->blocks; block != NULL; block = block->next) {
        const struct setting_server *server = block->values;
        for (unsigned i = 0; block->kind == KIND_SERVER && i < server->filter_count; i++) {
            check_use(&parser->errors, block, &server->filters[i]);
            applied |= server->filters[i].filters;
        }
    }
    return applied;
}

/* The rows of a filter that no server applies do nothing, and whoever wrote them thinks they do. */
static void check_idle(struct settings_parser *parser, const struct setting_block *block,
                       uint32_t applied)
{
    static const struct {
        const char *row, *word;
        uint32_t filter;
    } rows[] = {{"accept", "connection", FILTER_CONNECTION},
                {"deny", "connection", FILTER_CONNECTION},
                {"sender", "sender", FILTER_SENDER},
                {"sender blank", "sender", FILTER_SENDER},
                {"recipient", "recipient", FILTER_RECIPIENT},
                {"spf fail", "spf", FILTER_SPF},
                {"spf softfail", "spf", FILTER_SPF},
                {"spf permerror", "spf", FILTER_SPF},
                {"spf temperror", "spf", FILTER_SPF},
                {"sender-id fail", "sender-id", FILTER_SENDER_ID},
                {"sender-id softfail", "sender-id", FILTER_SENDER_ID},
                {"sender-id missing", "sender-id", FILTER_SENDER_ID},
                {"sender-id temperror", "sender-id", FILTER_SENDER_ID}};
    for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const struct setting_place *place = place_in(block, rows[i].row);
        uint32_t idle = rows[i].filter & ~applied;
        /* accept is for all of them. */
        if (place->line == 0 || idle == 0 || (i == 0 && applied != 0))
            continue;
        settings_warning(&parser->errors, place,
                         "'%s' has no effect: no server has the statement 'filter %s'", rows[i].row,
                         rows[i].word);
    }
}

static void check_block_list(struct settings_parser *parser, const struct setting_block *block,
                             uint32_t applied)
{
    const struct setting_block_list *list = block->values;
    struct text name = setting_shown(list->name);
    if (text_is_empty(list->zone))
        settings_error(&parser->errors, &block->place, 0,
                       TEXT("add a line like: zone bl.example.net"),
                       "block-list '%.*s' has no zone", TEXT_ARG(name));
    else if ((applied & FILTER_CONNECTION) == 0)
        settings_warning(&parser->errors, &block->place,
                         "block-list '%.*s' is asked by no server: none has the statement 'filter "
                         "connection'",
                         TEXT_ARG(name));
}

static void check_archive(struct settings_parser *parser, const struct setting_block *block)
{
    const struct setting_filter *filter = block->values;
    if (filter->archives && filter->sender_action == SENDER_DROP)
        settings_error(&parser->errors, place_in(block, "sender archive"), 0,
                       TEXT("write: sender then refuse, or discard"),
                       "a message that is dropped at its sender is never there to be archived");
}

void settings_check_filters(struct settings_parser *parser)
{
    uint32_t applied = check_servers(parser);
    for (struct setting_block *block = parser->object->blocks; block != NULL; block = block->next) {
        if (block->kind == KIND_BLOCK_LIST)
            check_block_list(parser, block, applied);
        if (block->kind != KIND_FILTER)
            continue;
        check_idle(parser, block, applied);
        check_archive(parser, block);
    }
}
