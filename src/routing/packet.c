#include "routing/packet.h"

#include <stdio.h>

#include "base/encoding.h"

/* MD5 of no bytes: the digest of a table without routing groups. */
#define EMPTY_DIGEST "d41d8cd98f00b204e9800998ecf8427e"
#define EMPTY_TABLE "{00000020}" EMPTY_DIGEST

static const char *const words[] = {
    [LINK_STATE_DIGEST_QUERY] = "DIGEST_QUERY",
    [LINK_STATE_ORGINFO] = "ORGINFO",
    [LINK_STATE_REPORT] = "REPORT",
    [LINK_STATE_DONE] = "DONE",
    [LINK_STATE_RESPONSE] = "RESPONSE",
    [LINK_STATE_DONE_RESPONSE] = "DONE_RESPONSE",
};
enum { WORDS = sizeof(words) / sizeof(words[0]) };

static bool is_hex(struct text text, size_t length)
{
    for (size_t i = 0; i < text.length; i++)
        if (hex_digit_value(text.data[i]) < 0)
            return false;
    return text.length == length;
}

static uint32_t hex_value(struct text text)
{
    uint32_t value = 0;
    for (size_t i = 0; i < text.length; i++)
        value = value << 4 | (uint32_t)hex_digit_value(text.data[i]);
    return value;
}

bool link_state_length(struct text head, size_t *length)
{
    if (head.length < LINK_STATE_COUNT_BYTES || head.data[0] != '{' ||
        head.data[LINK_STATE_COUNT_BYTES - 1] != '}' || !is_hex(text_of(head.data + 1, 8), 8))
        return false;
    *length = hex_value(text_of(head.data + 1, 8));
    return true;
}

/* "{hhhhhhhh}" and so many bytes. */
static bool take_counted(struct text *rest, struct text *out)
{
    size_t length;
    if (!link_state_length(*rest, &length))
        return refused("no length where one should be"), false;
    if (length > rest->length - LINK_STATE_COUNT_BYTES)
        return refused("a length reaches beyond the end"), false;
    *out = text_of(rest->data + LINK_STATE_COUNT_BYTES, length);
    *rest = text_from_position(*rest, LINK_STATE_COUNT_BYTES + length);
    return true;
}

static bool take_literal(struct text *rest, struct text literal)
{
    if (!text_starts_with(*rest, literal))
        return refused("no '%.*s' where one should be", TEXT_ARG(literal)), false;
    *rest = text_from_position(*rest, literal.length);
    return true;
}

static bool parse_part(struct text body, struct link_state_part *out)
{
    if (!take_literal(&body, TEXT(" ")))
        return false;
    struct text word = text_before(body, ' ');
    out->arguments = text_from_position(body, word.length + 1);
    for (unsigned i = 0; i < WORDS; i++) {
        if (!text_equals(word, text_from(words[i])))
            continue;
        out->word = (enum link_state_word)i;
        return true;
    }
    return refused("a part's word is not known"), false;
}

enum status link_state_parse(struct text bytes, struct link_state_packet *out)
{
    struct text body, part;
    *out = (struct link_state_packet){0};
    if (!take_counted(&bytes, &body) || !take_literal(&body, TEXT(" MULTI (5)")))
        return REFUSED;
    if (bytes.length > 0)
        return refused("something follows the packet");
    while (body.length > 0) {
        if (out->part_count == LINK_STATE_PARTS_MAX)
            return refused("more than %d parts", LINK_STATE_PARTS_MAX);
        if (!take_literal(&body, TEXT(" (")) || !take_counted(&body, &part) ||
            !take_literal(&body, TEXT(")")) || !parse_part(part, &out->parts[out->part_count]))
            return REFUSED;
        out->part_count++;
    }
    return out->part_count > 0 ? OK : refused("no parts");
}

static size_t part_length(const struct link_state_part *part)
{
    size_t arguments = part->arguments.length;
    return 1 + text_from(words[part->word]).length + (arguments > 0 ? 1 + arguments : 0);
}

void link_state_write(const struct link_state_packet *packet, struct buffer *out)
{
    size_t length = sizeof(" MULTI (5)") - 1;
    for (unsigned i = 0; i < packet->part_count; i++)
        length += sizeof(" ()") - 1 + LINK_STATE_COUNT_BYTES + part_length(&packet->parts[i]);
    buffer_printf(out, "{%08zx} MULTI (5)", length);
    for (unsigned i = 0; i < packet->part_count; i++) {
        const struct link_state_part *part = &packet->parts[i];
        buffer_printf(out, " ({%08zx} %s%s", part_length(part), words[part->word],
                      part->arguments.length > 0 ? " " : "");
        buffer_append(out, part->arguments);
        buffer_append_byte(out, ')');
    }
}

bool link_state_query_parse(struct text arguments, struct link_state_query *out)
{
    struct text version, extra;
    *out = (struct link_state_query){.organisation = TEXT(""), .digest = TEXT("")};
    text_word(&arguments, &out->organisation);
    text_word(&arguments, &out->digest);
    for (unsigned i = 0; i < 2; i++)
        if (!text_word(&arguments, &version) || version.length > 8 ||
            !is_hex(version, version.length))
            return false;
    return is_hex(out->organisation, LINK_STATE_DIGEST_BYTES) &&
           is_hex(out->digest, LINK_STATE_DIGEST_BYTES) && !text_word(&arguments, &extra);
}

bool link_state_counted(struct text arguments, struct text *bytes)
{
    return take_counted(&arguments, bytes) && arguments.length == 0;
}

/* Answers */

static bool is_table(struct text arguments)
{
    struct text table;
    return link_state_counted(arguments, &table) && table.length >= LINK_STATE_DIGEST_BYTES &&
           is_hex(text_head(table, LINK_STATE_DIGEST_BYTES), LINK_STATE_DIGEST_BYTES);
}

static const struct link_state_part nothing_to_add = {.word = LINK_STATE_DONE_RESPONSE};
static const struct link_state_part our_table = {
    .word = LINK_STATE_RESPONSE,
    .arguments = {"ORGINFO " EMPTY_TABLE, sizeof("ORGINFO " EMPTY_TABLE) - 1},
};

static enum status answer_part(const struct link_state_part *asked, struct link_state_part *answer)
{
    struct link_state_query query;
    *answer = our_table;
    switch (asked->word) {
    case LINK_STATE_DIGEST_QUERY:
        if (!link_state_query_parse(asked->arguments, &query))
            return refused("malformed DIGEST_QUERY");
        if (text_equals_nocase(query.digest, TEXT(EMPTY_DIGEST)))
            *answer = nothing_to_add;
        return OK;
    case LINK_STATE_ORGINFO: /* it changes nothing here, and the answer says so */
        return is_table(asked->arguments) ? OK : refused("malformed ORGINFO");
    case LINK_STATE_DONE:
        *answer = nothing_to_add;
        return text_is_empty(asked->arguments) ? OK : refused("malformed DONE");
    case LINK_STATE_REPORT:
    case LINK_STATE_RESPONSE:
    case LINK_STATE_DONE_RESPONSE:
        break;
    }
    return refused("an answer to nothing that was asked");
}

enum status link_state_answer(const struct link_state_packet *asked,
                              struct link_state_packet *answer)
{
    *answer = (struct link_state_packet){.part_count = asked->part_count};
    for (unsigned i = 0; i < asked->part_count; i++)
        if (answer_part(&asked->parts[i], &answer->parts[i]) != OK)
            return REFUSED;
    return OK;
}
