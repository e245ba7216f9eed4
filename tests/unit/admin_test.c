#include <string.h>

#include "admin/admin.h"
#include "test.h"

static const struct admin_action *actions_of(enum role_kind role)
{
    return role == ROLE_AUTH    ? admin_directory_actions
           : role == ROLE_STORE ? admin_queue_actions
                                : admin_parent_actions;
}

static unsigned count_named(const struct admin_action *actions, const char *name)
{
    unsigned count = 0;
    for (; actions->name != NULL; actions++)
        count += strcmp(actions->name, name) == 0;
    return count;
}

TEST("every verb has help, and one action in the role that serves it")
{
    unsigned actions = 0;
    for (unsigned i = 0; i < admin_verb_count; i++) {
        EXPECT(admin_verbs[i].help[0] != '\0');
        EXPECT(count_named(actions_of(admin_verbs[i].role), admin_verbs[i].name) == 1);
    }
    static const enum role_kind roles[] = {ROLE_PARENT, ROLE_AUTH, ROLE_STORE};
    for (unsigned i = 0; i < 3; i++)
        for (const struct admin_action *action = actions_of(roles[i]); action->name; action++)
            actions++;
    EXPECT(actions == admin_verb_count);
}

TEST("the longest verb that the words begin with is meant")
{
    struct text words[] = {TEXT("queue"), TEXT("list"), TEXT("--json")};
    unsigned used;
    EXPECT_TEXT(text_from(admin_verb_find(words, 3, &used)->name), "queue list");
    EXPECT(used == 2);
    EXPECT(admin_verb_find(words, 1, &used) == NULL);
    EXPECT(admin_verb_find(words, 0, &used) == NULL);
}

TEST("a string is JSON whatever its bytes are")
{
    struct buffer out;
    buffer_init(&out, 100);
    admin_json_text(&out, text_of("a\"b\\\n\x01", 6));
    EXPECT_TEXT(buffer_text(&out), "\"a\\\"b\\\\\\u000a\\u0001\"");
    buffer_reset(&out, 100);
    admin_json_text(&out, TEXT("gr\xc3\xbc\xdf\x65\x7f"));
    EXPECT_TEXT(buffer_text(&out), "\"gr\xc3\xbc\\ufffde\\u007f\"");
    buffer_finish(&out);
}
