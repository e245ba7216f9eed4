#include "plan.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proc/role.h"

enum {
    OPTION_SEED = 1000,
    OPTION_RUNS,
    OPTION_SECONDS,
    OPTION_EPOCHS,
    OPTION_MESSAGES,
    OPTION_FRONTS,
    OPTION_CALM,
    OPTION_LYING_DISK,
    OPTION_NO_SHRINK,
    OPTION_SHORT,
    OPTION_KILL_AT,
    OPTION_KILL_EACH,
    OPTION_FIRST,
    OPTION_STRIDE,
    OPTION_WITHOUT,                               /* and the kind */
    OPTION_MOST = OPTION_WITHOUT + WEATHER_KINDS, /* and the kind */
    KIND_NAME_BYTES = 40
};

static const struct option options[] = {{"seed", required_argument, NULL, OPTION_SEED},
                                        {"runs", required_argument, NULL, OPTION_RUNS},
                                        {"seconds", required_argument, NULL, OPTION_SECONDS},
                                        {"epochs", required_argument, NULL, OPTION_EPOCHS},
                                        {"messages", required_argument, NULL, OPTION_MESSAGES},
                                        {"fronts", required_argument, NULL, OPTION_FRONTS},
                                        {"calm", no_argument, NULL, OPTION_CALM},
                                        {"lying-disk", no_argument, NULL, OPTION_LYING_DISK},
                                        {"no-shrink", no_argument, NULL, OPTION_NO_SHRINK},
                                        {"short", no_argument, NULL, OPTION_SHORT},
                                        {"kill-at", required_argument, NULL, OPTION_KILL_AT},
                                        {"kill-each", required_argument, NULL, OPTION_KILL_EACH},
                                        {"first", required_argument, NULL, OPTION_FIRST},
                                        {"stride", required_argument, NULL, OPTION_STRIDE}};
enum { OPTIONS = sizeof(options) / sizeof(*options) };

/* Those, and --without-KIND and --most-KIND of each kind. */
struct all_options {
    struct option list[OPTIONS + 2 * WEATHER_KINDS + 1];
    char names[2 * WEATHER_KINDS][KIND_NAME_BYTES];
};

static void list_options(struct all_options *all)
{
    memset(all, 0, sizeof(*all));
    memcpy(all->list, options, sizeof(options));
    for (unsigned i = 0; i < 2 * WEATHER_KINDS; i++) {
        bool is_most = i >= WEATHER_KINDS;
        snprintf(all->names[i], KIND_NAME_BYTES, "%s-%s", is_most ? "most" : "without",
                 weather_name(i % WEATHER_KINDS));
        all->list[OPTIONS + i] =
            (struct option){all->names[i], is_most ? required_argument : no_argument, NULL,
                            OPTION_WITHOUT + (int)i};
    }
}

static uint32_t number(const char *text)
{
    return (uint32_t)strtoul(text, NULL, 10);
}

/* "store"; all of them for "all", none for what is no role. Bits. */
static unsigned roles_named(const char *name)
{
    unsigned roles = 0;
    for (enum role_kind kind = 0; kind < ROLE_PARENT; kind++)
        if (strcmp(name, "all") == 0 || strcmp(name, role_find(kind)->name) == 0)
            roles |= 1u << kind;
    return roles;
}

/* "store:17" */
static bool take_kill(struct plan *plan, char *value)
{
    char *colon = strchr(value, ':');
    if (colon == NULL)
        return false;
    *colon = '\0';
    unsigned roles = roles_named(value);
    plan->kill_at = strtoull(colon + 1, NULL, 10);
    plan->kill_role = roles == 0 ? ROLE_PARENT : (unsigned)__builtin_ctz(roles);
    return roles != 0 && plan->kill_at != 0;
}

/* False: it is none. */
static bool take_plan(int option, struct plan *plan)
{
    if (option == OPTION_SEED)
        plan->seed = strtoull(optarg, NULL, 10);
    else if (option == OPTION_EPOCHS)
        plan->epochs = number(optarg);
    else if (option == OPTION_MESSAGES)
        plan->messages = number(optarg);
    else if (option == OPTION_FRONTS)
        return (plan->fronts = number(optarg)) > 0;
    else if (option == OPTION_CALM)
        memset(plan->most, 0, sizeof(plan->most));
    else if (option == OPTION_LYING_DISK)
        plan->disk_lies = true;
    else if (option == OPTION_SHORT)
        plan->is_short = true;
    else if (option == OPTION_KILL_AT)
        return take_kill(plan, optarg);
    else if (option >= OPTION_MOST)
        plan->most[option - OPTION_MOST] = number(optarg);
    else if (option >= OPTION_WITHOUT)
        plan->most[option - OPTION_WITHOUT] = 0;
    else
        return false;
    return true;
}

static bool take_manner(int option, struct manner *manner)
{
    if (option == OPTION_RUNS)
        manner->runs = number(optarg);
    else if (option == OPTION_SECONDS)
        manner->seconds = strtol(optarg, NULL, 10);
    else if (option == OPTION_NO_SHRINK)
        manner->shrinks = false;
    else if (option == OPTION_FIRST)
        manner->first = number(optarg);
    else if (option == OPTION_STRIDE)
        manner->stride = number(optarg);
    else if (option == OPTION_KILL_EACH)
        return (manner->each_roles = roles_named(optarg)) != 0;
    else if (option == 'v')
        manner->is_loud = true;
    else
        return false;
    return true;
}

bool plan_read(int count, char **arguments, struct plan *plan, struct manner *manner)
{
    struct all_options all;
    list_options(&all);
    *plan = (struct plan){
        .seed = 1, .epochs = UINT32_MAX, .messages = UINT32_MAX, .fronts = UINT32_MAX};
    memset(plan->most, 0xff, sizeof(plan->most));
    *manner = (struct manner){.runs = 1, .shrinks = true, .first = 1, .stride = 1};
    for (int option; (option = getopt_long(count, arguments, "v", all.list, NULL)) != -1;)
        if (option == '?' || (!take_manner(option, manner) && !take_plan(option, plan)))
            return false;
    return optind == count && manner->first > 0 && manner->stride > 0;
}

void plan_print(const struct plan *plan)
{
    bool is_calm = true;
    for (unsigned i = 0; i < WEATHER_KINDS; i++)
        is_calm = is_calm && plan->most[i] != UINT32_MAX;
    printf("sim --seed %llu%s", (unsigned long long)plan->seed, is_calm ? " --calm" : "");
    for (unsigned i = 0; i < WEATHER_KINDS; i++)
        if (plan->most[i] == 0 && !is_calm)
            printf(" --without-%s", weather_name(i));
        else if (plan->most[i] != UINT32_MAX && plan->most[i] != 0)
            printf(" --most-%s %u", weather_name(i), plan->most[i]);
    if (plan->epochs != UINT32_MAX)
        printf(" --epochs %u", plan->epochs);
    if (plan->messages != UINT32_MAX)
        printf(" --messages %u", plan->messages);
    if (plan->fronts != UINT32_MAX)
        printf(" --fronts %u", plan->fronts);
    if (plan->kill_at != 0)
        printf(" --kill-at %s:%llu", role_find(plan->kill_role)->name,
               (unsigned long long)plan->kill_at);
    printf("%s%s\n", plan->is_short ? " --short" : "", plan->disk_lies ? " --lying-disk" : "");
}
