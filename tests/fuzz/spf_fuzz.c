/* SPF: the first line is a record, the others answers of DNS. Oracle: a record that is taken is
 * made of its own terms, and these make a record that reads the same; the evaluation ends, keeps
 * its limits of look-ups, asks for names alone, and says the same when it is done again. */
#include "base/check.h"
#include "decide/spf.h"
#include "decide/spf_macro.h"
#include "decide/spf_name.h"

/* 4.6.4: ten terms of ten hosts, the records themselves, names by PTR, and an explanation. */
enum { ASKED_MOST = 11 + SPF_LOOKUPS_MAX * (SPF_HOSTS_MAX + 1) + SPF_HOSTS_MAX + 2 };

struct script {
    struct text answers, rest;
    unsigned asked;
};

static struct text next_answer(struct script *script)
{
    struct text answer = TEXT("");
    if (!text_split(&script->rest, '\n', &answer)) {
        script->rest = script->answers;
        text_split(&script->rest, '\n', &answer);
    }
    return answer;
}

/* One answer is a line; its words are the records, "!" a failure. */
static enum status look_up(void *context, enum resolver_kind kind, struct text name,
                           struct arena *arena, struct resolver_records *out)
{
    struct script *script = context;
    struct text answer = next_answer(script), word;
    check(spf_name_is_valid(name));
    check(++script->asked <= ASKED_MOST);
    if (text_equals(answer, TEXT("!")))
        return try_later("DNS failed");
    *out = (struct resolver_records){
        .exists = answer.length > 0,
        .addresses = arena_array(arena, answer.length + 1, sizeof(*out->addresses)),
        .texts = arena_array(arena, answer.length + 1, sizeof(*out->texts))};
    if (kind == RESOLVER_TXT && answer.length > 0) {
        out->texts[out->count++] = answer;
        return OK;
    }
    while (text_word(&answer, &word))
        if (kind == RESOLVER_MX || kind == RESOLVER_PTR)
            out->texts[out->count++] = word;
        else
            out->count += net_address_parse(word, 0, &out->addresses[out->count]);
    return OK;
}

static struct spf_decision evaluate(struct text answers, struct arena *arena)
{
    static struct net_address ip;
    struct script script = {.answers = answers, .rest = answers};
    check(net_address_parse(TEXT("192.0.2.1"), 0, &ip));
    struct spf_facts facts = {.ip = &ip,
                              .helo = TEXT("helo.example"),
                              .domain = TEXT("example.com"),
                              .sender = TEXT("a-b+c@sub.example.com"),
                              .receiver = TEXT("mx.example"),
                              .now_s = 1};
    struct spf_decision decision = decide_spf(&facts, look_up, &script, arena);
    check(decision.result < SPF_RESULTS && decision.lookups <= SPF_LOOKUPS_MAX);
    check(decision.step_count <= SPF_STEPS_MAX);
    check(decision.explanation.length <= SPF_EXPLANATION_MAX);
    check(text_is_empty(decision.explanation) || decision.result == SPF_FAIL);
    for (size_t i = 0; i < decision.explanation.length; i++)
        check(decision.explanation.data[i] >= ' ' && decision.explanation.data[i] <= '~');
    bool is_trouble = decision.result == SPF_NONE || decision.result >= SPF_TEMPERROR;
    check(is_trouble == !text_is_empty(decision.problem));
    return decision;
}

static void parse(struct text record, struct arena *arena)
{
    struct spf_record parsed, again;
    struct buffer written;
    if (spf_record_parse(record, arena, &parsed) != OK)
        return;
    buffer_init(&written, record.length + 64);
    buffer_append(&written, TEXT("v=spf1"));
    for (unsigned i = 0; i < parsed.count; i++) {
        const struct spf_directive *directive = &parsed.directives[i];
        check(directive->term.data >= record.data &&
              directive->term.data + directive->term.length <= record.data + record.length);
        check(directive->v4_bits <= 32 && directive->v6_bits <= 128);
        check(text_is_empty(directive->domain) ||
              spf_macro_check(directive->domain, SPF_MACRO_DOMAIN));
        buffer_printf(&written, " %.*s", TEXT_ARG(directive->term));
    }
    if (!text_is_empty(parsed.redirect))
        buffer_printf(&written, " redirect=%.*s", TEXT_ARG(parsed.redirect));
    if (!text_is_empty(parsed.exp))
        buffer_printf(&written, " exp=%.*s", TEXT_ARG(parsed.exp));
    check(spf_record_parse(buffer_text(&written), arena, &again) == OK);
    check(again.count == parsed.count && text_equals(again.redirect, parsed.redirect) &&
          text_equals(again.exp, parsed.exp));
    for (unsigned i = 0; i < parsed.count; i++)
        check(again.directives[i].mechanism == parsed.directives[i].mechanism &&
              again.directives[i].result == parsed.directives[i].result &&
              text_equals(again.directives[i].domain, parsed.directives[i].domain));
    buffer_finish(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct text input = text_of(data, size);
    arena_init(&arena);
    parse(text_before(input, '\n'), &arena);
    struct spf_decision once = evaluate(input, &arena), again = evaluate(input, &arena);
    check(once.result == again.result && once.lookups == again.lookups);
    check(text_equals(once.term, again.term) && text_equals(once.problem, again.problem));
    arena_finish(&arena);
    return 0;
}
