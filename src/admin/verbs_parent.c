/* Verbs of the parent process. What they need of it comes as struct admin_parent, since the parent
 * itself lives above this module. */
#include "admin/verbs_parent.h"

#include "admin/admin.h"

static enum status run_reload(void *state, struct admin_call *call)
{
    struct admin_parent *parent = state;
    return parent->reload(parent->parent, call->out);
}

static enum status run_status(void *state, struct admin_call *call)
{
    struct admin_parent *parent = state;
    parent->describe(parent->parent, call->json, call->out);
    return OK;
}

static enum status run_config_show(void *state, struct admin_call *call)
{
    struct admin_parent *parent = state;
    bool all = false, where = false;
    for (unsigned i = 0; i < call->count; i++) {
        if (text_equals(call->words[i], TEXT("--all")))
            all = true;
        else if (text_equals(call->words[i], TEXT("--where")))
            where = true;
        else
            return refused("config show takes --all and --where");
    }
    settings_show(parent->settings(parent->parent), all, where, call->out);
    return OK;
}

const struct admin_action admin_parent_actions[] = {
    {"reload", run_reload},
    {"status", run_status},
    {"config show", run_config_show},
    {NULL, NULL},
};
