/* BURL (RFC 4468): a part of a message, or all of it, that lies in a mailbox here, and is sent
 * without the client having to fetch it. What the URL leads to goes the way of what comes by BDAT;
 * the store says whether the user may send it, who is logged in: on the ports of BURL nobody gets
 * past MAIL without that. */
#include <inttypes.h>

#include "base/id.h"
#include "base/logline.h"
#include "proto/smtp/server/smtp_session.h"

/* The last part of a URL is a token, and secret. */
static struct text loggable(struct text url)
{
    enum { TOKEN_LEAST = 16 };
    size_t colon = text_find_last(url, ':');
    return url.length - colon > TOKEN_LEAST ? text_head(url, colon) : url;
}

static void tell_taken(struct smtp_session *session, struct text url, uint64_t size)
{
    struct buffer story;
    char id[ID_TEXT_BYTES];
    uint64_t message = session->transaction.envelope.id;
    buffer_init(&story, 4096);
    buffer_printf(&story, "url=%s size=%" PRIu64, log_text(loggable(url)), size);
    queue_story(session->front->role->store, message, TEXT("smtp.url"), buffer_text(&story));
    log_info("smtp.url", "id=%s %.*s", id_format(message, id), (int)story.length, story.data);
    buffer_finish(&story);
}

static void answer_refused(struct smtp_session *session, struct text url, enum status status,
                           const struct queue_url_answer *answer)
{
    static const enum smtp_answer answers[QUEUE_URL_WAYS] = {
        [QUEUE_URL_FOUND] = SMTP_URL_LATER, /* less of it than was said */
        [QUEUE_URL_NOWHERE] = SMTP_URL_LEADS_NOWHERE,
        [QUEUE_URL_ELSEWHERE] = SMTP_URL_LEADS_ELSEWHERE,
    };
    struct text why = text_from(status == OK ? answer->reason.text : fail_reason());
    struct decision_reason reasons[] = {
        {.rule = "url", .fact = arena_copy(&session->line.arena, loggable(url))},
        {.rule = "store", .fact = arena_copy(&session->line.arena, why)},
    };
    smtp_answer_because(session, status == OK ? answers[answer->way] : SMTP_URL_LATER, TEXT(""),
                        reasons, 2);
}

/* One piece of it, at question->offset, which moves on; *left: how much is behind it. False when it
 * was answered. YIELDS. */
static bool take_piece(struct smtp_session *session, struct queue_url_question *question,
                       uint64_t *left)
{
    struct queue_url_answer answer = {0};
    buffer_init(&answer.bytes, QUEUE_BODY_CHUNK);
    enum status status = queue_read_url(session->front->role->store, question, &answer);
    bool is_taken = status == OK && answer.way == QUEUE_URL_FOUND && answer.bytes.length > 0 &&
                    answer.size - question->offset >= answer.bytes.length;
    if (is_taken) {
        smtp_intake_take_chunk(session, buffer_text(&answer.bytes));
        question->offset += answer.bytes.length;
        *left = answer.size - question->offset;
    } else {
        answer_refused(session, question->url, status, &answer);
    }
    buffer_finish(&answer.bytes);
    return is_taken;
}

/* False when it was answered. YIELDS. */
static bool take_url(struct smtp_session *session, struct text url)
{
    struct queue_url_question question = {.url = url, .login = text_from(session->login)};
    const struct smtp_intake *intake = &session->transaction.intake;
    uint64_t left = 0;
    do {
        if (!take_piece(session, &question, &left))
            return false;
    } while (left > 0 && intake->trouble == SMTP_NO_TROUBLE);
    if (left == 0)
        tell_taken(session, url, question.offset);
    return true;
}

/* A message that lacks a part must not go: behind a refusal BDAT and BURL are out of place. */
static void refuse(struct smtp_session *session)
{
    smtp_intake_drop(session);
    smtp_server_transaction_reset(session);
}

void smtp_command_burl(struct line_session *line, struct text arguments)
{
    struct smtp_session *session = smtp_session(line);
    struct smtp_server_transaction *transaction = &session->transaction;
    struct smtp_burl burl;
    if (!smtp_parse_burl(arguments, &burl)) {
        smtp_answer(session, SMTP_BAD_ARGUMENTS, TEXT(""));
        refuse(session);
        return;
    }
    if (transaction->state == SMTP_ADDRESSED)
        smtp_intake_begin(session);
    transaction->state = SMTP_CHUNKING;
    if (!take_url(session, burl.url))
        refuse(session);
    else if (burl.is_last || transaction->intake.trouble != SMTP_NO_TROUBLE)
        smtp_intake_end(session);
    else
        smtp_answer(session, SMTP_URL_TAKEN, TEXT(""));
}
