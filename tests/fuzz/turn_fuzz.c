/* ETRN's and ATRN's arguments, and the calls they become. The first byte chooses. Oracle: what was
 * parsed, printed and parsed again, is the same; nothing that leaves a parser holds a control byte,
 * nor more domains than were allowed. */
#include <stdlib.h>

#include "base/check.h"
#include "directory/turn.h"
#include "proto/smtp/server/smtp_turn_grammar.h"

static void check_name(struct text name)
{
    check(name.length > 0 && name.length <= 255);
    for (size_t i = 0; i < name.length; i++)
        check((unsigned char)name.data[i] > 32 && name.data[i] != 127);
}

static void try_etrn(struct text line, struct arena *arena)
{
    static const char *const marks[] = {"", "@", "#"};
    struct smtp_etrn etrn, again;
    if (!smtp_parse_etrn(line, arena, &etrn))
        return;
    check_name(etrn.node);
    check(smtp_parse_etrn(arena_printf(arena, "%s%.*s", marks[etrn.kind], TEXT_ARG(etrn.node)),
                          arena, &again));
    check(again.kind == etrn.kind && text_equals(again.node, etrn.node));
    struct queue_etrn call = {.kind = etrn.kind, .node = etrn.node, .peer = TEXT("a:1")}, read;
    struct buffer bytes;
    buffer_init(&bytes, 4096);
    queue_etrn_encode(&call, &bytes);
    check(queue_etrn_decode(buffer_text(&bytes), &read));
    check(read.kind == call.kind && text_equals(read.node, call.node));
    buffer_finish(&bytes);
}

static struct text joined(const struct text *domains, unsigned count, struct arena *arena)
{
    struct text all = TEXT("");
    for (unsigned i = 0; i < count; i++)
        all = arena_printf(arena, "%.*s%s%.*s", TEXT_ARG(all), i > 0 ? "," : "",
                           TEXT_ARG(domains[i]));
    return all;
}

static void try_atrn(struct text line, struct arena *arena)
{
    enum { MOST = 5 };
    struct text *domains, *again;
    unsigned count, again_count;
    if (!smtp_parse_atrn(line, MOST, arena, &domains, &count))
        return;
    check(count <= MOST);
    for (unsigned i = 0; i < count; i++) {
        check_name(domains[i]);
        for (unsigned k = 0; k < i; k++)
            check(!text_equals_nocase(domains[i], domains[k]));
    }
    check(smtp_parse_atrn(joined(domains, count, arena), MOST, arena, &again, &again_count));
    check(again_count == count);
    for (unsigned i = 0; i < count; i++)
        check(text_equals(domains[i], again[i]));
}

static void try_calls(struct text bytes, struct arena *arena)
{
    struct directory_turn turn, again;
    struct queue_etrn etrn;
    struct queue_turn told;
    enum directory_turn_verdict verdict;
    (void)directory_turn_get_verdict(bytes, &verdict);
    if (queue_etrn_decode(bytes, &etrn))
        check_name(etrn.node);
    if (queue_turn_decode(bytes, &told))
        check(told.id != 0);
    if (!directory_turn_decode(bytes, arena, &turn))
        return;
    check(turn.domain_count <= DIRECTORY_TURN_DOMAINS_MAX);
    for (unsigned i = 0; i < turn.domain_count; i++)
        check_name(turn.domains[i]);
    struct buffer encoded;
    buffer_init(&encoded, 1 << 20);
    directory_turn_encode(&turn, &encoded);
    check(text_equals(buffer_text(&encoded), bytes));
    check(directory_turn_decode(buffer_text(&encoded), arena, &again));
    buffer_finish(&encoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    if (size == 0 || size > 8192)
        return 0;
    arena_init(&arena);
    struct text rest = text_of(data + 1, size - 1);
    if (data[0] == 'e')
        try_etrn(rest, &arena);
    else if (data[0] == 'a')
        try_atrn(rest, &arena);
    else
        try_calls(rest, &arena);
    arena_finish(&arena);
    return 0;
}
