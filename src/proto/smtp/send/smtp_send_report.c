/* Reports: to the queue until it has them, and to the log in the words that Postfix taught. */
#include "base/clock.h"
#include "base/id.h"
#include "base/logline.h"
#include "proto/smtp/send/smtp_send_hop.h"

enum { AGAIN_MS = SECOND, WORDS_BYTES = 201 };

static const struct {
    const char *event, *status;
} names[] = {
    [OK] = {"smtp.sent", "sent"},
    [TRY_LATER] = {"smtp.deferred", "deferred"},
    [REFUSED] = {"smtp.failed", "bounced"},
};

/* The peer's words as they may stand in a log line. */
static const char *plain_words(struct text words, char out[WORDS_BYTES])
{
    text_copy(text_head(words, WORDS_BYTES - 1), out, WORDS_BYTES);
    for (char *c = out; *c != '\0'; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    return out;
}

static void log_outcome(const struct queue_job *job, const struct queue_job_recipient *recipient,
                        const struct queue_outcome *outcome)
{
    char id[ID_TEXT_BYTES], words[WORDS_BYTES];
    int64_t delay_ms = clock_wall_ms() - id_time_ms(job->id);
    if (delay_ms < 0)
        delay_ms = 0; /* the clock was set back */
    struct text relay = text_is_empty(outcome->remote_host) ? TEXT("none") : outcome->remote_host;
    log_info(names[outcome->status].event,
             "id=%s from=<%.*s> to=<%.*s> relay=%.*s delay=%lld.%02d dsn=%.*s status=%s (%s)",
             id_format(job->id, id), TEXT_ARG(job->sender), TEXT_ARG(recipient->address),
             TEXT_ARG(relay), (long long)(delay_ms / SECOND), (int)(delay_ms % SECOND / 10),
             TEXT_ARG(outcome->enhanced), names[outcome->status].status,
             plain_words(outcome->reply, words));
}

/* However long it takes: what is reported is in hand, and will be claimed. YIELDS. */
static enum status await_store(struct smtp_claims *claims)
{
    while (claims->state != SMTP_STORE_KNOWS)
        if (task_event_wait(&claims->known, NO_DEADLINE) != OK)
            return try_later("the store is away");
    return OK;
}

/* What was delivered must be known to have been, or it is delivered twice: so the queue is told
 * even when this task is being ended, and told again for as long as it can't record it. Meanwhile
 * the connection takes nothing else, so that no more is sent than can be recorded. */
void smtp_job_report(const struct smtp_sender *sender, const struct queue_job *job,
                     const struct queue_outcome *outcomes)
{
    for (unsigned i = 0; i < job->recipient_count; i++)
        log_outcome(job, &job->recipients[i], &outcomes[i]);
    enum status status;
    do {
        status = await_store(sender->claims);
        task_shield_begin();
        if (status == OK)
            status = queue_report(sender->context->store, job, outcomes, job->recipient_count);
        task_shield_end();
    } while (status == TRY_LATER && task_sleep(AGAIN_MS) == OK);
    char id[ID_TEXT_BYTES];
    if (status ==
        REFUSED) /* that it ended before is so where a store died after it had recorded this */
        log_warning("smtp.report-refused", "id=%s reason=%s", id_format(job->id, id),
                    log_text(text_from(fail_reason())));
    else if (status != OK)
        log_error("smtp.report-lost", "id=%s reason=%s", id_format(job->id, id),
                  log_text(text_from(fail_reason())));
}
