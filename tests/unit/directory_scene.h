/* A directory in a temporary place, with two domains, for the tests of the directory and its verbs.
 */
#ifndef TESTS_UNIT_DIRECTORY_SCENE_H
#define TESTS_UNIT_DIRECTORY_SCENE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "directory/directory.h"
#include "directory/password.h"
#include "test.h"

/* A password's hash that costs little to verify; the password is "secret". */
#define CHEAP_HASH "$1$saltsalt$9xy1btjgzLYfb7hivXtC//"

struct scene {
    char path[64];
    struct settings *settings;
    struct task_group group;
    struct directory *directory;
    struct arena arena;
    struct text noted; /* by the test */
    void (*play)(struct scene *scene);
};

static inline struct settings *scene_settings(const char *domains)
{
    struct settings_source *source;
    struct settings *settings;
    struct buffer errors, text;
    buffer_init(&errors, 1 << 16);
    buffer_init(&text, 1 << 16);
    buffer_printf(&text, "host mx.example.test\n%s", domains);
    EXPECT(settings_source_of(TEXT("/etc/mailroot.conf"), buffer_text(&text), &source) == OK);
    enum status status = settings_parse(source, 1, &errors, &settings);
    if (status != OK)
        print_error("%.*s", TEXT_ARG(buffer_text(&errors)));
    EXPECT(status == OK);
    settings_source_free(&source);
    buffer_finish(&errors);
    buffer_finish(&text);
    return settings;
}

static inline struct directory_options scene_options(struct scene *scene)
{
    return (struct directory_options){
        .path = scene->path, .settings = scene->settings, .group = &scene->group};
}

static inline void scene_open(struct scene *scene)
{
    struct directory_options options = scene_options(scene);
    enum status status = directory_open(&options, &scene->directory);
    if (status != OK)
        print_error("%s\n", fail_reason());
    EXPECT(status == OK);
}

static inline void scene_main(void *argument)
{
    struct scene *scene = argument;
    task_group_init(&scene->group);
    arena_init(&scene->arena);
    scene_open(scene);
    scene->play(scene);
    directory_close(&scene->directory);
    task_group_finish(&scene->group);
    arena_finish(&scene->arena);
}

static inline void scene_shell(const struct scene *scene, const char *before, const char *after)
{
    char command[256];
    snprintf(command, sizeof(command), "%s '%s'%s", before, scene->path, after);
    EXPECT(system(command) == 0);
}

/* bob is named in the file; the first domain is example.test. */
static inline void scene_run(void (*play)(struct scene *))
{
    struct scene scene = {.path = "/tmp/directory-test-XXXXXX", .play = play};
    EXPECT(mkdtemp(scene.path) != NULL);
    scene.settings = scene_settings("domain example.test {\n user bob\n}\n"
                                    "domain example.net {\n}\n");
    task_loop_run(scene_main, &scene);
    settings_release(&scene.settings);
    scene_shell(&scene, "rm -rf", "");
}

static inline void add_user(struct scene *scene, const char *key)
{
    EXPECT(directory_user_add(scene->directory, text_from(key), TEXT(CHEAP_HASH), TEXT("")) == OK);
}

static inline enum status add_member(struct scene *scene, enum directory_list_kind kind,
                                     const char *key, const char *member)
{
    struct directory_member one;
    EXPECT(directory_address(scene->directory, text_from(member), &scene->arena, &one.key,
                             &one.address) == OK);
    return directory_list_add(scene->directory, kind, text_from(key), &one, 1);
}

#endif
