#include "proto/smtp/server/smtp_xclient.h"

#include "base/check.h"
#include "base/encoding.h"
#include "base/id.h"
#include "base/logline.h"
#include "proto/smtp/server/smtp_filter.h"
#include "proto/smtp/server/smtp_peer.h"

/* Values, decoded. "" is one that the proxy does not know. */

static bool take_name(struct text value, struct smtp_xclient *out)
{
    out->name = value;
    return text_is_empty(value) || smtp_is_helo_name(value);
}

static bool take_helo(struct text value, struct smtp_xclient *out)
{
    out->helo = value;
    return text_is_empty(value) || smtp_is_helo_name(value);
}

static bool take_login(struct text value, struct smtp_xclient *out)
{
    out->login = value;
    return value.length < DIRECTORY_USER_MAX;
}

static bool parse_address(struct text value, struct net_address *out)
{
    bool is_v6 = text_starts_with_nocase(value, TEXT("IPV6:"));
    struct text host = text_from_position(value, is_v6 ? 5 : 0);
    return !text_starts_with(host, TEXT("[")) && net_address_parse(host, 0, out) &&
           out->any.sa_family == (is_v6 ? AF_INET6 : AF_INET);
}

static bool take_address(struct text value, struct smtp_xclient *out)
{
    out->has_address = !text_is_empty(value);
    return !out->has_address || parse_address(value, &out->address);
}

static bool parse_port(struct text value, uint16_t *port)
{
    uint32_t number = 0;
    if (!text_is_empty(value) && (!text_to_u32(value, &number) || number > UINT16_MAX))
        return false;
    *port = (uint16_t)number;
    return true;
}

static bool take_port(struct text value, struct smtp_xclient *out)
{
    return parse_port(value, &out->port);
}

static bool take_protocol(struct text value, struct smtp_xclient *out)
{
    out->is_extended = text_equals_nocase(value, TEXT("ESMTP"));
    return out->is_extended || text_is_empty(value) || text_equals_nocase(value, TEXT("SMTP"));
}

/* Where the client connected to. It does not matter to us, who are not there. */
static bool check_destination(struct text value, struct smtp_xclient *out)
{
    unused(out);
    struct net_address ignored;
    return text_is_empty(value) || parse_address(value, &ignored);
}

static bool check_destination_port(struct text value, struct smtp_xclient *out)
{
    unused(out);
    uint16_t ignored;
    return parse_port(value, &ignored);
}

static const struct attribute {
    const char *name;
    bool (*take)(struct text value, struct smtp_xclient *out);
} attributes[] = {
    [SMTP_XCLIENT_NAME] = {"NAME", take_name},
    [SMTP_XCLIENT_ADDR] = {"ADDR", take_address},
    [SMTP_XCLIENT_PORT] = {"PORT", take_port},
    [SMTP_XCLIENT_PROTO] = {"PROTO", take_protocol},
    [SMTP_XCLIENT_HELO] = {"HELO", take_helo},
    [SMTP_XCLIENT_LOGIN] = {"LOGIN", take_login},
    [SMTP_XCLIENT_DESTADDR] = {"DESTADDR", check_destination},
    [SMTP_XCLIENT_DESTPORT] = {"DESTPORT", check_destination_port},
};
enum { ATTRIBUTES = sizeof(attributes) / sizeof(attributes[0]) };

void smtp_xclient_write(const struct smtp_session *session, struct buffer *out)
{
    unused(session);
    for (unsigned i = 0; i < ATTRIBUTES; i++)
        buffer_printf(out, "%s%s", i == 0 ? "" : " ", attributes[i].name);
}

/* xtext of printable ASCII without spaces, or the two words for what is not known. */
static bool decode_value(struct text value, struct arena *arena, struct text *out)
{
    *out = TEXT("");
    if (text_equals_nocase(value, TEXT("[UNAVAILABLE]")) ||
        text_equals_nocase(value, TEXT("[TEMPUNAVAIL]")))
        return true;
    struct buffer decoded;
    buffer_init(&decoded, SMTP_XCLIENT_VALUE_MAX);
    bool good = xtext_decode(value, &decoded) && decoded.length > 0;
    for (size_t i = 0; good && i < decoded.length; i++)
        good = decoded.data[i] > 32 && decoded.data[i] < 127;
    if (good)
        *out = arena_copy(arena, buffer_text(&decoded));
    buffer_finish(&decoded);
    return good;
}

static bool take_attribute(struct text word, struct arena *arena, struct smtp_xclient *out)
{
    struct text name = text_before(word, '='), value;
    for (unsigned i = 0; i < ATTRIBUTES; i++) {
        if (!text_equals_nocase(name, text_from(attributes[i].name)))
            continue;
        bool is_first = (out->given & 1u << i) == 0;
        out->given |= 1u << i;
        if (is_first && name.length < word.length &&
            decode_value(text_after(word, '='), arena, &value) && attributes[i].take(value, out))
            return true;
        return refused("bad value of %s", attributes[i].name), false;
    }
    return refused("attribute not known"), false;
}

bool smtp_xclient_parse(struct text arguments, struct arena *arena, struct smtp_xclient *out)
{
    struct text word;
    *out = (struct smtp_xclient){0};
    while (text_word(&arguments, &word))
        if (!take_attribute(word, arena, out))
            return false;
    if (out->given == 0)
        return refused("no attribute"), false;
    /* Like the address it belongs to: a port alone would be of nobody. */
    if (out->has_address && out->address.any.sa_family == AF_INET)
        out->address.v4.sin_port = htons(out->port);
    else if (out->has_address)
        out->address.v6.sin6_port = htons(out->port);
    return true;
}

/* The proxy is trusted to have checked the password, not to invent users, nor to write them as we
 * do: *login becomes the user as the directory has him, by whom rights and limits are found. False
 * when the command was answered. YIELDS. */
static bool login_is_ours(struct smtp_session *session, struct text *login)
{
    struct arena *arena = &session->line.arena;
    struct mail_address address;
    enum status status = REFUSED;
    if (text_is_empty(*login))
        return true;
    if (mail_address_parse(*login, arena, &address) == OK) {
        *login = mail_address_key(&address, arena);
        status =
            directory_cache_check(session->front->directory, session->front->role->auth, *login);
    }
    if (status == REFUSED)
        smtp_answer(session, SMTP_BAD_ARGUMENTS, TEXT("LOGIN is no user here"));
    else if (status == TRY_LATER)
        smtp_answer(session, SMTP_NOT_NOW, TEXT(""));
    return status == OK;
}

/* Count and refuse by who the client is. False when the session was ended. */
static bool client_is_welcome(struct smtp_session *session)
{
    const struct setting_server *server = session->server;
    const struct net_address *peer = stream_peer(session->line.stream);
    /* The proxy looked the name up, and back. */
    const struct peer_facts facts = {.server = server,
                                     .address = peer,
                                     .name = text_from(session->known.name),
                                     .is_confirmed = session->known.is_confirmed};
    struct peer_decision decision = decide_peer(&facts);
    enum smtp_answer answer = SMTP_REFUSED_PEER;
    if (decision.verdict == PEER_WELCOME) {
        struct filter_decision filtered = smtp_filter_meet(session);
        if (filtered.verdict == FILTER_UNWANTED)
            decision = (struct peer_decision){PEER_REFUSED, filtered.reason};
    }
    if (decision.verdict == PEER_WELCOME) {
        if (line_seat_move(&session->seat, server, peer))
            return true;
        decision.reason = (struct decision_reason){"limit-connections", server->place, TEXT("")};
        answer = SMTP_MANY_CONNECTIONS;
    }
    session->line.ended = true;
    smtp_answer_because(session, answer, TEXT(""), &decision.reason, 1);
    return false;
}

/* Nothing that was said or proved before holds for another client. */
static void become(struct smtp_session *session, const struct smtp_xclient *told)
{
    char id[ID_TEXT_BYTES];
    if ((told->given & 1u << SMTP_XCLIENT_ADDR) != 0) {
        stream_set_peer(session->line.stream, &told->address);
        net_address_text(&told->address, session->peer);
    }
    session->known = (struct line_peer){.is_confirmed = !text_is_empty(told->name)};
    text_copy(told->name, session->known.name, sizeof(session->known.name));
    text_copy(told->login, session->login, sizeof(session->login));
    session->failed_logins = 0;
    smtp_server_transaction_reset(session);
    smtp_link_state_reset(session);
    session->said_hello = false;
    session->is_extended = told->is_extended;
    text_copy(told->helo, session->helo, sizeof(session->helo));
    log_info("smtp.xclient", "session=%s proxy=%s peer=%s name=%s login=%s",
             id_format(session->id, id), log_text(text_from(session->proxy)),
             log_text(text_from(session->peer)), log_text(told->name), log_text(told->login));
}

void smtp_command_xclient(struct line_session *line, struct text arguments)
{
    struct smtp_session *session = smtp_session(line);
    struct smtp_xclient told;
    if (!smtp_xclient_parse(arguments, &line->arena, &told)) {
        smtp_answer(session, SMTP_BAD_ARGUMENTS, text_from(fail_reason()));
        return;
    }
    if (!login_is_ours(session, &told.login))
        return;
    become(session, &told);
    if (client_is_welcome(session))
        smtp_greet(session);
}
