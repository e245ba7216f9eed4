/* `mailroot probe`: a host as the sender sees it. */
#include "admin/verbs_probe.h"

#include "admin/findings.h"
#include "admin/words.h"
#include "mail/address.h"
#include "queue/look/diagnose.h"
#include "queue/look/probe.h"

/* "mx.example.net", "mx.example.net:587", "[192.0.2.1]", "[192.0.2.1]:25". With a port it is that
 * host; without one it is looked for as mail to it would. */
static enum status take_target(struct text word, struct arena *arena, struct queue_probe *probe)
{
    size_t colon = text_find_last(word, ':');
    struct text host = word;
    uint32_t port = 0;
    bool is_literal = text_starts_with(word, TEXT("["));
    bool has_port =
        colon < word.length && (!is_literal || (colon > 0 && word.data[colon - 1] == ']'));
    if (has_port) {
        host = text_head(word, colon);
        if (!text_to_u32(text_from_position(word, colon + 1), &port) || port == 0 ||
            port > UINT16_MAX)
            return refused("'%.*s' ends with no port", TEXT_ARG(word));
    }
    probe->kind = has_port ? QUEUE_PROBE_HOST : QUEUE_PROBE_DOMAIN;
    probe->port = (uint16_t)port;
    probe->domain = host;
    if (!is_literal && !mail_domain_to_ascii(host, arena, &probe->domain))
        return refused("'%.*s' is no host name; an address stands in brackets", TEXT_ARG(host));
    return OK;
}

static enum status check_address(struct text address, struct arena *arena, struct text *out)
{
    struct mail_address parsed;
    if (mail_address_parse(address, arena, &parsed) != OK)
        return fail_within(REFUSED, "%.*s", TEXT_ARG(address));
    *out = mail_address_text(&parsed, arena);
    return OK;
}

static enum status take_envelope(struct admin_call *call, struct arena *arena,
                                 struct queue_probe *probe)
{
    struct text from, recipient;
    enum status status = verb_take_option(call, TEXT("--from"), &from);
    if (status == OK)
        status = verb_take_option(call, TEXT("--rcpt"), &recipient);
    if (status == OK && !text_is_empty(from))
        status = check_address(from, arena, &probe->from);
    if (status == OK && !text_is_empty(recipient))
        status = check_address(recipient, arena, &probe->recipient);
    probe->asks_recipient = !text_is_empty(probe->recipient);
    return status;
}

static enum status run(struct queue *queue, struct admin_call *call, struct arena *arena)
{
    struct queue_probe probe = {0};
    struct findings findings;
    findings_init(&findings, arena);
    enum status status = take_envelope(call, arena, &probe);
    if (status == OK)
        status = verb_take_option(call, TEXT("--connector"), &probe.connector);
    if (status == OK)
        status = verb_check_words(
            call, 1, 1, "probe HOST[:PORT] [--connector NAME] [--from ADDRESS] [--rcpt ADDRESS]");
    if (status == OK)
        status = take_target(call->words[0], arena, &probe);
    if (status == OK)
        status = queue_look(queue, &probe, &findings);
    if (status != OK)
        return status;
    findings_print(&findings, call->json, call->out);
    const struct finding *last = findings.count == 0 ? NULL : &findings.list[findings.count - 1];
    return last != NULL && last->level == FINDING_FAULT ? refused("mail would not get there now")
                                                        : OK;
}

enum status verb_probe(void *state, struct admin_call *call)
{
    struct arena arena;
    arena_init(&arena);
    enum status status = run(state, call, &arena);
    arena_finish(&arena);
    return status;
}

typedef enum status diagnose(struct queue *queue, const struct queue_diagnosis *question,
                             struct findings *findings);

static enum status run_diagnosis(diagnose *look, struct queue *queue, struct admin_call *call,
                                 struct arena *arena)
{
    struct queue_diagnosis question = {0};
    struct findings findings;
    findings_init(&findings, arena);
    enum status status = verb_take_option(call, TEXT("--from"), &question.from);
    if (status == OK && !text_is_empty(question.from))
        status = check_address(question.from, arena, &question.from);
    if (status == OK)
        status = verb_take_option(call, TEXT("--login"), &question.login);
    if (status == OK)
        status = verb_check_words(
            call, 1, 1, "diagnose outbound|inbound ADDRESS [--from ADDRESS] [--login USER]");
    if (status != OK)
        return status;
    question.address = call->words[0];
    status = look(queue, &question, &findings);
    enum status found = findings_conclude(&findings, call->json, call->out);
    return status != OK ? try_later("the server cannot be asked about all of it") : found;
}

enum status verb_diagnose_outbound(void *state, struct admin_call *call)
{
    struct arena arena;
    arena_init(&arena);
    enum status status = run_diagnosis(queue_diagnose_outbound, state, call, &arena);
    arena_finish(&arena);
    return status;
}

enum status verb_diagnose_inbound(void *state, struct admin_call *call)
{
    struct arena arena;
    arena_init(&arena);
    enum status status = run_diagnosis(queue_diagnose_inbound, state, call, &arena);
    arena_finish(&arena);
    return status;
}

/* "<>" stays what it is. */
static enum status check_sender(struct text from, struct arena *arena, struct text *out)
{
    *out = from;
    return text_is_empty(from) || text_equals(from, TEXT("<>")) ? OK
                                                                : check_address(from, arena, out);
}

static enum status take_stranger(struct admin_call *call, struct arena *arena,
                                 struct queue_stranger *stranger)
{
    struct text from = TEXT(""), to = TEXT("");
    enum status status = verb_take_option(call, TEXT("--from"), &from);
    if (status == OK)
        status = verb_take_option(call, TEXT("--to"), &to);
    if (status == OK)
        status = verb_take_option(call, TEXT("--server"), &stranger->server);
    if (status == OK)
        status = verb_check_words(
            call, 1, 1, "filter check IP-ADDRESS [--from ADDRESS] [--to ADDRESS] [--server NAME]");
    if (status == OK)
        status = check_sender(from, arena, &stranger->from);
    if (status == OK && !text_is_empty(to))
        status = check_address(to, arena, &stranger->to);
    if (status == OK && !net_address_parse(call->words[0], 0, &stranger->address))
        status =
            refused("'%.*s' is no address of a host", TEXT_ARG(text_head(call->words[0], 100)));
    return status;
}

enum status verb_filter_check(void *state, struct admin_call *call)
{
    struct arena arena;
    struct findings findings;
    struct queue_stranger stranger = {0};
    arena_init(&arena);
    findings_init(&findings, &arena);
    enum status status = take_stranger(call, &arena, &stranger);
    if (status == OK)
        status = queue_diagnose_filters(state, &stranger, &findings);
    if (status == OK) {
        findings_print(&findings, call->json, call->out);
        const struct finding *fault = findings_first(&findings, FINDING_FAULT);
        if (fault != NULL)
            status = refused("it would not be taken: %.*s", TEXT_ARG(fault->step));
    }
    arena_finish(&arena);
    return status;
}
