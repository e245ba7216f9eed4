/* The store's answer to BURL, for front_channels.h. */
#ifndef TESTS_UNIT_FRONT_URLS_H
#define TESTS_UNIT_FRONT_URLS_H

#include "base/check.h"
#include "queue/wire.h"

/* Of alice "url:good" has a message of three pieces, "url:short" less than it says; of others there
 * is none. What begins otherwise can't be told. */
static void peers_serve_url(void *context, struct rpc_call *call, struct text request)
{
    unused(context);
    enum { PIECE = 12 };
    struct text message = TEXT("Subject: by URL\r\n\r\nThe body.\r\n");
    struct queue_url_question question;
    struct queue_url_answer answer = {.size = message.length};
    struct buffer bytes;
    check(queue_url_decode(request, &question));
    if (!text_starts_with(question.url, TEXT("url:"))) {
        rpc_fail(&call, TRY_LATER, "the disk is slow");
        return;
    }
    buffer_init(&answer.bytes, PIECE);
    buffer_init(&bytes, 1000);
    if (!text_equals(question.login, TEXT("alice@example.test")))
        answer.way = QUEUE_URL_NOWHERE;
    else if (text_equals(question.url, TEXT("url:good")) || question.offset == 0)
        buffer_append(&answer.bytes,
                      text_head(text_from_position(message, (size_t)question.offset), PIECE));
    queue_url_answer_encode(&answer, &bytes);
    rpc_answer(&call, buffer_text(&bytes));
    buffer_finish(&answer.bytes);
    buffer_finish(&bytes);
}

#endif
