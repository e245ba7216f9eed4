#include "outside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/text.h"
#include "net/listener.h"
#include "net/stream.h"
#include "wire.h"

enum { LINE_MOST = 2000 };

struct visit {
    struct outside *outside;
    struct stream *stream;
    unsigned recipients; /* bits */
    /* The message that was answered last, and for whom; no bit: that is known to be heard. */
    unsigned long taken;
    uint16_t taken_for;
};

void outside_open(struct outside *outside)
{
    outside->fd = wire_listen(&outside->port);
}

static void take_recipient(struct visit *visit, struct text line)
{
    struct weather *weather = visit->outside->weather;
    char address[64];
    struct text path = text_after(text_before(line, '>'), '<');
    snprintf(address, sizeof(address), "%.*s", TEXT_ARG(path));
    unsigned recipient = ledger_recipient(address);
    if (weather_strikes(weather, WEATHER_GREYLISTED)) {
        stream_write(visit->stream, TEXT("451 4.7.1 later\r\n"));
    } else if (recipient == RECIPIENTS || weather_strikes(weather, WEATHER_UNKNOWN)) {
        stream_write(visit->stream, TEXT("550 5.1.1 nobody\r\n"));
    } else {
        visit->recipients |= 1u << recipient;
        stream_write(visit->stream, TEXT("250 2.1.5 ok\r\n"));
    }
}

static void note_arrival(struct visit *visit, unsigned long number)
{
    struct ledger *ledger = visit->outside->ledger;
    if (number >= ledger->count)
        return; /* a report of a site */
    struct ledger_message *message = &ledger->messages[number];
    message->again |= (uint16_t)(visit->recipients & message->heard);
    for (unsigned i = 0; i < RECIPIENTS; i++)
        if ((visit->recipients & 1u << i) != 0)
            message->arrived[i]++;
    visit->taken = number;
    visit->taken_for = (uint16_t)visit->recipients;
}

/* Whoever says more has heard the answer. */
static void note_heard(struct visit *visit)
{
    if (visit->taken_for != 0)
        visit->outside->ledger->messages[visit->taken].heard |= visit->taken_for;
    visit->taken_for = 0;
}

/* False: this conversation is over. YIELDS. */
static bool take_message(struct visit *visit)
{
    unsigned long number = MESSAGES_MAX;
    struct text line;
    bool in_header = true;
    stream_write(visit->stream, TEXT("354 go\r\n"));
    for (;;) {
        if (stream_read_line(visit->stream, LINE_MOST, &line) != OK)
            return false;
        if (text_equals(line, TEXT(".\r\n")))
            break;
        in_header = in_header && line.length > 2;
        if (in_header && text_starts_with(line, TEXT("X-Sim: ")))
            number = strtoul(line.data + 7, NULL, 10);
    }
    note_arrival(visit, number);
    visit->recipients = 0;
    if (weather_strikes(visit->outside->weather, WEATHER_ANSWER_LOST))
        return false;
    stream_write(visit->stream, TEXT("250 2.0.0 kept\r\n"));
    return true;
}

static bool take_command(struct visit *visit, struct text line)
{
    note_heard(visit);
    if (text_starts_with(line, TEXT("EHLO")))
        stream_write(visit->stream, TEXT("250-out.test\r\n250-PIPELINING\r\n250 8BITMIME\r\n"));
    else if (text_starts_with(line, TEXT("RCPT")))
        take_recipient(visit, line);
    else if (text_starts_with(line, TEXT("DATA")) && visit->recipients != 0)
        return take_message(visit);
    else if (text_starts_with(line, TEXT("DATA")))
        stream_write(visit->stream, TEXT("554 5.5.1 for whom?\r\n"));
    else if (text_starts_with(line, TEXT("QUIT")))
        return false;
    else
        stream_write(visit->stream, TEXT("250 2.0.0 ok\r\n"));
    if (text_starts_with(line, TEXT("MAIL")) || text_starts_with(line, TEXT("RSET")))
        visit->recipients = 0;
    return true;
}

static void visit_task(void *argument)
{
    struct visit *visit = argument;
    struct text line;
    stream_set_deadline(visit->stream, clock_monotonic_ms() + 3 * HOUR);
    stream_write(visit->stream, TEXT("220 out.test\r\n"));
    while (stream_read_line(visit->stream, LINE_MOST, &line) == OK && take_command(visit, line))
        continue;
    stream_flush(visit->stream);
    stream_close(&visit->stream);
    free(visit);
}

static void on_connection(void *context, int fd, const struct net_address *peer)
{
    struct outside *outside = context;
    struct visit *visit = calloc(1, sizeof(*visit));
    check(visit != NULL);
    visit->outside = outside;
    visit->stream = stream_new(fd, peer);
    task_spawn(outside->group, "visit", visit_task, visit);
}

static void serve(void *argument)
{
    struct outside *outside = argument;
    net_accept_loop(outside->fd, on_connection, outside);
    close(outside->fd);
}

void outside_serve(struct outside *outside)
{
    task_spawn(outside->group, "outside", serve, outside);
}
