#include "proto/line/dots.h"

#include <string.h>

/* Length of the run at the start of a line's middle that can be passed on as it is: whole lines
 * too, as long as the next one does not begin with a dot. Leaves the position behind the run. */
static size_t plain_run(struct dots_reader *reader, struct text in)
{
    size_t at = 0;
    for (;;) {
        size_t cr = at + text_find(text_from_position(in, at), '\r');
        if (memchr(in.data + at, '\n', cr - at) != NULL)
            reader->has_bare = true;
        reader->position = DOTS_IN_LINE;
        if (cr == in.length)
            return cr;
        reader->position = DOTS_AFTER_CR;
        if (cr + 1 == in.length)
            return cr + 1;
        if (in.data[cr + 1] != '\n')
            return cr + 1;
        reader->position = DOTS_LINE_START;
        at = cr + 2;
        if (at == in.length || in.data[at] == '.')
            return at;
    }
}

static size_t skip(struct text *rest, size_t count)
{
    *rest = text_from_position(*rest, count);
    return count;
}

/* One byte at a place where it may not simply be passed on; how many bytes to pass on. */
static size_t read_byte(struct dots_reader *reader, char byte)
{
    switch (reader->position) {
    case DOTS_LINE_START:
        reader->position = DOTS_AFTER_DOT;
        return 0;
    case DOTS_AFTER_DOT:
        reader->has_bare = reader->has_bare || byte == '\n';
        reader->position = byte == '\r' ? DOTS_AFTER_DOT_CR : DOTS_IN_LINE;
        return byte != '\r';
    case DOTS_AFTER_DOT_CR:
        reader->ended = byte == '\n';
        reader->has_bare = reader->has_bare || byte != '\n';
        reader->position = byte == '\r' ? DOTS_AFTER_CR : DOTS_IN_LINE;
        return 0;
    case DOTS_IN_LINE:
    case DOTS_AFTER_CR:
        reader->has_bare = reader->has_bare || byte != '\n';
        reader->position = byte == '\n'   ? DOTS_LINE_START
                           : byte == '\r' ? DOTS_AFTER_CR
                                          : DOTS_IN_LINE;
        return 1;
    }
    return 0;
}

struct text dots_read(struct dots_reader *reader, struct text *rest)
{
    struct text in = *rest;
    if (in.length == 0 || reader->ended)
        return TEXT("");
    bool plain = reader->position == DOTS_IN_LINE ||
                 (reader->position == DOTS_LINE_START && in.data[0] != '.');
    if (plain) {
        size_t run = plain_run(reader, in);
        return text_head(in, skip(rest, run));
    }
    size_t kept = read_byte(reader, in.data[0]);
    skip(rest, 1);
    return text_head(in, kept);
}

struct text dots_write(struct dots_writer *writer, struct text *rest, bool *dot)
{
    struct text in = *rest;
    size_t at = 0;
    *dot = !writer->in_line && in.length > 0 && in.data[0] == '.';
    do {
        size_t lf = at + text_find(text_from_position(in, at), '\n');
        writer->in_line = lf == in.length;
        at = lf == in.length ? lf : lf + 1;
    } while (at < in.length && in.data[at] != '.');
    for (size_t i = at < 2 ? 0 : at - 2; i < at; i++) {
        writer->needs_crlf = !(writer->after_cr && in.data[i] == '\n');
        writer->after_cr = in.data[i] == '\r';
    }
    skip(rest, at);
    return text_head(in, at);
}

struct text dots_finish(const struct dots_writer *writer)
{
    return writer->needs_crlf ? TEXT("\r\n.\r\n") : TEXT(".\r\n");
}
