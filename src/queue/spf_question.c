#include "queue/spf_question.h"

#include "base/clock.h"
#include "mail/address.h"
#include "queue/internal.h"

enum { QUESTION_MAX = 2048, TEXTS_MAX = SPF_RECORD_MAX };

void spf_question_encode(const struct spf_question *question, struct buffer *out)
{
    char ip[NET_ADDRESS_TEXT_BYTES];
    struct text literal = text_from(net_address_literal(&question->ip, ip));
    bool is_v6 = text_starts_with(literal, TEXT("IPv6:"));
    wire_put_text(out, text_from_position(literal, is_v6 ? TEXT("IPv6:").length : 0));
    wire_put_text(out, question->helo);
    wire_put_text(out, question->domain);
    wire_put_text(out, question->sender);
    wire_put_u8(out, (uint8_t)question->scope);
    wire_put_u8(out, question->wants_steps);
}

bool spf_question_decode(struct text bytes, struct spf_question *out)
{
    struct wire_reader in = wire_reader_of(bytes);
    *out = (struct spf_question){0};
    struct text ip = wire_get_text(&in);
    out->helo = wire_get_text(&in);
    out->domain = wire_get_text(&in);
    out->sender = wire_get_text(&in);
    uint8_t scope = wire_get_u8(&in), steps = wire_get_u8(&in);
    out->scope = (enum spf_scope)scope;
    out->wants_steps = steps == 1;
    return wire_end(&in) && net_address_parse(ip, 0, &out->ip) && scope <= SPF_SCOPE_PRA &&
           steps <= 1 && out->helo.length <= MAIL_DOMAIN_MAX &&
           out->domain.length <= MAIL_DOMAIN_MAX && out->sender.length <= MAIL_ADDRESS_MAX;
}

static void put_steps(const struct spf_decision *decision, struct buffer *out)
{
    wire_put_u16(out, (uint16_t)decision->step_count);
    for (unsigned i = 0; i < decision->step_count; i++) {
        const struct spf_step *step = &decision->steps[i];
        wire_put_u8(out, (uint8_t)step->depth);
        wire_put_text(out, text_head(step->domain, SPF_NAME_MAX));
        wire_put_text(out, text_head(step->term, TEXTS_MAX));
        wire_put_text(out, text_head(step->what, TEXTS_MAX));
    }
}

void spf_decision_encode(const struct spf_decision *decision, bool steps, struct buffer *out)
{
    static const struct spf_decision no_steps = {0};
    wire_put_u8(out, (uint8_t)decision->result);
    wire_put_u8(out, (uint8_t)decision->lookups);
    wire_put_text(out, text_head(decision->domain, SPF_NAME_MAX));
    wire_put_text(out, text_head(decision->term, SPF_TERM_SHOWN_MAX));
    wire_put_text(out, text_head(decision->problem, SPF_EXPLANATION_MAX));
    wire_put_text(out, decision->explanation);
    put_steps(steps ? decision : &no_steps, out);
}

/* It comes from records of strangers, by a role that reads them. */
static bool is_printable(struct text text, size_t most)
{
    for (size_t i = 0; i < text.length; i++)
        if (text.data[i] < ' ' || text.data[i] > '~')
            return false;
    return text.length <= most;
}

static bool get_steps(struct wire_reader *in, struct arena *arena, struct spf_decision *out)
{
    unsigned count = wire_get_u16(in);
    if (count > SPF_STEPS_MAX)
        return false;
    out->steps = arena_array(arena, count, sizeof(*out->steps));
    for (out->step_count = 0; out->step_count < count; out->step_count++) {
        struct spf_step *step = &out->steps[out->step_count];
        step->depth = wire_get_u8(in);
        step->domain = wire_get_text(in);
        step->term = wire_get_text(in);
        step->what = wire_get_text(in);
    }
    return true;
}

bool spf_decision_decode(struct text bytes, struct arena *arena, struct spf_decision *out)
{
    struct wire_reader in = wire_reader_of(bytes);
    *out = (struct spf_decision){0};
    uint8_t result = wire_get_u8(&in);
    out->result = (enum spf_result)result;
    out->lookups = wire_get_u8(&in);
    out->domain = wire_get_text(&in);
    out->term = wire_get_text(&in);
    out->problem = wire_get_text(&in);
    out->explanation = wire_get_text(&in);
    return get_steps(&in, arena, out) && wire_end(&in) && result < SPF_RESULTS &&
           is_printable(out->domain, SPF_NAME_MAX) && is_printable(out->term, SPF_TERM_SHOWN_MAX) &&
           is_printable(out->problem, SPF_EXPLANATION_MAX) &&
           is_printable(out->explanation, SPF_EXPLANATION_MAX);
}

struct spf_decision spf_ask(struct rpc_channel *send, const struct spf_question *question,
                            struct arena *arena)
{
    struct spf_decision decision;
    struct buffer request;
    struct rpc_reply reply = {0};
    buffer_init(&request, QUESTION_MAX);
    spf_question_encode(question, &request);
    enum status status = rpc_ask(send, SEND_SPF, buffer_text(&request), -1,
                                 clock_monotonic_ms() + SPF_WAIT_MS + SPF_ON_THE_WAY_MS, &reply);
    buffer_finish(&request);
    if (status == OK &&
        !spf_decision_decode(arena_copy(arena, buffer_text(&reply.bytes)), arena, &decision))
        status = try_later("the answer is malformed");
    if (status != OK)
        decision = (struct spf_decision){
            .result = SPF_TEMPERROR,
            .problem = arena_copy(arena, text_head(text_from(fail_reason()), SPF_EXPLANATION_MAX))};
    rpc_reply_finish(&reply);
    return decision;
}

enum status queue_spf_check(struct queue *queue, const struct spf_question *question,
                            struct arena *arena, struct spf_decision *out)
{
    if (queue->send == NULL)
        return try_later("the server is not running (mailroot serve)");
    *out = spf_ask(queue->send, question, arena);
    return OK;
}
