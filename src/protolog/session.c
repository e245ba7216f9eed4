#include "protolog/session.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/check.h"
#include "base/clock.h"

enum { HOST_BYTES = 16 };

struct protolog_session {
    struct protolog_gather *gather;
    const struct setting_server *server;
    struct stream *stream;
    const char *names[2];
    struct protolog_command *command; /* being served, without a row yet; or NULL */
    struct in6_addr address;          /* ours; of IPv4 as IPv6 writes them */
    uint16_t port;
    uint8_t service;
};

/* Our own address costs a call, so it is asked for once. */
static void note_address(struct protolog_session *session, int fd)
{
    struct net_address bound = {.length = sizeof(struct sockaddr_un)};
    if (getsockname(fd, &bound.any, &bound.length) != 0)
        return;
    session->port = net_address_port(&bound);
    if (bound.any.sa_family == AF_INET6) {
        session->address = bound.v6.sin6_addr;
    } else if (bound.any.sa_family == AF_INET) {
        session->address.s6_addr[10] = session->address.s6_addr[11] = 0xff;
        memcpy(session->address.s6_addr + 12, &bound.v4.sin_addr, sizeof(bound.v4.sin_addr));
    }
}

struct protolog_session *protolog_session_new(struct protolog_gather *gather,
                                              const struct setting_server *server,
                                              enum service service, struct stream *stream)
{
    if (server->log.form.format == PROTOLOG_OFF)
        return NULL;
    struct protolog_session *session = calloc(1, sizeof(*session));
    check(session != NULL);
    session->gather = gather;
    session->server = server;
    session->stream = stream;
    session->service = (uint8_t)service;
    note_address(session, stream_descriptor(stream));
    return session;
}

void protolog_session_free(struct protolog_session **session)
{
    free(*session);
    *session = NULL;
}

void protolog_session_name(struct protolog_session *session, const char *login, const char *greeted)
{
    if (session == NULL)
        return;
    session->names[0] = login;
    session->names[1] = greeted;
}

static struct text name_of(const struct protolog_session *session)
{
    for (unsigned i = 0; i < 2; i++)
        if (session->names[i] != NULL && session->names[i][0] != '\0')
            return text_from(session->names[i]);
    return TEXT("");
}

/* Statuses */

static bool is_smtp(struct text word)
{
    bool is_code = word.length == 3;
    for (size_t i = 0; i < word.length; i++)
        is_code = is_code && word.data[i] >= '0' && word.data[i] <= '9';
    return is_code;
}

static bool is_pop3(struct text word)
{
    return text_equals(word, TEXT("+OK")) || text_equals(word, TEXT("-ERR"));
}

static bool is_other(struct text word)
{
    return text_equals(word, TEXT("OK")) || text_equals(word, TEXT("NO")) ||
           text_equals(word, TEXT("BAD")) || text_equals(word, TEXT("BYE"));
}

/* Which word of a line of an answer is its status, if it is one; the last such line counts. */
struct reading {
    uint8_t place;
    bool (*is_status)(struct text word);
};

static struct reading reading_of(uint8_t service)
{
    switch ((enum service)service) {
    case SERVICE_POP3:
    case SERVICE_POP3S:
        return (struct reading){0, is_pop3};
    case SERVICE_IMAP:
    case SERVICE_IMAPS:
        return (struct reading){1,
                                is_other}; /* behind the tag; one of "*" is none of the client's */
    case SERVICE_MANAGESIEVE:
        return (struct reading){0, is_other};
    case SERVICE_SMTP:
    case SERVICE_SUBMISSION:
    case SERVICE_SMTPS:
    case SERVICE_LMTP:
    case SERVICE_ODMR:
    case SERVICE_FETCHED:
    case SERVICE_LINK_STATE:
        break;
    }
    return (struct reading){0, is_smtp};
}

static void end_word(struct protolog_command *command)
{
    const struct reading reading = reading_of(command->session->service);
    struct text word = text_of(command->word, command->word_length);
    bool is_untagged = command->words == 0 && reading.place > 0 && text_equals(word, TEXT("*"));
    if (command->words == reading.place && reading.is_status(word)) {
        memcpy(command->status, command->word, sizeof(command->status));
        command->status_length = command->word_length;
    }
    command->in_line = is_untagged || command->words++ >= reading.place;
    command->word_length = 0;
}

static void end_line(struct protolog_command *command)
{
    command->in_line = false;
    command->words = command->word_length = 0;
}

static void read_byte(struct protolog_command *command, char byte)
{
    bool ends_code = byte == '-' && is_smtp(text_of(command->word, command->word_length));
    if (byte == '\n')
        end_line(command);
    else if (byte == ' ' || byte == '\r' || ends_code)
        end_word(command);
    else if (command->word_length < sizeof(command->word)) /* which no status fills */
        command->word[command->word_length++] = byte;
}

static void wrote(struct stream_tap *tap, struct text bytes)
{
    struct protolog_command *command = (struct protolog_command *)tap;
    command->sent += bytes.length;
    while (bytes.length > 0) {
        if (command->in_line) {
            bytes = text_from_position(bytes, text_find(bytes, '\n'));
            if (bytes.length == 0)
                return;
        }
        read_byte(command, bytes.data[0]);
        bytes = text_from_position(bytes, 1);
    }
}

/* Rows */

void protolog_command_begin(struct protolog_command *command, struct protolog_session *session,
                            uint64_t heard)
{
    *command = (struct protolog_command){.tap = {wrote},
                                         .session = session,
                                         .began_us = clock_monotonic_us(),
                                         .heard_before = heard};
    session->command = command;
    stream_set_tap(session->stream, &command->tap);
}

/* "192.0.2.1", "2001:db8::1"; "local". */
static struct text host_of(const struct net_address *address, char out[NET_ADDRESS_TEXT_BYTES])
{
    struct text host = text_from(net_address_literal(address, out));
    struct text prefix = TEXT("IPv6:");
    return text_starts_with(host, prefix) ? text_from_position(host, prefix.length) : host;
}

static struct text own_host(const struct protolog_session *session,
                            char out[NET_ADDRESS_TEXT_BYTES])
{
    struct net_address address = {.length = sizeof(struct sockaddr_in6)};
    if (session->port == 0)
        return TEXT("");
    address.v6.sin6_family = AF_INET6;
    address.v6.sin6_addr = session->address;
    return host_of(&address, out);
}

void protolog_command_end(struct protolog_session *session, struct text verb, struct text arguments,
                          uint64_t heard)
{
    struct protolog_command *command = session->command;
    char peer[NET_ADDRESS_TEXT_BYTES], own[NET_ADDRESS_TEXT_BYTES];
    if (command == NULL)
        return;
    session->command = NULL;
    stream_set_tap(session->stream, NULL);
    int64_t took_ms = (clock_monotonic_us() - command->began_us) / 1000;
    const struct protolog_row row = {
        .kind = PROTOLOG_INBOUND,
        .service = session->service,
        .wall_ms = clock_wall_ms(),
        .server = session->server->name,
        .peer = host_of(stream_peer(session->stream), peer),
        .user = name_of(session),
        .address = own_host(session, own),
        .port = session->port,
        .verb = verb,
        .arguments = text_is_empty(arguments) ? command->about : arguments,
        .status = text_of(command->status, command->status_length),
        .sent = command->sent,
        .received = heard > command->heard_before ? heard - command->heard_before : 0,
        .took_ms = took_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)took_ms,
    };
    protolog_gather_put(session->gather, &row);
}

void protolog_command_say(struct protolog_session *session, struct text status)
{
    struct protolog_command *command = session->command;
    if (command != NULL && command->status_length == 0 &&
        text_copy(status, command->status, sizeof(command->status)))
        command->status_length = (uint8_t)status.length;
}

void protolog_command_about(struct protolog_session *session, struct text about)
{
    if (session->command != NULL)
        session->command->about = about;
}
