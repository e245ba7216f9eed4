/* The calls of a probe, as the two roles read them from each other. The first byte chooses. Oracle:
 * what is read and written again is the same bytes; nothing in a question could end a line of SMTP,
 * and findings keep their bounds. */
#include <stdlib.h>

#include "base/check.h"
#include "queue/look/probe.h"

static void check_word(struct text word)
{
    for (size_t i = 0; i < word.length; i++)
        check((unsigned char)word.data[i] > ' ' && word.data[i] != 127);
}

static void try_question(struct text bytes)
{
    struct queue_probe probe;
    struct buffer again;
    if (!queue_probe_decode(bytes, &probe))
        return;
    check_word(probe.domain);
    check_word(probe.from);
    check_word(probe.recipient);
    buffer_init(&again, bytes.length);
    queue_probe_encode(&probe, &again);
    check(text_equals(buffer_text(&again), bytes));
    buffer_finish(&again);
}

static void try_findings(struct text bytes, struct arena *arena)
{
    struct findings findings;
    struct buffer again;
    findings_init(&findings, arena);
    if (!findings_decode(bytes, &findings))
        return;
    check(findings.count <= FINDINGS_MAX);
    for (unsigned i = 0; i < findings.count; i++)
        check(findings.list[i].level < FINDING_LEVELS);
    buffer_init(&again, bytes.length);
    findings_encode(&findings, &again);
    check(text_equals(buffer_text(&again), bytes));
    buffer_finish(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    if (size == 0)
        return 0;
    struct text bytes = text_of(data + 1, size - 1);
    arena_init(&arena);
    if (data[0] % 2 == 0)
        try_question(bytes);
    else
        try_findings(bytes, &arena);
    arena_finish(&arena);
    return 0;
}
