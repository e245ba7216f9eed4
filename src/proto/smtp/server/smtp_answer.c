/* How the server speaks, and how it accounts for what it refuses: every error reply ends with a
 * case id under which the log and `mailroot trace` have the whole story. */
#include "base/clock.h"
#include "base/id.h"
#include "base/logline.h"
#include "proto/smtp/server/smtp_extensions.h"
#include "proto/smtp/server/smtp_session.h"

enum { DETAIL_MAX = 240, STORY_MAX = 4096 };

/* A detail may quote the peer: what is not printable ASCII does not go into a reply. */
static struct text printable(struct arena *arena, struct text detail)
{
    struct text copy = arena_copy(arena, text_head(detail, DETAIL_MAX));
    for (size_t i = 0; i < copy.length; i++)
        if (copy.data[i] < 32 || copy.data[i] > 126)
            ((char *)copy.data)[i] = '?';
    return copy;
}

static void put_reasons(struct buffer *story, const struct decision_reason *reasons, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct decision_reason *reason = &reasons[i];
        buffer_printf(story, " reason=%s", reason->rule);
        if (reason->place.line > 0)
            buffer_printf(story, " setting=%.*s:%u", TEXT_ARG(text_head(reason->place.file, 200)),
                          reason->place.line);
        if (!text_is_empty(reason->fact))
            buffer_printf(story, " fact=%s", log_text(reason->fact));
    }
}

static void record_refusal(struct smtp_session *session, uint64_t id, struct text reply,
                           const struct decision_reason *reasons, unsigned reason_count)
{
    char case_text[ID_TEXT_BYTES], session_text[ID_TEXT_BYTES];
    struct text command = line_loggable(&session->line);
    struct buffer story;
    buffer_init(&story, STORY_MAX);
    buffer_printf(&story, "session=%s peer=%s command=%s reply=%s",
                  id_format(session->id, session_text), log_text(text_from(session->peer)),
                  log_text(command), log_text(reply));
    put_reasons(&story, reasons, reason_count);
    queue_story(session->front->role->store, id, TEXT("smtp.refused"), buffer_text(&story));
    log_info("smtp.refused", "case=%s %.*s", id_format(id, case_text), (int)story.length,
             story.data);
    buffer_finish(&story);
}

static const char *enhanced_code(const struct smtp_session *session,
                                 const struct smtp_answer_row *reply)
{
    return smtp_extension_is_off(session, EXTENSION_ENHANCEDCODES) ? "" : reply->enhanced;
}

static void answer(struct smtp_session *session, const struct smtp_answer_row *reply,
                   struct text detail, const struct decision_reason *reasons, unsigned reason_count)
{
    struct arena *arena = &session->line.arena;
    detail = printable(arena, detail);
    bool is_failure = reply->code >= 400;
    const char *enhanced = enhanced_code(session, reply);
    struct text text = arena_printf(arena, "%u %s%s%s%s%.*s", reply->code, enhanced,
                                    *enhanced ? " " : "", reply->text,
                                    text_is_empty(detail) || *reply->text == '\0' ? ""
                                    : is_failure                                  ? ": "
                                                                                  : " ",
                                    TEXT_ARG(detail));
    if (is_failure) {
        char case_text[ID_TEXT_BYTES];
        uint64_t id = line_front_id(session->front);
        record_refusal(session, id, text, reasons, reason_count);
        text = arena_printf(arena, "%.*s (mailroot %s)", TEXT_ARG(text), id_format(id, case_text));
    }
    /* Whoever guesses addresses and passwords waits for each answer. */
    if (reply->code >= 500 && session->login[0] == '\0')
        session->line.delay_ms += session->server->tarpit_ms;
    stream_write(session->line.stream, text);
    stream_write(session->line.stream, TEXT("\r\n"));
}

/* A stranger named somebody who is not here, maybe to find out who is. */
static void slow_down(struct smtp_session *session)
{
    const struct setting_server *server = session->server;
    const struct relay_facts facts = {.server = server,
                                      .peer = stream_peer(session->line.stream),
                                      .login = text_from(session->login)};
    unsigned count;
    if (server->free_guesses == 0 || session->service == SERVICE_LMTP || decide_is_trusted(&facts))
        return;
    int64_t delay_ms = harvest_guess(session->front->harvest, text_from(session->peer),
                                     server->free_guesses, clock_monotonic_ms(), &count);
    session->line.delay_ms += delay_ms;
    /* Each refusal is in the log already; so this now and then. */
    if (delay_ms > 0 && ((count - server->free_guesses) & (count - server->free_guesses - 1)) == 0)
        log_info("smtp.slowed", "peer=%s unknown-recipients=%u delay-ms=%lld",
                 log_text(text_from(session->peer)), count, (long long)delay_ms);
}

void smtp_answer_because(struct smtp_session *session, enum smtp_answer number, struct text detail,
                         const struct decision_reason *reasons, unsigned reason_count)
{
    const struct smtp_answer_row *reply = smtp_answer_row(number);
    answer(session, reply, detail, reasons, reason_count);
    if (number == SMTP_NO_SUCH_USER)
        slow_down(session);
    if (reply->is_error)
        line_count_error(&session->line);
}

void smtp_answer(struct smtp_session *session, enum smtp_answer number, struct text detail)
{
    smtp_answer_because(session, number, detail, NULL, 0);
}

void smtp_answer_uncounted(struct smtp_session *session, enum smtp_answer number)
{
    answer(session, smtp_answer_row(number), TEXT(""), NULL, 0);
}

void smtp_answer_lines(struct smtp_session *session, enum smtp_answer number, struct text lines)
{
    const struct smtp_answer_row *reply = smtp_answer_row(number);
    const char *enhanced = enhanced_code(session, reply);
    struct text line;
    while (text_split(&lines, '\n', &line))
        stream_printf(session->line.stream, "%u%s%s%s%.*s\r\n", reply->code,
                      text_is_empty(lines) ? " " : "-", enhanced, *enhanced ? " " : "",
                      TEXT_ARG(line));
}
