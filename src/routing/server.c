#include "routing/server.h"

#include <stdlib.h>

#include "base/check.h"
#include "routing/server_internal.h"

struct link_server *link_server_new(void)
{
    struct link_server *server = calloc(1, sizeof(*server));
    check(server != NULL);
    server->table = link_table_new();
    return server;
}

static void forget_reporters(struct link_server *server)
{
    for (unsigned i = 0; i < server->reporter_count; i++) {
        link_group_free(&server->reporters[i].report);
        free((char *)(uintptr_t)server->reporters[i].name.data);
    }
    free(server->reporters);
    server->reporters = NULL;
    server->reporter_count = 0;
}

void link_server_free(struct link_server **freed)
{
    struct link_server *server = *freed;
    *freed = NULL;
    if (server == NULL)
        return;
    forget_reporters(server);
    for (unsigned i = 0; i < server->flip_count; i++)
        free((char *)(uintptr_t)server->flips[i].connector.data);
    for (unsigned i = 0; i < server->down_count; i++)
        free((char *)(uintptr_t)server->down[i].data);
    free(server->flips);
    free(server->down);
    link_group_free(&server->own);
    link_table_free(&server->table);
    free(server);
}

static void describe_self(struct link_server *server)
{
    link_group_free(&server->own);
    if (server->group != NULL)
        server->own = link_server_describe(server);
}

/* Every member but us has a place, whether it ever reports or not. */
static void seat_reporters(struct link_server *server)
{
    const struct setting_group *group = server->group;
    forget_reporters(server);
    if (group == NULL)
        return;
    server->reporters = calloc(group->member_count, sizeof(*server->reporters));
    check(server->reporters != NULL);
    for (unsigned i = 0; i < group->member_count; i++) {
        struct text name = group->members[i].name;
        if (text_equals(name, group->self))
            continue;
        server->reporters[server->reporter_count++] =
            (struct link_reporter){.name = {text_to_string(name), name.length}};
    }
}

/* What members said before stays true over a reload. */
static void keep_reports(struct link_server *server, struct link_reporter *before, unsigned count)
{
    for (unsigned i = 0; i < server->reporter_count; i++)
        for (unsigned k = 0; k < count; k++) {
            if (!text_equals(server->reporters[i].name, before[k].name))
                continue;
            server->reporters[i].report = before[k].report;
            server->reporters[i].is_lost = before[k].is_lost;
            before[k].report = NULL;
        }
}

void link_server_configure(struct link_server *server, const struct settings *settings)
{
    const struct setting_group *group = settings == NULL ? NULL : settings_group(settings);
    struct link_reporter *reporters = server->reporters;
    unsigned reporter_count = server->reporter_count;
    struct link_id id = link_id_of("group", group == NULL ? TEXT("") : group->name);
    bool is_same = server->group != NULL && group != NULL && link_id_equals(&id, &server->id);
    bool was_named = is_same && text_equals(server->group->master, server->group->self);
    bool is_named = group != NULL && text_equals(group->master, group->self);
    server->takes_over = is_same && is_named && !was_named;
    server->hands_over = is_same && !is_named && was_named && server->acts;
    if (!is_same) {
        server->acts = false;
        link_table_free(&server->table);
        server->table = link_table_new();
    }
    server->settings = settings;
    server->group = group;
    server->id = id;
    server->reporters = NULL;
    server->reporter_count = 0;
    seat_reporters(server);
    keep_reports(server, reporters, is_same ? reporter_count : 0);
    for (unsigned i = 0; i < reporter_count; i++) {
        link_group_free(&reporters[i].report);
        free((char *)(uintptr_t)reporters[i].name.data);
    }
    free(reporters);
    describe_self(server);
}

bool link_server_is_on(const struct link_server *server)
{
    return server->group != NULL;
}

const struct link_table *link_server_table(const struct link_server *server)
{
    return server->table;
}

const struct link_group *link_server_group(const struct link_server *server)
{
    return link_table_find(server->table, &server->id);
}

struct text link_server_master(const struct link_server *server)
{
    const struct link_group *known = link_server_group(server);
    return known != NULL ? known->master : server->group->master;
}

bool link_server_is_master(const struct link_server *server)
{
    return server->acts;
}

bool link_server_set_reach(struct link_server *server, struct text connector, bool works)
{
    unsigned at = 0;
    while (at < server->down_count && !text_equals_nocase(server->down[at], connector))
        at++;
    bool was_down = at < server->down_count;
    if (works != was_down)
        return false;
    if (was_down) {
        free((char *)(uintptr_t)server->down[at].data);
        server->down[at] = server->down[--server->down_count];
    } else {
        server->down = realloc(server->down, (server->down_count + 1) * sizeof(*server->down));
        check(server->down != NULL);
        server->down[server->down_count++] =
            (struct text){text_to_string(connector), connector.length};
    }
    describe_self(server);
    return true;
}

void link_server_note_member(struct link_server *server, struct text member, bool answers)
{
    struct link_reporter *reporter = link_reporter_find(server, member);
    if (reporter != NULL)
        reporter->is_lost = !answers;
}

const struct link_group *link_server_own(const struct link_server *server)
{
    return server->own;
}

/* One member, and it alone is the bridgehead of each connector. */
static bool is_about_itself(const struct link_group *report)
{
    bool is_own = report->member_count == 1;
    for (unsigned i = 0; i < report->connector_count && is_own; i++)
        is_own = report->connectors[i].bridgehead_count == 1 &&
                 text_equals(report->connectors[i].bridgeheads[0].member, report->master);
    return is_own;
}

enum status link_server_take_report(struct link_server *server, struct text bytes)
{
    struct link_group *report;
    enum status status = link_group_parse(&bytes, &report);
    if (status != OK)
        return status;
    struct link_reporter *reporter = link_reporter_find(server, report->master);
    if (bytes.length > 0 || !link_id_equals(&report->id, &server->id) || reporter == NULL ||
        !is_about_itself(report)) {
        link_group_free(&report);
        return refused("a report is not of a member about itself");
    }
    link_group_free(&reporter->report);
    reporter->report = report;
    reporter->is_lost = false;
    return OK;
}

/* Of our own group only what a member could say is heard: who is one the settings know. */
static bool is_credible(const struct link_server *server, const struct link_group *group)
{
    bool is_ours = link_id_equals(&group->id, &server->id);
    return text_equals_nocase(group->organisation, server->group->organisation) &&
           (!is_ours || text_equals_nocase(group->master, server->group->self) ||
            link_reporter_find(server, group->master) != NULL);
}

enum status link_server_take_table(struct link_server *server, struct text bytes)
{
    struct link_table *told;
    enum status status = link_table_parse(bytes, &told);
    if (status != OK)
        return status;
    for (unsigned i = 0; i < told->group_count; i++)
        if (!is_credible(server, told->groups[i]))
            link_group_free(&told->groups[i]);
    link_table_take_all(server->table, told);
    link_table_free(&told);
    return OK;
}

/* Are we to act as the master from now on? *anew: that begins, or begins again after a restart. */
static bool is_to_act(const struct link_server *server, bool asked_all, bool *anew)
{
    const struct link_group *known = link_server_group(server);
    bool is_named = text_equals(server->group->master, server->group->self);
    *anew = !server->acts;
    if (known != NULL && text_equals_nocase(known->master, server->group->self))
        return true;
    if (server->takes_over)
        return *anew = true;
    if (!is_named || !asked_all)
        return false;
    if (known == NULL)
        return true;
    /* Another one is master, whatever our settings say. It stays so unless it is gone. */
    const struct link_reporter *other = link_reporter_find(server, known->master);
    return other == NULL || other->is_lost;
}

static struct link_version next_version(struct link_server *server, const struct link_version *last,
                                        const struct link_group *group, bool anew)
{
    struct link_id config = link_server_config_digest(server);
    struct link_id state = link_state_digest(group);
    struct link_version next = *last;
    if (anew || server->hands_over || !link_id_equals(&config, &server->config))
        next = (struct link_version){last->major + 1, 0, 0};
    else if (!link_id_equals(&state, &server->state))
        next = (struct link_version){last->major, last->minor + 1, 0};
    else
        next.user++;
    server->config = config;
    server->state = state;
    return next;
}

/* Say anew what the group is, when it is not what was said. */
static void publish(struct link_server *server, bool anew, int64_t now_ms)
{
    const struct link_group *known = link_server_group(server);
    struct link_version version = {0}, last = known == NULL ? version : known->version;
    struct link_id said = known == NULL ? link_digest(TEXT("")) : known->digest;
    struct link_group *group = link_server_compose(server, now_ms);
    if (group == NULL)
        return;
    bool is_same = !anew && !server->hands_over && link_id_equals(&group->digest, &said);
    group->version = is_same ? last : next_version(server, &last, group, anew);
    if (link_group_seal(group))
        link_table_put(server->table, &group);
    link_group_free(&group);
}

bool link_server_settle(struct link_server *server, bool asked_all, int64_t now_ms)
{
    struct link_id before = server->table->digest;
    bool anew;
    if (server->group == NULL || server->own == NULL)
        return false;
    bool acts = is_to_act(server, asked_all, &anew);
    if (acts)
        publish(server, anew, now_ms);
    server->acts = acts && !server->hands_over;
    server->takes_over = server->hands_over = false;
    return !link_id_equals(&before, &server->table->digest);
}

int64_t link_server_due(const struct link_server *server)
{
    int64_t due = INT64_MAX;
    for (unsigned i = 0; server->acts && i < server->flip_count; i++) {
        const struct link_flips *flips = &server->flips[i];
        int64_t calm = flips->last_ms + 10 * server->group->retry_ms;
        if (flips->count >= LINK_FLIPS_MOST && calm < due)
            due = calm;
    }
    return due;
}
