/* Sieve: any script compiles or says why not; what compiles ends, and leaves the message somewhere.
 * Printed and compiled again, it prints as the same and does the same. The input is a script, and
 * behind a NUL the message. */
#include "printed_script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool yes(void *context, struct text key)
{
    unused(context);
    return key.length % 2 == 0;
}

static bool include(void *context, bool is_global, struct text name, struct text *source)
{
    unused(is_global);
    *source = *(const struct text *)context;
    return name.length > 0;
}

static void run(const struct sieve_script *script, struct text message, struct arena *arena,
                struct sieve_result *result)
{
    struct sieve_message facts = {.bytes = message,
                                  .size = message.length,
                                  .sender = TEXT("a@b.test"),
                                  .recipient = TEXT("c+d@e.test")};
    struct sieve_world world = {.user = TEXT("c@e.test"), .mailbox_exists = yes, .was_seen = yes};
    sieve_run(script, &facts, &world, arena, result);
    check(result->action_count <= SIEVE_ACTIONS_MAX + 1);
    bool kept = false;
    for (unsigned i = 0; i < result->action_count; i++)
        kept |=
            result->actions[i].kind != SIEVE_VACATION && result->actions[i].kind != SIEVE_NOTIFY;
    check(kept);
    check(result->error.length == 0 || result->action_count == 1);
}

/* But for the lines of the script that they came from. */
static void expect_same(const struct sieve_result *a, const struct sieve_result *b)
{
    check(a->action_count == b->action_count && a->seen_count == b->seen_count);
    check(a->header_changed == b->header_changed && text_equals(a->header, b->header));
    check((a->error.length == 0) == (b->error.length == 0));
    for (unsigned i = 0; i < a->action_count; i++) {
        const struct sieve_action *one = &a->actions[i], *other = &b->actions[i];
        check(one->kind == other->kind && one->flag_count == other->flag_count);
        check(text_equals(one->mailbox, other->mailbox));
        check(text_equals(one->address, other->address));
        check(text_equals(one->text, other->text));
        check(text_equals(one->subject, other->subject));
        check(one->seconds == other->seconds && one->create == other->create);
    }
}

static void run_printed(const struct sieve_script *script, const struct sieve_library *library,
                        struct text message)
{
    struct buffer printed, again, error;
    struct sieve_script *copy;
    struct sieve_result result, other;
    struct arena arena;
    arena_init(&arena);
    buffer_init(&printed, SIEVE_SCRIPT_MAX);
    buffer_init(&again, SIEVE_SCRIPT_MAX);
    buffer_init(&error, 10000);
    print_script(script, &printed);
    if (!printed.overflowed) {
        check(sieve_compile(buffer_text(&printed), library, &error, &copy) == OK);
        print_script(copy, &again);
        check(text_equals(buffer_text(&printed), buffer_text(&again)));
        run(script, message, &arena, &result);
        run(copy, message, &arena, &other);
        expect_same(&result, &other);
        sieve_script_free(&copy);
    }
    buffer_finish(&printed);
    buffer_finish(&again);
    buffer_finish(&error);
    arena_finish(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text all = text_of(data, size), source = text_before(all, '\0');
    struct sieve_library library = {.context = &source, .find = include};
    struct sieve_script *script;
    struct buffer error;
    buffer_init(&error, 10000);
    if (sieve_compile(source, &library, &error, &script) == OK) {
        struct text message = text_after(all, '\0');
        struct sieve_result result;
        struct arena arena;
        arena_init(&arena);
        run(script, message, &arena, &result);
        arena_finish(&arena);
        /* A decoded character may be the beginning of another. */
        if ((script->extensions & EXT(ENCODED_CHARACTER)) == 0)
            run_printed(script, &library, message);
        sieve_script_free(&script);
    } else {
        check(error.length > 0);
    }
    buffer_finish(&error);
    return 0;
}
