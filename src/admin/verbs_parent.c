/* Verbs of the parent process. What they need of it comes as struct admin_parent, since the parent
 * itself lives above this module. */
#include "admin/verbs_parent.h"

#include "admin/words.h"

static enum status run_reload(void *state, struct admin_call *call)
{
    struct admin_parent *parent = state;
    enum status status = verb_check_words(call, 0, 0, "reload");
    return status == OK ? parent->reload(parent->parent, call->out) : status;
}

static enum status run_status(void *state, struct admin_call *call)
{
    struct admin_parent *parent = state;
    enum status status = verb_check_words(call, 0, 0, "status");
    if (status == OK)
        parent->describe(parent->parent, call->json, call->out);
    return status;
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

static enum status order_server(void *state, struct admin_call *call, enum server_order order)
{
    struct admin_parent *parent = state;
    if (call->count != 1)
        return refused("write the name of one server (mailroot server list)");
    return parent->order_server(parent->parent, call->words[0], order);
}

static enum status run_server_start(void *state, struct admin_call *call)
{
    return order_server(state, call, SERVER_START);
}

static enum status run_server_stop(void *state, struct admin_call *call)
{
    return order_server(state, call, SERVER_STOP);
}

static enum status run_server_pause(void *state, struct admin_call *call)
{
    return order_server(state, call, SERVER_PAUSE);
}

static enum status run_server_continue(void *state, struct admin_call *call)
{
    return order_server(state, call, SERVER_CONTINUE);
}

static enum status run_server_list(void *state, struct admin_call *call)
{
    struct admin_parent *parent = state;
    enum status status = verb_check_words(call, 0, 0, "server list");
    if (status == OK)
        parent->list_servers(parent->parent, call->json, call->out);
    return status;
}

const struct admin_action admin_parent_actions[] = {
    {"reload", run_reload},
    {"status", run_status},
    {"config show", run_config_show},
    {"server list", run_server_list},
    {"server pause", run_server_pause},
    {"server continue", run_server_continue},
    {"server stop", run_server_stop},
    {"server start", run_server_start},
    {NULL, NULL},
};
