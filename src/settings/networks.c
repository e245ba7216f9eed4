/* Types of values: addresses, networks, listeners and next hops. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "settings/names.h"
#include "settings/parser.h"
#include "settings/types.h"

enum { DNS_PORT = 53, SMTP_PORT = 25, RELAY_NETWORKS_MAX = 1000 };

static const struct {
    const char *name;
    enum service service;
    uint16_t ports[2];
} services[] = {
    {"smtp", SERVICE_SMTP, {25, 2525}},
    {"submission", SERVICE_SUBMISSION, {587, 0}},
    {"smtps", SERVICE_SMTPS, {465, 0}},
    {"lmtp", SERVICE_LMTP, {24, 0}},
    {"pop3", SERVICE_POP3, {110, 0}},
    {"pop3s", SERVICE_POP3S, {995, 0}},
    {"imap", SERVICE_IMAP, {143, 0}},
    {"imaps", SERVICE_IMAPS, {993, 0}},
    {"odmr", SERVICE_ODMR, {366, 0}},
    {"managesieve", SERVICE_MANAGESIEVE, {4190, 0}},
    {"link-state", SERVICE_LINK_STATE, {691, 0}},
};
enum { SERVICE_COUNT = sizeof(services) / sizeof(*services) };

static bool parse_resolver(struct setting_reader *in, void *value)
{
    struct text word = setting_reader_take(in);
    struct net_address *address = value;
    if (net_address_parse_endpoint(word, DNS_PORT, address) && address->any.sa_family != AF_UNIX &&
        !net_address_is_any(address))
        return true;
    return setting_reader_no_value(in, word, "write an address like 192.0.2.1 or [2001:db8::1]:53");
}

static void write_address(const struct setting_row *row, const void *value, struct buffer *out)
{
    unused(row);
    char text[NET_ADDRESS_TEXT_BYTES];
    setting_word_write(text_from(net_address_text(value, text)), false, out);
}

static bool parse_network(struct setting_reader *in, void *value)
{
    struct text word = setting_reader_take(in);
    if (net_network_parse(word, value))
        return true;
    return setting_reader_no_value(
        in, word, "write a network like 192.0.2.0/24 (no bits behind the prefix) or an address");
}

static void write_network(const struct setting_row *row, const void *value, struct buffer *out)
{
    unused(row);
    char text[NET_ADDRESS_TEXT_BYTES];
    buffer_append(out, text_from(net_network_text(value, text)));
}

/* "192.0.2.256" is an address gone wrong, not a host: no top-level domain is a number. */
static bool ends_in_number(struct text word)
{
    struct text label = text_from_position(word, text_find_last(word, '.') + 1);
    uint64_t ignored;
    return text_to_u64(label, &ignored) || text_to_u64(word, &ignored);
}

static bool parse_peer(struct setting_reader *in, void *value)
{
    struct text word = setting_reader_take(in);
    struct setting_peer *peer = value;
    if (net_network_parse(word, &peer->network))
        return true;
    if (!ends_in_number(word) &&
        setting_space_normalise(word, &in->parser->object->arena, &peer->domain))
        return true;
    return setting_reader_no_value(
        in, word, "write a network like 192.0.2.0/24, or hosts like *.example.net");
}

static void write_peer(const struct setting_row *row, const void *value, struct buffer *out)
{
    const struct setting_peer *peer = value;
    if (text_is_empty(peer->domain))
        write_network(row, &peer->network, out);
    else
        setting_word_write(peer->domain, false, out);
}

#define SERVICE_WORDS                                                                              \
    "smtp, submission, smtps, lmtp, pop3, pop3s, imap, imaps, odmr, managesieve or link-state"

/* Leaves a word that is no service to be the next listener. */
static bool take_service(struct setting_reader *in, enum service *service)
{
    const struct setting_word *word = setting_reader_peek(in);
    for (unsigned i = 0; word != NULL && i < SERVICE_COUNT; i++) {
        if (!setting_word_is(word, services[i].name))
            continue;
        *service = services[i].service;
        in->next++;
        return true;
    }
    return false;
}

static bool service_of_port(uint16_t port, enum service *service)
{
    for (unsigned i = 0; i < SERVICE_COUNT; i++) {
        if (port != 0 && (services[i].ports[0] == port || services[i].ports[1] == port)) {
            *service = services[i].service;
            return true;
        }
    }
    return false;
}

/* What is no address of any kind: a service that was meant. */
static bool has_letters_alone(struct text word)
{
    for (size_t i = 0; i < word.length; i++)
        if (!((word.data[i] >= 'a' && word.data[i] <= 'z') || word.data[i] == '-' ||
              (word.data[i] >= 'A' && word.data[i] <= 'Z')))
            return false;
    return word.length > 0;
}

static bool parse_listen(struct setting_reader *in, void *value)
{
    struct setting_listen *listen = value;
    struct text word = setting_reader_take(in);
    struct text shown = setting_shown(word);
    if (!net_address_parse_endpoint(word, 0, &listen->address))
        return setting_reader_no_value(
            in, word, "write it like 192.0.2.1:25, [2001:db8::1]:25, *:25 or /path");
    if (take_service(in, &listen->service))
        return true;
    const struct setting_word *next = setting_reader_peek(in);
    if (next != NULL && has_letters_alone(next->text)) {
        in->next++;
        return setting_reader_no_value(in, next->text, "a service is " SERVICE_WORDS);
    }
    if (service_of_port(net_address_port(&listen->address), &listen->service))
        return true;
    return setting_reader_error(in, TEXT("add " SERVICE_WORDS " behind it"),
                                "the port of '%.*s' tells no service, and none is named",
                                TEXT_ARG(shown));
}

static void write_listen(const struct setting_row *row, const void *value, struct buffer *out)
{
    const struct setting_listen *listen = value;
    write_address(row, &listen->address, out);
    for (unsigned i = 0; i < SERVICE_COUNT; i++) {
        if (services[i].service == listen->service)
            buffer_printf(out, " %s", services[i].name);
    }
}

/* The words of one `relay` statement. */
struct relay_words {
    bool logged_in, only, nobody, all_except, network;
};

static bool append_network(struct setting_reader *in, struct net_network **networks,
                           unsigned *networks_count)
{
    struct net_network network;
    unsigned count = *networks_count;
    struct text word = setting_reader_take(in);
    if (!net_network_parse(word, &network))
        return setting_reader_no_value(
            in, word,
            "write a network like 192.0.2.0/24 (no bits behind the prefix), an address, "
            "or logged-in, only, nobody or all-except in front");
    if (count >= RELAY_NETWORKS_MAX)
        return setting_reader_error(in, TEXT(""), "%s has more than %d networks",
                                    setting_reader_where(in), RELAY_NETWORKS_MAX);
    if ((count & (count - 1)) == 0) {
        struct net_network *larger =
            arena_array(&in->parser->object->arena, count == 0 ? 1 : count * 2, sizeof(network));
        if (count > 0)
            memcpy(larger, *networks, count * sizeof(network));
        *networks = larger;
    }
    (*networks)[(*networks_count)++] = network;
    return true;
}

static bool read_relay_words(struct setting_reader *in, struct setting_server *server,
                             struct relay_words *seen)
{
    const struct setting_word *word;
    while ((word = setting_reader_peek(in)) != NULL) {
        bool *keyword = setting_word_is(word, "logged-in")    ? &seen->logged_in
                        : setting_word_is(word, "only")       ? &seen->only
                        : setting_word_is(word, "nobody")     ? &seen->nobody
                        : setting_word_is(word, "all-except") ? &seen->all_except
                                                              : NULL;
        if (keyword == NULL) {
            seen->network = true;
            if (!append_network(in, &server->relay_networks, &server->relay_network_count))
                return false;
            continue;
        }
        *keyword = true;
        in->next++;
    }
    return true;
}

/* logged-in is the default and stays so unless `only` or `nobody` takes it away. Further
 * statements add networks; what is said of log-ins is said in the first. */
static bool parse_relay(struct setting_reader *in, void *value)
{
    struct setting_server *server = value;
    struct relay_words seen = {0};
    bool first = setting_block_place(in->block, in->row)->line == 0;
    bool nobody = !first && !server->relay_logged_in && server->relay_network_count == 0;
    if (!read_relay_words(in, server, &seen))
        return false;
    unsigned keywords = (unsigned)seen.logged_in + seen.only + seen.nobody + seen.all_except;
    if (keywords > 1 || (seen.nobody && seen.network) || nobody)
        return setting_reader_error(in, TEXT("write one of logged-in, only, nobody and all-except"),
                                    "%s contradicts itself", setting_reader_where(in));
    if ((seen.only || seen.all_except) && !seen.network)
        return setting_reader_error(in, TEXT("write the networks behind it, or: relay nobody"),
                                    "%s: '%s' needs a network", setting_reader_where(in),
                                    seen.only ? "only" : "all-except");
    if (!first && keywords > 0)
        return setting_reader_error(
            in, TEXT("further relay statements have networks alone"),
            "%s: logged-in, only, nobody and all-except belong in the first relay statement",
            setting_reader_where(in));
    if (first)
        server->relay_logged_in = !seen.only && !seen.nobody;
    if (first)
        server->relay_all_except = seen.all_except;
    return true;
}

static void write_relay(const struct setting_row *row, const void *value, struct buffer *out)
{
    const struct setting_server *server = value;
    bool any = server->relay_network_count > 0;
    buffer_append(out, text_from(server->relay_all_except  ? "all-except"
                                 : server->relay_logged_in ? "logged-in"
                                 : any                     ? "only"
                                                           : "nobody"));
    for (unsigned i = 0; i < server->relay_network_count; i++) {
        buffer_append_byte(out, ' ');
        write_network(row, &server->relay_networks[i], out);
    }
}

static const char *const etrn_words[] = {
    [ETRN_ANY] = "any", [ETRN_LOGGED_IN] = "logged-in", [ETRN_NOBODY] = "nobody"};
enum { ETRN_WORDS = sizeof(etrn_words) / sizeof(*etrn_words) };

/* A word first, then networks; networks alone leave it to them and to who is logged in. */
static bool parse_etrn(struct setting_reader *in, void *value)
{
    struct setting_server *server = value;
    bool first = setting_block_place(in->block, in->row)->line == 0, has_word = false;
    for (unsigned i = 0; i < ETRN_WORDS && !has_word; i++) {
        has_word = setting_word_is(setting_reader_peek(in), etrn_words[i]);
        if (has_word)
            server->etrn = (enum etrn_policy)i;
    }
    if (has_word)
        in->next++;
    else if (first)
        server->etrn = ETRN_LOGGED_IN;
    if (has_word && !first)
        return setting_reader_error(in, TEXT("further etrn statements have networks alone"),
                                    "%s: any, logged-in and nobody belong in the first etrn "
                                    "statement",
                                    setting_reader_where(in));
    while (setting_reader_peek(in) != NULL)
        if (!append_network(in, &server->etrn_networks, &server->etrn_network_count))
            return false;
    return true;
}

static void write_etrn(const struct setting_row *row, const void *value, struct buffer *out)
{
    const struct setting_server *server = value;
    buffer_append(out, text_from(etrn_words[server->etrn]));
    for (unsigned i = 0; i < server->etrn_network_count; i++) {
        buffer_append_byte(out, ' ');
        write_network(row, &server->etrn_networks[i], out);
    }
}

/* Split "host:port" where host may be [bracketed]; IPv6 only in brackets. */
static bool split_port(struct text word, struct text *host, uint16_t *port)
{
    size_t colon = text_find_last(word, ':');
    size_t bracket = text_find_last(word, ']');
    *host = word;
    *port = SMTP_PORT;
    if (colon == word.length || (bracket < word.length && bracket > colon))
        return true;
    uint32_t number;
    if (!text_to_u32(text_from_position(word, colon + 1), &number) || number == 0 ||
        number > UINT16_MAX)
        return false;
    *port = (uint16_t)number;
    *host = text_head(word, colon);
    return true;
}

static bool parse_smart_host(struct setting_reader *in, void *value)
{
    struct setting_smart_host *hop = value;
    struct arena *arena = &in->parser->object->arena;
    struct text word = setting_reader_take(in), host;
    if (!split_port(word, &host, &hop->port))
        return setting_reader_no_value(in, word, "write it like smtp.example.net:587");
    struct net_address address;
    struct text inside = host;
    if (host.length >= 2 && host.data[0] == '[' && host.data[host.length - 1] == ']')
        inside = text_of(host.data + 1, host.length - 2);
    if (net_address_parse(inside, 0, &address) && inside.data[0] != '[') {
        char text[NET_ADDRESS_TEXT_BYTES];
        const char *literal = net_address_literal(&address, text);
        if (strncmp(literal, "IPv6:", 5) == 0)
            literal += 5;
        hop->host = arena_printf(arena, "[%s]", literal);
        return true;
    }
    if (setting_domain_normalise(inside, arena, &hop->host))
        return true;
    return setting_reader_no_value(in, word,
                                   "write it like smtp.example.net:587 or [192.0.2.1]:25");
}

static void write_smart_host(const struct setting_row *row, const void *value, struct buffer *out)
{
    unused(row);
    const struct setting_smart_host *hop = value;
    struct text port = TEXT("");
    if (text_is_empty(hop->host))
        return;
    char digits[8];
    if (hop->port != SMTP_PORT) {
        snprintf(digits, sizeof(digits), ":%u", hop->port);
        port = text_from(digits);
    }
    /* A host named like a clause. Its port would tell it apart already. */
    bool keyword = port.length == 0 &&
                   setting_row_find(row->kind, setting_row_statement(row), hop->host) != NULL;
    setting_word_write(hop->host, keyword, out);
    buffer_append(out, port);
}

const struct setting_type setting_type_resolvers = {.syntax = "ADDRESS ...",
                                                    .size = sizeof(struct net_address),
                                                    .list = true,
                                                    .parse = parse_resolver,
                                                    .write = write_address};
const struct setting_type setting_type_networks = {.syntax = "NETWORK ...",
                                                   .size = sizeof(struct net_network),
                                                   .list = true,
                                                   .parse = parse_network,
                                                   .write = write_network};
const struct setting_type setting_type_peers = {.syntax = "NETWORK|DOMAIN ...",
                                                .size = sizeof(struct setting_peer),
                                                .list = true,
                                                .parse = parse_peer,
                                                .write = write_peer};
const struct setting_type setting_type_listens = {.syntax = "ADDRESS:PORT [SERVICE] ...",
                                                  .size = sizeof(struct setting_listen),
                                                  .list = true,
                                                  .parse = parse_listen,
                                                  .write = write_listen};
const struct setting_type setting_type_relay = {
    .syntax = "[logged-in | only | nobody | all-except] [NETWORK ...]",
    .repeats = true,
    .parse = parse_relay,
    .write = write_relay};
const struct setting_type setting_type_etrn = {.syntax = "[any | logged-in | nobody] [NETWORK ...]",
                                               .repeats = true,
                                               .parse = parse_etrn,
                                               .write = write_etrn};
const struct setting_type setting_type_smart_hosts = {.syntax = "HOST[:PORT] ...",
                                                      .size = sizeof(struct setting_smart_host),
                                                      .list = true,
                                                      .parse = parse_smart_host,
                                                      .write = write_smart_host};
const struct setting_type setting_type_smart_host = {
    .syntax = "HOST[:PORT]", .parse = parse_smart_host, .write = write_smart_host};
