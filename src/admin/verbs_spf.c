/* `mailroot spf check`: an evaluation, term by term. */
#include "admin/verbs_spf.h"

#include "admin/words.h"
#include "mail/address.h"
#include "queue/spf_question.h"

static const char usage[] = "spf check IP SENDER|DOMAIN [HELO] [--scope spf|mfrom|pra]";

static enum status take_scope(struct admin_call *call, enum spf_scope *out)
{
    static const char *const words[] = {
        [SPF_SCOPE_SPF] = "spf", [SPF_SCOPE_MFROM] = "mfrom", [SPF_SCOPE_PRA] = "pra"};
    struct text word;
    enum status status = verb_take_option(call, TEXT("--scope"), &word);
    *out = SPF_SCOPE_SPF;
    if (status != OK || text_is_empty(word))
        return status;
    for (enum spf_scope scope = SPF_SCOPE_SPF; scope <= SPF_SCOPE_PRA; scope++)
        if (text_equals(word, text_from(words[scope]))) {
            *out = scope;
            return OK;
        }
    return refused("--scope is spf, mfrom or pra (RFC 4406)");
}

static enum status take_sender(struct text word, struct arena *arena, struct spf_question *question)
{
    struct mail_address address;
    if (text_find(word, '@') == word.length) {
        question->sender = word;
        if (!mail_domain_to_ascii(word, arena, &question->domain))
            return refused("'%.*s' is no domain", TEXT_ARG(word));
        return OK;
    }
    if (mail_address_parse(word, arena, &address) != OK)
        return fail_within(REFUSED, "%.*s", TEXT_ARG(word));
    question->sender = mail_address_text(&address, arena);
    question->domain = address.domain_ascii;
    return OK;
}

static enum status take_question(struct admin_call *call, struct arena *arena,
                                 struct spf_question *question)
{
    *question = (struct spf_question){.wants_steps = true};
    enum status status = take_scope(call, &question->scope);
    if (status == OK)
        status = verb_check_words(call, 2, 3, usage);
    if (status != OK)
        return status;
    if (!net_address_parse(call->words[0], 0, &question->ip))
        return refused("'%.*s' is no address of a host", TEXT_ARG(call->words[0]));
    question->helo = call->count > 2 ? call->words[2] : TEXT("unknown");
    if (question->helo.length > MAIL_DOMAIN_MAX)
        return refused("'%.*s' is no host name", TEXT_ARG(call->words[2]));
    return take_sender(call->words[1], arena, question);
}

/* Text */

static void print_step(const struct spf_step *step, struct buffer *out)
{
    buffer_printf(out, "%*s", (int)(2 * step->depth), "");
    if (text_is_empty(step->term)) {
        verb_clean(out, step->domain);
        buffer_append(out, TEXT(": "));
        verb_clean(out, step->what);
    } else {
        buffer_append(out, TEXT("  "));
        verb_clean(out, step->term);
        buffer_append(out, TEXT("  ->  "));
        verb_clean(out, step->what);
    }
    buffer_append(out, TEXT("\n"));
}

static void print(const struct spf_decision *decision, struct buffer *out)
{
    for (unsigned i = 0; i < decision->step_count; i++)
        print_step(&decision->steps[i], out);
    buffer_printf(out, "result: %s", spf_result_name(decision->result));
    if (!text_is_empty(decision->term))
        buffer_printf(out, " by %.*s", TEXT_ARG(decision->term));
    if (!text_is_empty(decision->domain))
        buffer_printf(out, " of %.*s", TEXT_ARG(decision->domain));
    if (!text_is_empty(decision->problem))
        buffer_printf(out, " (%.*s)", TEXT_ARG(decision->problem));
    buffer_printf(out, "\nlook-ups: %u of %d\n", decision->lookups, SPF_LOOKUPS_MAX);
    if (!text_is_empty(decision->explanation))
        buffer_printf(out, "explanation: %.*s\n", TEXT_ARG(decision->explanation));
}

/* JSON */

static void print_json(const struct spf_decision *decision, struct buffer *out)
{
    for (unsigned i = 0; i < decision->step_count; i++) {
        const struct spf_step *step = &decision->steps[i];
        buffer_printf(out, "{\"depth\":%u", step->depth);
        verb_json_field(out, "domain", step->domain);
        verb_json_field(out, "term", step->term);
        verb_json_field(out, "what", step->what);
        buffer_append(out, TEXT("}\n"));
    }
    buffer_printf(out, "{\"lookups\":%u", decision->lookups);
    verb_json_field(out, "result", text_from(spf_result_name(decision->result)));
    verb_json_field(out, "domain", decision->domain);
    verb_json_field(out, "term", decision->term);
    verb_json_field(out, "problem", decision->problem);
    verb_json_field(out, "explanation", decision->explanation);
    buffer_append(out, TEXT("}\n"));
}

static enum status run(struct queue *queue, struct admin_call *call, struct arena *arena)
{
    struct spf_question question;
    struct spf_decision decision;
    enum status status = take_question(call, arena, &question);
    if (status == OK)
        status = queue_spf_check(queue, &question, arena, &decision);
    if (status != OK)
        return status;
    if (call->json)
        print_json(&decision, call->out);
    else
        print(&decision, call->out);
    return OK;
}

enum status verb_spf_check(void *state, struct admin_call *call)
{
    struct arena arena;
    arena_init(&arena);
    enum status status = run(state, call, &arena);
    arena_finish(&arena);
    return status;
}
