#include "proto/line/sasl.h"

#include <string.h>

#include "base/encoding.h"
#include "net/stream_tls.h"

/* ---- What is offered ---- */

/* The bindings of the channel, for those that bind (RFC 9266, RFC 5929). */
struct binding {
    unsigned char exporter_bytes[TLS_EXPORTER_BYTES];
    unsigned char end_point_bytes[TLS_END_POINT_MAX], unique_bytes[TLS_END_POINT_MAX];
    struct text exporter, end_point, unique;
};

static void binding_read(struct binding *binding, const struct stream *stream)
{
    binding->exporter = binding->end_point = binding->unique = TEXT("");
    if (!stream_is_tls(stream))
        return;
    if (stream_tls_exporter(stream, binding->exporter_bytes))
        binding->exporter = text_of(binding->exporter_bytes, TLS_EXPORTER_BYTES);
    size_t length = stream_tls_server_end_point(stream, binding->end_point_bytes);
    binding->end_point = text_of(binding->end_point_bytes, length);
    length = stream_tls_unique(stream, binding->unique_bytes);
    binding->unique = text_of(binding->unique_bytes, length);
}

static bool is_possible(const struct stream *stream, const struct setting_server *server,
                        unsigned flags)
{
    if (stream_is_tls(stream))
        return true;
    if (server->login_needs_tls || server->tls == TLS_REQUIRE || (flags & MECHANISM_NEEDS_TLS) != 0)
        return false;
    return server->login_plain_without_tls || (flags & MECHANISM_PLAIN_TEXT) == 0;
}

uint32_t sasl_offers(const struct stream *stream, const struct setting_server *server)
{
    uint32_t offers = 0;
    struct binding binding;
    binding_read(&binding, stream);
    bool binds = binding.exporter.length + binding.end_point.length + binding.unique.length > 0;
    bool has_certificate = stream_tls_has_peer(stream);
    for (enum mechanism i = 0; i < MECHANISM_COUNT; i++) {
        unsigned flags = mechanism_rows[i].flags;
        if ((server->mechanisms & MECHANISM_BIT(i)) != 0 && is_possible(stream, server, flags) &&
            (binds || (flags & MECHANISM_BINDS) == 0) &&
            (has_certificate || (flags & MECHANISM_CERTIFICATE) == 0))
            offers |= MECHANISM_BIT(i);
    }
    return offers;
}

bool sasl_takes_passwords(const struct stream *stream, const struct setting_server *server)
{
    return (sasl_offers(stream, server) & MECHANISM_BIT(MECHANISM_PLAIN)) != 0;
}

/* ---- The exchange ---- */

/* The first of an exchange that the client has begun with no more than the mechanism's name. */
static void send_invitation(const struct sasl_session *session, const char *mechanism)
{
    stream_printf(session->line->stream, "%s%s supported\r\n", session->prompt, mechanism);
}

static void send_challenge(const struct sasl_session *session, struct text challenge)
{
    struct stream *stream = session->line->stream;
    struct buffer encoded;
    buffer_init(&encoded, 2 * SASL_LINE_MAX);
    base64_encode(challenge, &encoded);
    stream_printf(stream, "%s%.*s%s\r\n", session->prompt, TEXT_ARG(buffer_text(&encoded)),
                  session->prompt_end == NULL ? "" : session->prompt_end);
    buffer_finish(&encoded);
}

/* What stood in the command's arena, where nothing else will write over it. */
static void wipe(struct text secret)
{
    explicit_bzero((char *)(uintptr_t)secret.data, secret.length);
}

/* YIELDS. */
static enum sasl_outcome read_response(const struct sasl_session *session, struct buffer *response)
{
    struct text reply;
    enum line_fault fault;
    buffer_reset(response, SASL_LINE_MAX);
    switch (
        (session->read == NULL ? line_read_why : session->read)(session->line, &reply, &fault)) {
    case OK:
        break;
    case REFUSED:
        return fault == LINE_TOO_LONG ? SASL_TOO_LONG : SASL_MALFORMED;
    case TRY_LATER:
        return SASL_ENDED;
    }
    if (text_equals(reply, TEXT("*")))
        return SASL_CANCELLED;
    bool good = base64_decode(reply, response);
    wipe(reply);
    return good ? SASL_DONE : SASL_MALFORMED;
}

static enum sasl_outcome outcome_of(enum status status, const struct directory_sasl_answer *answer)
{
    if (status != OK)
        return status == REFUSED ? SASL_FAILED : SASL_LATER;
    return answer->outcome == DIRECTORY_SASL_DONE ? SASL_DONE : SASL_MALFORMED;
}

/* What the client's certificate says: its names only when somebody we trust vouches for them. */
static void take_certificate(const struct sasl_session *session, struct directory_sasl_facts *facts)
{
    struct tls_peer peer;
    struct arena *arena = &session->line->arena;
    struct buffer mails;
    if (!stream_tls_peer(session->line->stream, arena, &peer))
        return;
    buffer_init(&mails, DIRECTORY_MAILS_MAX);
    for (unsigned i = 0; peer.is_verified && i < peer.mail_count; i++)
        buffer_printf(&mails, "%s%.*s", mails.length > 0 ? "\n" : "", TEXT_ARG(peer.mails[i]));
    facts->certificate = arena_copy(arena, text_of(peer.fingerprint, TLS_FINGERPRINT_BYTES));
    if (!mails.overflowed)
        facts->certificate_mails = arena_copy(arena, buffer_text(&mails));
    buffer_finish(&mails);
}

/* From the first message to the last. first NULL: none came with the command. YIELDS. */
static enum sasl_outcome run(const struct sasl_session *session, struct buffer *response,
                             const struct text *first, struct sasl_login *out)
{
    struct binding binding;
    binding_read(&binding, session->line->stream);
    struct directory_sasl_facts facts = {.mechanism = out->mechanism,
                                         .service = session->service,
                                         .session = session->id,
                                         .peer = session->peer,
                                         .host = session->host,
                                         .is_tls = stream_is_tls(session->line->stream),
                                         .tls_exporter = binding.exporter,
                                         .tls_server_end_point = binding.end_point,
                                         .tls_unique = binding.unique};
    struct arena *arena = &session->line->arena;
    struct directory_sasl_answer answer;
    bool invites = first == NULL;
    take_certificate(session, &facts);
    enum status status = directory_sasl_begin(session->auth, &facts, first, arena, &answer);
    while (status == OK && answer.outcome == DIRECTORY_SASL_CHALLENGE) {
        if (session->is_exps && invites && text_is_empty(answer.challenge))
            send_invitation(session, mechanism_rows[facts.mechanism].name);
        else
            send_challenge(session, answer.challenge);
        invites = false;
        enum sasl_outcome outcome = read_response(session, response);
        if (outcome != SASL_DONE) {
            directory_sasl_cancel(session->auth, answer.exchange);
            return outcome;
        }
        status = directory_sasl_step(session->auth, answer.exchange, buffer_text(response), arena,
                                     &answer);
    }
    out->exchange = answer.exchange;
    text_copy(text_from(answer.user), out->user, sizeof(out->user));
    return outcome_of(status, &answer);
}

static enum sasl_outcome begin(const struct sasl_session *session, struct text initial,
                               struct sasl_login *out)
{
    uint32_t offers = sasl_offers(session->line->stream, session->server);
    uint32_t wanted = out->mechanism == MECHANISM_COUNT ? 0 : MECHANISM_BIT(out->mechanism);
    if (session->only != 0)
        wanted &= session->only;
    if ((session->server->mechanisms & wanted) == 0)
        return SASL_UNKNOWN;
    if ((offers & wanted) == 0)
        return stream_is_tls(session->line->stream) ? SASL_UNKNOWN : SASL_NEEDS_TLS;
    if ((mechanism_rows[out->mechanism].flags & MECHANISM_SERVER_FIRST) != 0 &&
        !text_is_empty(initial))
        return SASL_MALFORMED; /* RFC 4954 4 */
    struct buffer response;
    buffer_init(&response, SASL_LINE_MAX);
    buffer_reserve(&response, SASL_LINE_MAX); /* one block: what held a secret is wiped whole */
    struct text first = TEXT("");
    bool has_first = !text_is_empty(initial);
    enum sasl_outcome outcome = SASL_MALFORMED;
    /* RFC 4954 4: "=" is a response of no bytes. */
    if (!has_first || text_equals(initial, TEXT("=")) || base64_decode(initial, &response)) {
        wipe(initial);
        first = buffer_text(&response);
        outcome = run(session, &response, has_first ? &first : NULL, out);
    }
    buffer_forget(&response);
    return outcome;
}

enum sasl_outcome sasl_exchange(const struct sasl_session *session, struct text arguments,
                                struct sasl_login *out)
{
    struct text name, initial = TEXT(""), extra;
    *out = (struct sasl_login){.mechanism = MECHANISM_COUNT};
    if (!text_word(&arguments, &name))
        return SASL_MALFORMED;
    text_word(&arguments, &initial);
    if (text_word(&arguments, &extra))
        return SASL_MALFORMED;
    out->mechanism = mechanism_find(name);
    return begin(session, initial, out);
}
