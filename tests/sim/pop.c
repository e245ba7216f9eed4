#include "pop.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "message.h"
#include "net/stream.h"
#include "people.h"
#include "task/task.h"
#include "wire.h"
#include "witness.h"

enum { LINE_MOST = 1000, PATIENCE = 10 * MINUTE };

struct drop {
    struct ledger *ledger;
    struct shelf *shelf;
    struct stream *stream;
    int fd;
    uint32_t asked; /* the moment of the login */
    unsigned count;
    uint32_t uids[SHELF_UIDS]; /* by number - 1 */
    bool deleted[SHELF_UIDS];
};

/* "+OK". */
static bool is_well(struct drop *drop)
{
    struct text line = TEXT("");
    stream_set_deadline(drop->stream, clock_monotonic_ms() + PATIENCE);
    if (stream_read_line(drop->stream, LINE_MOST, &line) != OK)
        witness_silence(drop->ledger, drop->fd, drop->stream);
    bool is_ok = text_starts_with(line, TEXT("+OK"));
    drop->ledger->answers += is_ok;
    if (text_starts_with(line, TEXT("-ERR [AUTH]")))
        ledger_wrong(drop->ledger, WRONG_REFUSED, "answered with %.*s", TEXT_ARG(line));
    if (text_starts_with(line, TEXT("-ERR [SYS/TEMP]")))
        witness_put_off(drop->ledger, drop->fd, line);
    return is_ok;
}

/* Up to the line with the dot alone, without it. */
static bool read_lines(struct drop *drop, struct buffer *out)
{
    struct text line;
    stream_set_deadline(drop->stream, clock_monotonic_ms() + PATIENCE);
    while (stream_read_line(drop->stream, LINE_MOST, &line) == OK) {
        if (text_equals(line, TEXT(".\r\n")))
            return true;
        buffer_append(out, line);
    }
    witness_silence(drop->ledger, drop->fd, drop->stream);
    return false;
}

static bool enter(struct drop *drop, unsigned user)
{
    char address[LEDGER_ADDRESS_BYTES];
    ledger_address(user, address);
    if (!is_well(drop))
        return false;
    stream_printf(drop->stream, "USER %s\r\n", address);
    if (!is_well(drop))
        return false;
    drop->asked = ++drop->ledger->moment;
    stream_write(drop->stream, TEXT("PASS " PEOPLE_PASSWORD "\r\n"));
    return is_well(drop);
}

/* "1 6956f7a8.7" */
static void take_listed(struct drop *drop, struct text line)
{
    struct text number, id;
    uint32_t uid = 0;
    char validity[16];
    text_word(&line, &number);
    text_word(&line, &id);
    id = text_trim(id);
    text_to_u32(text_after(id, '.'), &uid);
    text_copy(text_before(id, '.'), validity, sizeof(validity));
    shelf_validity(drop->ledger, drop->shelf, (uint32_t)strtoul(validity, NULL, 16));
    const struct shelf_place *place = shelf_place(drop->ledger, drop->shelf, uid);
    if (place == NULL || drop->count == SHELF_UIDS)
        return;
    if (shelf_must_lack(place, drop->asked))
        shelf_wrong(drop->ledger, drop->shelf, uid, "POP3 lists it, and it was gone before");
    if (drop->count > 0 && uid <= drop->uids[drop->count - 1])
        shelf_wrong(drop->ledger, drop->shelf, uid, "POP3 lists it out of order");
    drop->uids[drop->count++] = uid;
}

static bool list(struct drop *drop)
{
    struct buffer lines;
    struct text rest, line;
    buffer_init(&lines, SHELF_UIDS * 32);
    stream_write(drop->stream, TEXT("UIDL\r\n"));
    bool is_ok = is_well(drop) && read_lines(drop, &lines);
    for (rest = buffer_text(&lines); is_ok && text_split(&rest, '\n', &line);)
        take_listed(drop, line);
    buffer_finish(&lines);
    return is_ok;
}

/* All that is known to be there must be listed. */
static void compare(struct drop *drop)
{
    unsigned at = 0;
    for (uint32_t uid = 1; uid < drop->shelf->uid_next; uid++) {
        while (at < drop->count && drop->uids[at] < uid)
            at++;
        bool is_listed = at < drop->count && drop->uids[at] == uid;
        if (!is_listed && shelf_must_have(&drop->shelf->places[uid], drop->asked))
            shelf_wrong(drop->ledger, drop->shelf, uid, "POP3 does not list it");
    }
}

/* False: the connection is over. */
static bool read_one(struct drop *drop, unsigned i)
{
    struct buffer bytes;
    buffer_init(&bytes, 2 * MESSAGE_MOST);
    stream_printf(drop->stream, "RETR %u\r\n", i + 1);
    bool is_ok = is_well(drop);
    bool is_whole = is_ok && read_lines(drop, &bytes);
    if (is_whole)
        shelf_named(drop->ledger, drop->shelf, drop->uids[i], message_number(buffer_text(&bytes)));
    if (is_whole && !message_is_whole(buffer_text(&bytes)))
        shelf_wrong(drop->ledger, drop->shelf, drop->uids[i], "not the bytes that were sent");
    buffer_finish(&bytes);
    if (!is_whole)
        return !is_ok && stream_end(drop->stream) == STREAM_OPEN; /* it may be gone meanwhile */
    if (random_below(2) == 0)
        return true;
    stream_printf(drop->stream, "DELE %u\r\n", i + 1);
    drop->deleted[i] = true;
    return is_well(drop);
}

static void quit(struct drop *drop)
{
    for (unsigned i = 0; i < drop->count; i++)
        if (drop->deleted[i])
            drop->shelf->places[drop->uids[i]].tried |= TRIED_REMOVE;
    stream_write(drop->stream, TEXT("QUIT\r\n"));
    if (!is_well(drop))
        return;
    for (unsigned i = 0; i < drop->count; i++)
        if (drop->deleted[i]) {
            shelf_gone(drop->ledger, drop->shelf, drop->uids[i]);
            drop->ledger->removed++;
        }
}

static void visit(struct drop *drop, unsigned user)
{
    if (!enter(drop, user) || !list(drop))
        return;
    compare(drop);
    for (unsigned i = 0; i < drop->count; i++)
        if (random_below(3) == 0 && !read_one(drop, i))
            return;
    if (random_below(4) != 0)
        quit(drop);
}

void pop_task(void *argument)
{
    struct pop *pop = argument;
    for (unsigned i = 0; i < pop->most && task_sleep(random_below(pop->pause_ms)) == OK; i++) {
        int fd = wire_dial(pop->port);
        if (fd < 0)
            continue;
        struct drop *drop = calloc(1, sizeof(*drop));
        check(drop != NULL);
        drop->ledger = pop->ledger;
        drop->shelf = shelf_of(pop->ledger, pop->user, SHELF_INBOX);
        drop->stream = stream_new(fd, NULL);
        drop->fd = fd;
        pop->ledger->visits++;
        visit(drop, pop->user);
        stream_close(&drop->stream);
        free(drop);
    }
}
