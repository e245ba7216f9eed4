/* What is sorted and threaded by, from hostile headers. Oracle: every fact keeps its bounds, and
 * "Re: " before a subject changes nothing but that it is an answer. */
#include <stdint.h>

#include "base/check.h"
#include "mail/header.h"
#include "mail/subject.h"
#include "proto/imap/search/imap_facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_bounds(const struct imap_facts *facts)
{
    for (unsigned i = 0; i < FACTS; i++) {
        check(facts->texts[i].length <= FACT_BYTES_MAX);
        check(text_find(facts->texts[i], '\0') == facts->texts[i].length);
    }
    check(facts->id.length == 0 || facts->id.length == FACT_ID_BYTES);
    check(facts->references.length % FACT_ID_BYTES == 0);
    check(facts->references.length <= FACT_REFERENCES_MAX * FACT_ID_BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text header = text_of(data, size);
    struct arena arena;
    struct imap_facts facts;
    struct header_field field;
    bool is_reply;
    if (size > 1 << 16)
        return 0;
    arena_init(&arena);
    imap_facts_of(header, NULL, &arena, &facts);
    expect_bounds(&facts);
    if (header_find(header, TEXT("Subject"), &field)) {
        struct text subject = header_unfold(field.body, &arena);
        struct text base = mail_subject_base(subject, NULL, &arena, &is_reply);
        struct text answer = arena_printf(&arena, "Re: %.*s", TEXT_ARG(subject));
        /* printf stops at a NUL. */
        if (answer.length == subject.length + 4) {
            check(text_equals(base, mail_subject_base(answer, NULL, &arena, &is_reply)));
            check(is_reply);
        }
    }
    arena_finish(&arena);
    return 0;
}
