/* ManageSieve after the login. Oracle: however the bytes are cut, the answers are the same; and
 * what is kept at the end are scripts, under names, the active one among them. */
#include <stdlib.h>

#include "imap_world.h"
#include "proto/managesieve/managesieve.h"
#include "sieve/sieve.h"
#include "store/scripts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void serve(struct stream *stream)
{
    struct managesieve_options options = {
        .store = imap_world.store, .user = WORLD_USER, .max_errors = 20};
    options.idle_ms = 60 * 1000;
    managesieve_serve_scripts(stream, &options);
}

/* What a script includes need not be there yet. */
static bool find_none(void *context, bool is_global, struct text name, struct text *source)
{
    unused(context);
    unused(is_global);
    unused(name);
    *source = TEXT("");
    return true;
}

static bool expect_script(void *context, struct text name, uint64_t bytes)
{
    const struct sieve_library library = {.find = find_none};
    struct buffer source, error;
    struct sieve_script *script;
    buffer_init(&source, SCRIPT_BYTES_MAX);
    buffer_init(&error, 10000);
    check(script_name_is_valid(name));
    check(script_get(imap_world.store, WORLD_USER, name, &source) && source.length == bytes);
    check(sieve_compile(buffer_text(&source), &library, &error, &script) == OK);
    sieve_script_free(&script);
    buffer_finish(&source);
    buffer_finish(&error);
    ++*(unsigned *)context;
    return true;
}

static void finish(void)
{
    unsigned count = 0;
    struct buffer active, source;
    buffer_init(&active, SCRIPT_NAME_MAX);
    buffer_init(&source, SCRIPT_BYTES_MAX);
    scripts_each(imap_world.store, WORLD_USER, expect_script, &count);
    check(count <= SCRIPTS_MAX);
    script_active(imap_world.store, WORLD_USER, &active);
    check(active.length == 0 ||
          script_get(imap_world.store, WORLD_USER, buffer_text(&active), &source));
    buffer_finish(&active);
    buffer_finish(&source);
}

static void prepare(void)
{
    imap_world.serve = serve;
    imap_world.finish = finish;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer input;
    char *heard[2];
    if (size < 2 || size > 4096)
        return 0;
    buffer_init(&input, 8192);
    buffer_append(&input, TEXT("PUTSCRIPT \"one\" {5+}\r\nkeep;\r\nSETACTIVE \"one\"\r\n"));
    buffer_append(&input, text_of(data + 1, size - 1));
    buffer_append(&input, TEXT("\r\nLOGOUT\r\n"));
    for (int i = 0; i < 2; i++)
        heard[i] = world_talk(buffer_text(&input), i == 0 ? 0 : 1u + data[0], prepare);
    check(strcmp(heard[0], heard[1]) == 0);
    free(heard[0]);
    free(heard[1]);
    buffer_finish(&input);
    return 0;
}
