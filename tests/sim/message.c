#include "message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "ledger.h"

/* A line of the body, and all below it, have so many bytes. */
enum {
    LINE_BYTES = 72,
    BODY_LINES_MOST = MESSAGE_MOST / LINE_BYTES - 100,
    SHORT_LINES_MOST = 800,
    PARTED_LINES = (64 << 10) / LINE_BYTES, /* least; in the log one record */
    LOGGED_IN_PARTS_LINES = (768 << 10) / LINE_BYTES
};

static uint32_t choose_lines(struct weather *weather)
{
    uint32_t lines = random_below(SHORT_LINES_MOST);
    if (!weather_strikes(weather, WEATHER_LARGE))
        return lines;
    uint32_t least = PARTED_LINES, most = LOGGED_IN_PARTS_LINES;
    if (weather_below(weather, WEATHER_LARGE, 2) == 0) {
        least = LOGGED_IN_PARTS_LINES;
        most = BODY_LINES_MOST;
    }
    return least + weather_below(weather, WEATHER_LARGE, most - least);
}

static void write_line(uint32_t number, char out[LINE_BYTES + 1])
{
    snprintf(out, LINE_BYTES + 1, "%-*u\r\n", LINE_BYTES - 2, number);
}

void message_compose(struct buffer *out, struct weather *weather, unsigned site, uint32_t number)
{
    uint32_t lines = choose_lines(weather);
    buffer_printf(out,
                  "From: <sender@%c.test>\r\nX-Sim: %u\r\nX-Lines: %u\r\nSubject: number %u.\r\n"
                  "Message-ID: <%u@client.sim>\r\n\r\n",
                  'a' + (int)site, number, lines, number, number);
    for (; lines > 0; lines--) {
        char line[LINE_BYTES + 1];
        write_line(lines, line);
        buffer_append(out, text_of(line, LINE_BYTES));
    }
}

/* Behind its name; `none` when it is not there. */
static uint32_t field(struct text bytes, struct text name, uint32_t none)
{
    size_t at = text_find_text(bytes, name);
    if (at + name.length >= bytes.length)
        return none;
    return (uint32_t)strtoul(bytes.data + at + name.length, NULL, 10);
}

uint32_t message_number(struct text bytes)
{
    return field(bytes, TEXT("X-Sim: "), MESSAGES_MAX);
}

bool message_is_whole(struct text bytes)
{
    static const struct text blank = TEXT("\r\n\r\n");
    uint32_t lines = field(bytes, TEXT("X-Lines: "), BODY_LINES_MOST);
    struct text body = text_from_position(bytes, text_find_text(bytes, blank) + blank.length);
    if (body.length != (size_t)lines * LINE_BYTES)
        return false;
    for (; lines > 0; lines--) {
        char line[LINE_BYTES + 1];
        write_line(lines, line);
        if (memcmp(body.data, line, LINE_BYTES) != 0)
            return false;
        body = text_from_position(body, LINE_BYTES);
    }
    return true;
}
