#include "main/spf_answers.h"

#include "base/clock.h"
#include "queue/spf_question.h"

enum { ANSWER_MAX = 1 << 20 };

struct looking {
    struct resolver *resolver;
    int64_t deadline_ms; /* of the whole evaluation */
};

static enum status look_up(void *context, enum resolver_kind kind, struct text name,
                           struct arena *arena, struct resolver_records *out)
{
    const struct looking *looking = context;
    return resolver_find_records(looking->resolver, kind, name, looking->deadline_ms, arena, out);
}

/* YIELDS. */
static void answer(struct resolver *resolver, struct text receiver,
                   const struct spf_question *question, struct buffer *out)
{
    struct arena arena;
    struct looking looking = {resolver, clock_monotonic_ms() + SPF_WAIT_MS};
    struct spf_facts facts = {.ip = &question->ip,
                              .helo = question->helo,
                              .domain = question->domain,
                              .sender = question->sender,
                              .receiver = receiver,
                              .scope = question->scope,
                              .now_s = clock_wall_ms() / SECOND};
    arena_init(&arena);
    struct spf_decision decision = decide_spf(&facts, look_up, &looking, &arena);
    spf_decision_encode(&decision, question->wants_steps, out);
    arena_finish(&arena);
}

void spf_answers_serve(struct peer_names *names, struct text receiver, struct rpc_call *call,
                       struct text request)
{
    struct arena arena;
    struct spf_question question;
    struct resolver *resolver;
    struct buffer out;
    arena_init(&arena);
    receiver = arena_copy(&arena, receiver); /* settings may go meanwhile */
    buffer_init(&out, ANSWER_MAX);
    if (!spf_question_decode(request, &question)) {
        rpc_fail(&call, REFUSED, "malformed request");
    } else if (peer_names_begin(names, &resolver) != OK) {
        rpc_fail(&call, TRY_LATER, fail_reason());
    } else {
        answer(resolver, receiver, &question, &out);
        peer_names_end(names);
        if (out.overflowed)
            rpc_fail(&call, TRY_LATER, "the answer is too long");
        else
            rpc_answer(&call, buffer_text(&out));
    }
    buffer_finish(&out);
    arena_finish(&arena);
}
