/* A message that comes to a user who has a script, and what the script does to it in one line:
 * "fileinto Lists (\Seen); keep". Include it in one file of a program. */
#ifndef TESTS_UNIT_SIEVE_SCENE_H
#define TESTS_UNIT_SIEVE_SCENE_H

#include <stdio.h>
#include <string.h>

#include "sieve/sieve.h"
#include "test.h"

static struct {
    struct sieve_message message;
    struct sieve_world world;
    const char *library;             /* the script that include finds as "other" */
    const char *const (*scripts)[2]; /* the others: {"global/name", text}, then {NULL}; or NULL */
} scene;

static inline bool has_mailbox(void *context, struct text name)
{
    unused(context);
    return text_equals(name, TEXT("Known"));
}

static inline bool has_special_use(void *context, struct text name, struct text attribute)
{
    unused(context);
    return text_is_empty(name) && text_equals(attribute, TEXT("\\Junk"));
}

static inline bool has_seen(void *context, struct text key)
{
    unused(context);
    return text_equals(key, TEXT("0:<1@desert.example.org>"));
}

static inline bool find_script(void *context, bool is_global, struct text name, struct text *source)
{
    char path[100];
    unused(context);
    snprintf(path, sizeof(path), "%s/%.*s", is_global ? "global" : "personal", TEXT_ARG(name));
    for (unsigned i = 0; scene.scripts != NULL && scene.scripts[i][0] != NULL; i++)
        if (strcmp(scene.scripts[i][0], path) == 0) {
            *source = text_from(scene.scripts[i][1]);
            return true;
        }
    *source = text_from(scene.library);
    return text_equals(name, TEXT("other"));
}

static inline void scene_set(const char *message)
{
    static const struct text addresses[] = {{"bird@acme.example.com", 21}};
    scene.library = "";
    scene.scripts = NULL;
    scene.message = (struct sieve_message){.bytes = text_from(message),
                                           .size = strlen(message),
                                           .sender = TEXT("coyote@desert.example.org"),
                                           .recipient = TEXT("roadrunner+fast@acme.example.com")};
    scene.world = (struct sieve_world){.now_ms = INT64_C(1795688131000),
                                       .user = TEXT("roadrunner@acme.example.com"),
                                       .addresses = addresses,
                                       .address_count = 1,
                                       .host = TEXT("mx.example.test"),
                                       .version = TEXT("1"),
                                       .remote_ip = TEXT("192.0.2.1"),
                                       .spam_percent = 50,
                                       .mailbox_exists = has_mailbox,
                                       .special_use_exists = has_special_use,
                                       .was_seen = has_seen};
}

static inline void tell_action(const struct sieve_action *action, struct buffer *out)
{
    static const char *const names[] = {"keep",   "fileinto", "redirect", "discard",
                                        "reject", "vacation", "notify"};
    buffer_printf(out, "%s%s", out->length == 0 ? "" : "; ", names[action->kind]);
    if (action->mailbox.length > 0)
        buffer_printf(out, " %.*s", TEXT_ARG(action->mailbox));
    if (action->special_use.length > 0)
        buffer_printf(out, " %.*s", TEXT_ARG(action->special_use));
    if (action->create)
        buffer_append(out, TEXT(" create"));
    if (action->address.length > 0)
        buffer_printf(out, " %.*s", TEXT_ARG(action->address));
    for (unsigned i = 0; i < action->flag_count; i++)
        buffer_printf(out, "%s%.*s%s", i == 0 ? " (" : " ", TEXT_ARG(action->flags[i]),
                      i + 1 == action->flag_count ? ")" : "");
    if (action->subject.length > 0)
        buffer_printf(out, " \"%.*s\"", TEXT_ARG(action->subject));
    if (action->text.length > 0)
        buffer_printf(out, " \"%.*s\"", TEXT_ARG(action->text));
    if (action->seconds != 0)
        buffer_printf(out, " %llds", (long long)action->seconds);
}

static inline void tell(const char *source, struct buffer *out)
{
    static const struct sieve_library library = {.find = find_script};
    struct sieve_script *script;
    struct sieve_result result;
    struct arena arena;
    buffer_init(out, 10000);
    if (sieve_compile(text_from(source), &library, out, &script) != OK)
        return;
    arena_init(&arena);
    sieve_run(script, &scene.message, &scene.world, &arena, &result);
    for (unsigned i = 0; i < result.action_count; i++)
        tell_action(&result.actions[i], out);
    if (result.error.length > 0)
        buffer_printf(out, " error %.*s", TEXT_ARG(result.error));
    arena_finish(&arena);
    sieve_script_free(&script);
}

static inline void expect(const char *source, const char *expected)
{
    struct buffer out;
    tell(source, &out);
    EXPECT_TEXT(buffer_text(&out), expected);
    buffer_finish(&out);
}

/* A test is true: it discards. */
static inline void expect_true(const char *require, const char *test)
{
    char source[2000];
    snprintf(source, sizeof(source), "%s%s%s if %s { discard; }", *require ? "require [" : "",
             require, *require ? "];" : "", test);
    expect(source, "discard");
}

static inline void expect_false(const char *require, const char *test)
{
    char source[2000];
    snprintf(source, sizeof(source), "%s%s%s if %s { discard; }", *require ? "require [" : "",
             require, *require ? "];" : "", test);
    expect(source, "keep");
}

#endif
