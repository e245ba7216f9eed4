#include "client.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "message.h"
#include "net/stream.h"
#include "people.h"
#include "wire.h"
#include "witness.h"

enum { LINE_MOST = 1000 };

/* A conversation about one message, of which nothing may be refused for ever. */
struct sending {
    struct ledger *ledger;
    struct ledger_message *message;
    struct stream *stream;
    int fd;
};

/* The code of the next reply, or 0 when there is none. */
static int reply(struct sending *sending)
{
    struct text line;
    do {
        if (stream_read_line(sending->stream, LINE_MOST, &line) != OK || line.length < 4) {
            witness_silence(sending->ledger, sending->fd, sending->stream);
            return 0;
        }
    } while (line.data[3] == '-');
    if (line.data[0] == '4')
        witness_put_off(sending->ledger, sending->fd, line);
    if (line.data[0] == '5')
        ledger_wrong(sending->ledger, WRONG_REFUSED, "answered with %.*s", TEXT_ARG(line));
    return (line.data[0] - '0') * 100 + (line.data[1] - '0') * 10 + line.data[2] - '0';
}

static int say(struct sending *sending, const char *line)
{
    stream_printf(sending->stream, "%s\r\n", line);
    return reply(sending);
}

static bool begin(struct sending *sending)
{
    char line[64];
    if (reply(sending) != 220 || say(sending, "EHLO client.sim") != 250)
        return false;
    snprintf(line, sizeof(line), "MAIL FROM:<sender@%c.test>", 'a' + sending->message->site);
    return say(sending, line) == 250;
}

/* A mailing group alone: who is named beside it may get a copy by either way. */
static void name_group(struct sending *sending)
{
    char address[LEDGER_ADDRESS_BYTES], line[64];
    unsigned site = random_below(SITES);
    people_group(site, address);
    snprintf(line, sizeof(line), "RCPT TO:<%s>", address);
    if (say(sending, line) != 250)
        return;
    sending->message->accepted = people_members(site);
    sending->message->by_group_of = (uint8_t)(1 + site);
}

/* Some, by chance, often of both sites and outside. */
static void name_recipients(struct sending *sending)
{
    char address[LEDGER_ADDRESS_BYTES], line[64];
    if (random_below(6) == 0) {
        name_group(sending);
        return;
    }
    for (unsigned i = 0; i < RECIPIENTS && stream_end(sending->stream) == STREAM_OPEN; i++) {
        if (random_below(4) != 0)
            continue;
        ledger_address(i, address);
        snprintf(line, sizeof(line), "RCPT TO:<%s>", address);
        if (say(sending, line) == 250)
            sending->message->accepted |= (uint16_t)(1u << i);
    }
}

static void write_message(const struct client *client, struct stream *stream, uint32_t number)
{
    struct buffer bytes;
    buffer_init(&bytes, MESSAGE_MOST);
    message_compose(&bytes, client->weather, client->ledger->messages[number].site, number);
    stream_write(stream, buffer_text(&bytes));
    stream_write(stream, TEXT(".\r\n"));
    buffer_finish(&bytes);
}

static bool begin_data(struct sending *sending)
{
    sending->message->sent_ms = clock_monotonic_ms();
    return say(sending, "DATA") == 354;
}

static void send_one(struct client *client)
{
    struct ledger *ledger = client->ledger;
    unsigned site = random_below(SITES);
    int fd = wire_dial(client->ports[site]);
    if (fd < 0)
        return;
    uint32_t number = ledger->count++;
    struct ledger_message *message = &ledger->messages[number];
    message->site = (uint8_t)site;
    struct sending sending = {ledger, message, stream_new(fd, NULL), fd};
    stream_set_deadline(sending.stream, clock_monotonic_ms() + 10 * MINUTE);
    if (begin(&sending)) {
        name_recipients(&sending);
        if (message->accepted != 0 && begin_data(&sending)) {
            write_message(client, sending.stream, number);
            message->acknowledged = reply(&sending) == 250;
            say(&sending, "QUIT");
        }
    }
    stream_close(&sending.stream);
}

void client_task(void *argument)
{
    struct client *client = argument;
    const struct ledger *ledger = client->ledger;
    for (unsigned i = 0; i < client->most && task_sleep(random_below(client->pause_ms)) == OK; i++)
        if (ledger->count < MESSAGES_MAX && ledger->count < ledger->plan.messages)
            send_one(client);
}
