/* `mailroot route`: which way a message would go. */
#include "admin/verbs_route.h"

#include <inttypes.h>

#include "admin/words.h"
#include "queue/queue.h"

static void print_place(struct buffer *out, const struct setting_place *place)
{
    if (place->line > 0)
        buffer_printf(out, "   # %.*s:%u", TEXT_ARG(place->file), place->line);
    buffer_append_byte(out, '\n');
}

static void print_line_json(struct buffer *out, const struct queue_route_line *line)
{
    buffer_printf(out, "{\"kind\":\"%s\"", line->kind);
    verb_json_field(out, "target", line->target);
    verb_json_field(out, "connector", line->connector);
    verb_json_field(out, "space", line->space);
    buffer_printf(out, ",\"cost\":%" PRIu32, line->cost);
    verb_json_field(out, "hosts", line->hosts);
    verb_json_field(out, "to", line->to);
    verb_json_field(out, "way", line->way);
    verb_json_field(out, "reason", line->reason);
    verb_json_field(out, "note", line->note);
    verb_json_field(out, "file", line->place.file);
    buffer_printf(out, ",\"line\":%u}\n", line->place.line);
}

static void print_line(void *context, const struct queue_route_line *line)
{
    struct admin_call *call = context;
    struct buffer *out = call->out;
    bool is_other = text_equals(text_from(line->kind), TEXT("other"));
    if (call->json) {
        print_line_json(out, line);
        return;
    }
    if (is_other)
        buffer_printf(out, "    not by connector %.*s", TEXT_ARG(line->connector));
    else
        buffer_printf(out, "%.*s: %s", TEXT_ARG(line->target), line->kind);
    if (!is_other && !text_is_empty(line->connector))
        buffer_printf(out, " by connector %.*s", TEXT_ARG(line->connector));
    if (!text_is_empty(line->to))
        buffer_printf(out, " towards %.*s", TEXT_ARG(line->to));
    if (!text_is_empty(line->way))
        buffer_printf(out, " over %.*s", TEXT_ARG(line->way));
    if (!text_is_empty(line->space))
        buffer_printf(out, " (%.*s cost %" PRIu32 ")", TEXT_ARG(line->space), line->cost);
    if (!text_is_empty(line->hosts))
        buffer_printf(out, " to %.*s", TEXT_ARG(line->hosts));
    if (!text_is_empty(line->reason))
        buffer_printf(out, ": %.*s", TEXT_ARG(line->reason));
    if (!text_is_empty(line->note))
        buffer_printf(out, " [%.*s]", TEXT_ARG(line->note));
    print_place(out, &line->place);
}

static enum status take_priority(struct admin_call *call, int *priority)
{
    static const char *const words[] = {"low", "normal", "high"};
    struct text word;
    enum status status = verb_take_option(call, TEXT("--priority"), &word);
    if (status != OK || text_is_empty(word))
        return status;
    for (int i = 0; i < 3; i++) {
        if (!text_equals(word, text_from(words[i])))
            continue;
        *priority = i - 1;
        return OK;
    }
    return refused("--priority is low, normal or high");
}

enum status verb_route(void *state, struct admin_call *call)
{
    static const char usage[] = "route ADDRESS [--from ADDRESS] [--login USER] [--server NAME] "
                                "[--size N] [--priority low|normal|high]";
    struct queue_route_question question = {0};
    enum status status = verb_take_option(call, TEXT("--from"), &question.from);
    if (status == OK)
        status = verb_take_option(call, TEXT("--login"), &question.login);
    if (status == OK)
        status = verb_take_option(call, TEXT("--server"), &question.server);
    if (status == OK)
        status = verb_take_size(call, TEXT("--size"), &question.size);
    if (status == OK)
        status = take_priority(call, &question.priority);
    if (status == OK)
        status = verb_check_words(call, 1, 1, usage);
    if (status != OK)
        return status;
    question.to = call->words[0];
    return queue_route(state, &question, print_line, call);
}
