#include "proto/smtp/server/smtp_extensions.h"

#include <inttypes.h>

#include "base/check.h"
#include "base/clock.h"
#include "proto/line/sasl.h"
#include "proto/smtp/server/smtp_limits.h"
#include "proto/smtp/server/smtp_peer.h"
#include "proto/smtp/server/smtp_xclient.h"

enum { EXTENSION_LINE_MAX = 500 };

struct extension_row {
    unsigned needs; /* EXTENSION_BITs: nothing without these */
    /* Is it known at all on this session? NULL: yes. */
    bool (*is_known)(const struct smtp_session *session);
    /* May the peer use it now? NULL: we do not speak it. */
    bool (*is_offered)(const struct smtp_session *session);
    /* What follows the keyword; NULL: nothing. */
    void (*write_argument)(const struct smtp_session *session, struct buffer *out);
};

static bool always(const struct smtp_session *session)
{
    unused(session);
    return true;
}

/* RFC 1870 4: bare when there is no limit. */
static void write_size(const struct smtp_session *session, struct buffer *out)
{
    if (session->server->max_message_bytes > 0)
        buffer_printf(out, "%" PRIu64, session->server->max_message_bytes);
}

static bool offers_starttls(const struct smtp_session *session)
{
    return session->tls != NULL && session->server->tls != TLS_NONE &&
           !stream_is_tls(session->line.stream);
}

static bool is_from_proxy(const struct smtp_session *session)
{
    return session->proxy[0] != '\0';
}

static bool has_peers(const struct smtp_session *session)
{
    return session->server->peer_count > 0;
}

/* A server asks once, before it logs in: it is told what it will have after that. */
static bool may_be_peer(const struct smtp_session *session)
{
    return smtp_is_peer(session) || session->login[0] == '\0';
}

static bool may_verify(const struct smtp_session *session)
{
    return smtp_may_verify(session, session->server->verify);
}

static bool may_expand(const struct smtp_session *session)
{
    return smtp_may_verify(session, session->server->expand);
}

/* RFC 8689 2: a promise about the next hops that only TLS on this one lets us make. */
static bool offers_requiretls(const struct smtp_session *session)
{
    return stream_is_tls(session->line.stream);
}

/* Neither hand-over to mailboxes by LMTP nor its peer knows of waiting. */
static bool offers_terms(const struct smtp_session *session)
{
    return session->service != SERVICE_LMTP;
}

static void write_least_time(const struct smtp_session *session, struct buffer *out)
{
    int64_t least_s = session->server->least_by_ms / SECOND;
    if (least_s > 0)
        buffer_printf(out, "%" PRId64, least_s);
}

static bool is_submission(const struct smtp_session *session)
{
    return session->service == SERVICE_SUBMISSION || session->service == SERVICE_SMTPS;
}

/* RFC 4865 4: for users who submit, not for relays. */
static bool offers_future_release(const struct smtp_session *session)
{
    return (is_submission(session) || session->login[0] != '\0') &&
           session->server->max_hold_ms >= SECOND;
}

/* RFC 4468 3.1: never on a port where relays come in. Whoever may log in may use it then. */
static bool offers_burl(const struct smtp_session *session)
{
    return session->login[0] != '\0' || smtp_offers_login(session);
}

/* RFC 4468 3.3: URLs that say "submit+user", of messages here. */
static void write_url_schemes(const struct smtp_session *session, struct buffer *out)
{
    unused(session);
    buffer_append(out, TEXT("imap"));
}

static void write_longest_hold(const struct smtp_session *session, struct buffer *out)
{
    char date[CLOCK_TEXT_BYTES];
    int64_t until_ms = clock_wall_ms() + session->server->max_hold_ms;
    clock_rfc3339(until_ms - until_ms % SECOND, date);
    buffer_printf(out, "%" PRId64 " %.19sZ", session->server->max_hold_ms / SECOND, date);
}

static void write_mechanisms(const struct smtp_session *session, struct buffer *out)
{
    mechanism_write(sasl_offers(session->line.stream, session->server), out);
}

/* Who names LOGIN in the settings has old clients. */
static bool names_login(const struct smtp_session *session)
{
    return (session->server->login_words & UINT32_C(1) << LOGIN_LOGIN) != 0;
}

static bool offers_auth_login(const struct smtp_session *session)
{
    return smtp_offers_login(session) && (sasl_offers(session->line.stream, session->server) &
                                          MECHANISM_BIT(MECHANISM_LOGIN)) != 0;
}

static bool offers_exps(const struct smtp_session *session)
{
    return session->login[0] == '\0' && smtp_exps_mechanisms(session) != 0;
}

static bool offers_exps_login(const struct smtp_session *session)
{
    return offers_exps(session) &&
           (smtp_exps_mechanisms(session) & MECHANISM_BIT(MECHANISM_LOGIN)) != 0;
}

static void write_exps_mechanisms(const struct smtp_session *session, struct buffer *out)
{
    mechanism_write(smtp_exps_mechanisms(session), out);
}

static bool offers_etrn(const struct smtp_session *session)
{
    const struct setting_server *server = session->server;
    bool anybody = server->etrn != ETRN_NOBODY || server->etrn_network_count > 0;
    return session->service != SERVICE_LMTP && session->settings->connector_count > 0 && anybody;
}

static bool offers_atrn(const struct smtp_session *session)
{
    const struct settings *settings = session->settings;
    bool held = false;
    for (unsigned i = 0; i < settings->connector_count && !held; i++)
        held = settings->connectors[i].hold_account_count > 0;
    return held && (session->login[0] != '\0' || smtp_offers_login(session));
}

static const struct extension_row rows[EXTENSION_COUNT] = {
    [EXTENSION_SIZE] = {.is_offered = always, .write_argument = write_size},
    [EXTENSION_PIPELINING] = {.is_offered = always},
    [EXTENSION_CHUNKING] = {.is_offered = always},
    [EXTENSION_BINARYMIME] = {.is_offered = always, .needs = EXTENSION_BIT(EXTENSION_CHUNKING)},
    [EXTENSION_BURL] = {.is_known = is_submission,
                        .is_offered = offers_burl,
                        .write_argument = write_url_schemes,
                        .needs =
                            EXTENSION_BIT(EXTENSION_CHUNKING) | EXTENSION_BIT(EXTENSION_8BITMIME)},
    [EXTENSION_8BITMIME] = {.is_offered = always},
    [EXTENSION_SMTPUTF8] = {.is_offered = always, .needs = EXTENSION_BIT(EXTENSION_8BITMIME)},
    [EXTENSION_DSN] = {.is_offered = always},
    [EXTENSION_ENHANCEDCODES] = {.is_offered = always},
    [EXTENSION_STARTTLS] = {.is_offered = offers_starttls},
    [EXTENSION_AUTH] = {.is_offered = smtp_offers_login, .write_argument = write_mechanisms},
    [EXTENSION_AUTHLOGIN] = {.is_known = names_login,
                             .is_offered = offers_auth_login,
                             .needs = EXTENSION_BIT(EXTENSION_AUTH)},
    [EXTENSION_REQUIRETLS] = {.is_offered = offers_requiretls},
    [EXTENSION_DELIVERBY] = {.is_offered = offers_terms, .write_argument = write_least_time},
    [EXTENSION_FUTURERELEASE] = {.is_offered = offers_future_release,
                                 .write_argument = write_longest_hold},
    [EXTENSION_MTPRIORITY] = {.is_offered = offers_terms},
    [EXTENSION_LIMITS] = {.is_offered = always, .write_argument = smtp_limits_write},
    [EXTENSION_XCLIENT] = {.is_known = is_from_proxy,
                           .is_offered = always,
                           .write_argument = smtp_xclient_write},
    [EXTENSION_XEXPS] = {.is_known = has_peers,
                         .is_offered = offers_exps,
                         .write_argument = write_exps_mechanisms},
    [EXTENSION_XEXPSLOGIN] = {.is_known = has_peers,
                              .is_offered = offers_exps_login,
                              .needs = EXTENSION_BIT(EXTENSION_XEXPS)},
    [EXTENSION_XLINK2STATE] = {.is_known = has_peers, .is_offered = may_be_peer},
    [EXTENSION_XEXCH50] = {.is_known = has_peers, .is_offered = may_be_peer},
    [EXTENSION_VRFY] = {.is_offered = may_verify},
    [EXTENSION_EXPN] = {.is_offered = may_expand},
    [EXTENSION_ETRN] = {.is_offered = offers_etrn},
    [EXTENSION_ATRN] = {.is_offered = offers_atrn},
    [EXTENSION_TURN] = {.is_offered = offers_atrn},
    [EXTENSION_HELP] = {.is_offered = always},
};

/* RFC 2645 5: the session carries no mail before it is turned round. */
#define ODMR_EXTENSIONS                                                                            \
    (EXTENSION_BIT(EXTENSION_ENHANCEDCODES) | EXTENSION_BIT(EXTENSION_STARTTLS) |                  \
     EXTENSION_BIT(EXTENSION_AUTH) | EXTENSION_BIT(EXTENSION_ATRN) |                               \
     EXTENSION_BIT(EXTENSION_HELP))

/* No mail at all. */
#define LINK_STATE_EXTENSIONS                                                                      \
    (EXTENSION_BIT(EXTENSION_ENHANCEDCODES) | EXTENSION_BIT(EXTENSION_STARTTLS) |                  \
     EXTENSION_BIT(EXTENSION_AUTH) | EXTENSION_BIT(EXTENSION_HELP))

unsigned smtp_extensions_without(const struct smtp_session *session)
{
    unsigned without = session->server->without;
    if (session->service == SERVICE_ODMR)
        without |= EXTENSIONS_ALL & ~ODMR_EXTENSIONS;
    if (session->service == SERVICE_LINK_STATE)
        without |= EXTENSIONS_ALL & ~LINK_STATE_EXTENSIONS;
    for (unsigned i = 0; i < EXTENSION_COUNT; i++)
        if ((rows[i].needs & session->server->without) != 0 ||
            (rows[i].is_known != NULL && !rows[i].is_known(session)))
            without |= EXTENSION_BIT(i);
    return without;
}

bool smtp_extension_is_offered(const struct smtp_session *session, enum extension extension)
{
    const struct extension_row *row = &rows[extension];
    return row->is_offered != NULL && !smtp_extension_is_off(session, extension) &&
           row->is_offered(session);
}

unsigned smtp_extensions_not_offered(const struct smtp_session *session)
{
    unsigned missing = smtp_extensions_without(session);
    for (unsigned i = 0; i < EXTENSION_COUNT; i++)
        if (rows[i].is_offered == NULL || !rows[i].is_offered(session))
            missing |= EXTENSION_BIT(i);
    return missing;
}

static void write_line(const struct smtp_session *session, enum extension extension,
                       struct buffer *out)
{
    const struct extension_row *row = &rows[extension];
    struct buffer argument;
    buffer_init(&argument, EXTENSION_LINE_MAX);
    if (row->write_argument != NULL)
        row->write_argument(session, &argument);
    buffer_printf(out, "%s%s%.*s", extension_keywords[extension], argument.length > 0 ? " " : "",
                  (int)argument.length, argument.data);
    buffer_finish(&argument);
}

void smtp_extensions_list(struct smtp_session *session)
{
    struct stream *stream = session->line.stream;
    char greeting[SMTP_GREETING_BYTES];
    struct buffer line;
    buffer_init(&line, EXTENSION_LINE_MAX);
    buffer_append(&line, text_from(smtp_greeting(session, greeting)));
    for (unsigned i = 0; i < EXTENSION_COUNT; i++) {
        if (!smtp_extension_is_offered(session, i))
            continue;
        stream_printf(stream, "250-%.*s\r\n", (int)line.length, line.data);
        buffer_reset(&line, EXTENSION_LINE_MAX);
        write_line(session, i, &line);
    }
    /* Which line is the last is known only now. */
    stream_printf(stream, "250 %.*s\r\n", (int)line.length, line.data);
    buffer_finish(&line);
}
