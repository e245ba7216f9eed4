/* The queue as mailq prints it, in the columns that Postfix made usual, so that what reads them
 * goes on working. */
#include <stdio.h>
#include <time.h>

#include "admin/verbs_store.h"
#include "admin/words.h"
#include "base/clock.h"
#include "base/id.h"
#include "queue/queue.h"

enum { ID_COLUMNS = 17, REASON_COLUMNS = 76 };

struct mailq {
    struct buffer *out;
    uint64_t bytes, last_id;
    unsigned requests;
};

/* Behind the id: "*" while it is sent, "!" while it is held back. */
static char mark_of(const struct queue_view *view)
{
    struct text state = text_from(view->state);
    if (text_equals(state, TEXT("sending")))
        return '*';
    return text_equals(state, TEXT("held")) || text_equals(state, TEXT("remote")) ? '!' : ' ';
}

static void print_message(struct mailq *mailq, const struct queue_view *view)
{
    char id[ID_TEXT_BYTES], marked[ID_TEXT_BYTES + 1], date[32];
    time_t received = (time_t)(view->received_ms / SECOND);
    struct tm parts;
    localtime_r(&received, &parts);
    strftime(date, sizeof(date), "%a %b %e %H:%M:%S", &parts);
    snprintf(marked, sizeof(marked), "%s%c", id_format(view->id, id), mark_of(view));
    struct text sender = view->sender.length > 0 ? view->sender : TEXT("MAILER-DAEMON");
    buffer_printf(mailq->out, "%-*s%8llu %19s %.*s\n", ID_COLUMNS, marked,
                  (unsigned long long)view->size, date, TEXT_ARG(sender));
    mailq->last_id = view->id;
    mailq->bytes += view->size;
    mailq->requests++;
}

static void print_view(void *context, const struct queue_view *view)
{
    struct mailq *mailq = context;
    if (text_equals(text_from(view->state), TEXT("bad")) ||
        text_equals(text_from(view->state), TEXT("sent")))
        return;
    if (view->id != mailq->last_id)
        print_message(mailq, view);
    for (unsigned i = 0; i < view->recipient_count; i++) {
        const struct queue_view_recipient *recipient = &view->recipients[i];
        struct text error = recipient->last_error;
        bool is_known = i > 0 && text_equals(error, view->recipients[i - 1].last_error);
        int pad = error.length < REASON_COLUMNS ? REASON_COLUMNS - (int)error.length : 0;
        if (error.length > 0 && !is_known) {
            buffer_printf(mailq->out, "%*s(", pad, "");
            verb_clean(mailq->out, error);
            buffer_append(mailq->out, TEXT(")\n"));
        }
        buffer_printf(mailq->out, "%-17s %8s %-19s %.*s\n", "", "", "",
                      TEXT_ARG(recipient->address));
    }
}

enum status verb_mailq(void *state, struct admin_call *call)
{
    struct buffer messages;
    struct mailq mailq = {.out = &messages};
    enum status status = verb_check_words(call, 0, 0, "mailq");
    if (status != OK)
        return status;
    buffer_init(&messages, ADMIN_OUTPUT_MAX);
    queue_each(state, 0, print_view, &mailq);
    if (mailq.requests == 0) {
        buffer_append(call->out, TEXT("Mail queue is empty\n"));
    } else {
        buffer_printf(call->out, "%-17s %8s %-19s %s\n", "----Queue ID-----", "--Size--",
                      "---Arrival Time----", "--Sender/Recipient------");
        buffer_append(call->out, buffer_text(&messages));
        buffer_printf(call->out, "\n-- %llu Kbytes in %u Request%s.\n",
                      (unsigned long long)(mailq.bytes / 1024), mailq.requests,
                      mailq.requests == 1 ? "" : "s");
    }
    buffer_finish(&messages);
    return OK;
}
