/* Users, aliases and files that are there whole or not at all, while the n-th call to the kernel
 * fails. */

#include "base/logline.h"
#include "directory/state.h"
#include "directory_scene.h"
#include "fault_loop.h"
#include "folder/file.h"

enum { USER = 0, ALIAS = 1, TRIES = 100, TRY_AGAIN_MS = 20 };

static void (*played)(struct scene *scene);
static bool was_played;

static void play_main(void *argument)
{
    struct scene *scene = argument;
    task_group_init(&scene->group);
    arena_init(&scene->arena);
    struct directory_options options = scene_options(scene);
    if (directory_open(&options, &scene->directory) == OK) {
        was_played = true;
        played(scene);
    }
    directory_close(&scene->directory);
    task_group_finish(&scene->group);
    arena_finish(&scene->arena);
}

static void play(const char *path, void (*part)(struct scene *scene))
{
    struct scene scene = {.settings = scene_settings("domain example.test {\n user bob\n}\n")};
    snprintf(scene.path, sizeof(scene.path), "%s", path);
    log_setup("test", LOG_LEVEL_ERROR + 1);
    played = part;
    was_played = false;
    task_loop_run(play_main, &scene);
    settings_release(&scene.settings);
}

static void add_first(struct scene *scene)
{
    add_user(scene, "alice@example.test");
}

static void prepare(const char *path)
{
    play(path, add_first);
}

static void change(struct scene *scene)
{
    fault_begin();
    fault_ask(USER);
    fault_tell(USER, directory_user_add(scene->directory, TEXT("carol@example.test"),
                                        TEXT(CHEAP_HASH), TEXT("")));
    fault_ask(ALIAS);
    fault_tell(ALIAS, add_member(scene, LIST_ALIAS, "all@example.test", "bob@example.test"));
    fault_end();
    enum status status = TRY_LATER;
    for (unsigned i = 0; i < TRIES && status == TRY_LATER; i++) {
        status = directory_user_add(scene->directory, TEXT("dave@example.test"), TEXT(CHEAP_HASH),
                                    TEXT(""));
        if (status == TRY_LATER)
            task_sleep(TRY_AGAIN_MS);
    }
    fault_expect(status == OK, "changes are taken again after one failure");
}

static void act(const char *path)
{
    play(path, change);
}

static void look_changed(struct scene *scene)
{
    fault_expect(directory_user_exists(scene->directory, TEXT("alice@example.test")),
                 "what was there is there");
    fault_as_told(USER, directory_user_exists(scene->directory, TEXT("carol@example.test")));
    fault_as_told(ALIAS, directory_list_kind(scene->directory, TEXT("all@example.test")) != 0);
}

static void look(const char *path)
{
    play(path, look_changed);
    fault_expect(was_played, "the directory opens anew");
}

TEST("a user or alias is made, or it is not there")
{
    fault_loop(&(struct fault_scene){"directory", prepare, act, look, true});
}

static void start(struct scene *scene)
{
    unused(scene);
}

static void act_start(const char *path)
{
    fault_begin();
    play(path, start);
    fault_end();
}

TEST("a start and a stop of the directory that fail harm nothing")
{
    fault_loop(&(struct fault_scene){"directory start", prepare, act_start, look, .is_long = true});
}

/* ---- Files that others read ---- */

static void nothing(const char *path)
{
    unused(path);
}

static void act_file(const char *path)
{
    struct folder_file file;
    static char bytes[10000];
    memset(bytes, 'f', sizeof(bytes));
    fault_begin();
    fault_ask(0);
    enum status status = folder_file_begin(&file, path, 0600);
    if (status == OK)
        status = folder_file_write(&file, text_of(bytes, sizeof(bytes)));
    if (status == OK)
        status = folder_file_commit(&file, "mail.eml");
    else
        folder_file_abandon(&file);
    fault_tell(0, status);
    fault_end();
}

/* The name a file is written under begins with a dot; a power cut may leave it. */
static void look_file(const char *path)
{
    char name[100];
    static char bytes[10001];
    snprintf(name, sizeof(name), "%s/mail.eml", path);
    FILE *file = fopen(name, "r");
    fault_as_told(0, file != NULL);
    if (file != NULL) {
        fault_expect(fread(bytes, 1, sizeof(bytes), file) == 10000 && bytes[9999] == 'f',
                     "it is whole");
        fclose(file);
    }
}

TEST("a file is in its folder whole, or not at all")
{
    fault_loop(&(struct fault_scene){"file in a folder", nothing, act_file, look_file});
}
