/* Sieve: any script compiles or says why not; what compiles ends, and leaves the message somewhere.
 * The input is a script, and behind a NUL the message. */
#include "base/check.h"
#include "sieve/sieve.h"

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

static void run(const struct sieve_script *script, struct text message)
{
    struct sieve_message facts = {.bytes = message,
                                  .size = message.length,
                                  .sender = TEXT("a@b.test"),
                                  .recipient = TEXT("c+d@e.test")};
    struct sieve_world world = {.user = TEXT("c@e.test"), .mailbox_exists = yes, .was_seen = yes};
    struct sieve_result result;
    struct arena arena;
    arena_init(&arena);
    sieve_run(script, &facts, &world, &arena, &result);
    check(result.action_count <= SIEVE_ACTIONS_MAX + 1);
    bool kept = false;
    for (unsigned i = 0; i < result.action_count; i++)
        kept |= result.actions[i].kind != SIEVE_VACATION && result.actions[i].kind != SIEVE_NOTIFY;
    check(kept);
    check(result.error.length == 0 || result.action_count == 1);
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
        run(script, text_after(all, '\0'));
        sieve_script_free(&script);
    } else {
        check(error.length > 0);
    }
    buffer_finish(&error);
    return 0;
}
