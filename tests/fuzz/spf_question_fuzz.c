/* What fronts ask of send about SPF, and what it answers. Oracle: what is taken keeps its limits,
 * is printable where it is to stand in a header, and written anew it reads the same. */
#include "base/check.h"
#include "mail/address.h"
#include "queue/spf_question.h"

static void check_question(struct text bytes)
{
    struct spf_question question, again;
    struct buffer out;
    if (!spf_question_decode(bytes, &question))
        return;
    check(question.scope <= SPF_SCOPE_PRA && question.domain.length <= MAIL_DOMAIN_MAX);
    buffer_init(&out, bytes.length + NET_ADDRESS_TEXT_BYTES);
    spf_question_encode(&question, &out);
    check(spf_question_decode(buffer_text(&out), &again));
    check(net_address_same_host(&again.ip, &question.ip) &&
          text_equals(again.domain, question.domain) &&
          text_equals(again.sender, question.sender) && text_equals(again.helo, question.helo));
    buffer_finish(&out);
}

static void check_printable(struct text text)
{
    for (size_t i = 0; i < text.length; i++)
        check(text.data[i] >= ' ' && text.data[i] <= '~');
}

static void check_answer(struct text bytes, struct arena *arena)
{
    struct spf_decision decision, again;
    struct buffer out;
    if (!spf_decision_decode(bytes, arena, &decision))
        return;
    check(decision.result < SPF_RESULTS && decision.step_count <= SPF_STEPS_MAX);
    check_printable(decision.domain);
    check_printable(decision.term);
    check_printable(decision.problem);
    check_printable(decision.explanation);
    buffer_init(&out, bytes.length);
    spf_decision_encode(&decision, true, &out);
    check(spf_decision_decode(buffer_text(&out), arena, &again));
    check(again.step_count == decision.step_count && text_equals(again.term, decision.term) &&
          text_equals(again.explanation, decision.explanation));
    buffer_finish(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    arena_init(&arena);
    check_question(text_of(data, size));
    check_answer(text_of(data, size), &arena);
    arena_finish(&arena);
    return 0;
}
