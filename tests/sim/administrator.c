#include "administrator.h"

#include <stdio.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "task/task.h"

enum { ANSWER_MOST = 1 << 20, LATE_MOST = 40, TRIES = 40, LAST_ROUNDS = 3 };

/* ---- Asking ---- */

static enum status ask(const struct site *site, const char *const *words, struct buffer *out)
{
    return site_ask(site, ROLE_STORE, words, "", out);
}

static void order(const struct site *site, const char *verb, const char *what)
{
    ask(site, (const char *const[]){"queue", verb, what, NULL}, NULL);
}

/* ---- About one message ---- */

static bool still_waits(const struct ledger_message *message)
{
    for (unsigned i = SITES * USERS; i < RECIPIENTS; i++)
        if ((message->accepted & 1u << i) != 0 && message->arrived[i] == 0)
            return true;
    return false;
}

/* One of the latest, that has not gone everywhere if there is such a one. */
static uint32_t choose_message(const struct administrator *administrator)
{
    const struct ledger *ledger = administrator->ledger;
    uint32_t late = ledger->count < LATE_MOST ? ledger->count : LATE_MOST, number = 0;
    for (unsigned i = 0; i < TRIES; i++) {
        number = ledger->count - 1 - weather_below(administrator->weather, WEATHER_ORDER, late);
        if (still_waits(&ledger->messages[number]))
            break;
    }
    return number;
}

static void order_message(const struct administrator *administrator, const struct site *site,
                          const char *verb, const char *how)
{
    if (administrator->ledger->count == 0)
        return;
    char subject[32], sender[32];
    uint32_t number = choose_message(administrator);
    struct ledger_message *message = &administrator->ledger->messages[number];
    snprintf(subject, sizeof(subject), "number %u.", number);
    snprintf(sender, sizeof(sender), "sender@%c.test", 'a' + message->site);
    message->dropped = message->dropped || how != NULL;
    message->sent_back = message->sent_back || strcmp(verb, "delete") == 0;
    /* Reports about it have no sender, and perhaps its subject. */
    ask(site,
        (const char *const[]){"queue", verb, "--subject", subject, "--from", sender, "--yes", how,
                              NULL},
        NULL);
}

static void freeze_message(const struct administrator *administrator, const struct site *site)
{
    order_message(administrator, site, "freeze", NULL);
}

static void thaw_message(const struct administrator *administrator, const struct site *site)
{
    order_message(administrator, site, "thaw", NULL);
}

static void retry_message(const struct administrator *administrator, const struct site *site)
{
    order_message(administrator, site, "retry", NULL);
}

static void delete_message(const struct administrator *administrator, const struct site *site)
{
    order_message(administrator, site, "delete", NULL);
}

static void drop_message(const struct administrator *administrator, const struct site *site)
{
    order_message(administrator, site, "delete", "--no-report");
}

/* ---- About hops, and all of it ---- */

static void order_hops(const struct site *site, const char *verb)
{
    static const struct text begin = TEXT("{\"hop\":\"");
    struct buffer lines;
    struct text rest, line;
    buffer_init(&lines, ANSWER_MOST);
    ask(site, (const char *const[]){"queue", "hops", "--json", NULL}, &lines);
    for (rest = buffer_text(&lines); text_split(&rest, '\n', &line);) {
        char hop[128];
        if (!text_starts_with(line, begin))
            continue;
        text_copy(text_before(text_from_position(line, begin.length), '"'), hop, sizeof(hop));
        ask(site, (const char *const[]){"queue", verb, "--hop", hop, NULL}, NULL);
    }
    buffer_finish(&lines);
}

static void freeze_hops(const struct administrator *administrator, const struct site *site)
{
    unused(administrator);
    order_hops(site, "freeze");
}

static void thaw_hops(const struct administrator *administrator, const struct site *site)
{
    unused(administrator);
    order_hops(site, "thaw");
}

static void freeze_all(const struct administrator *administrator, const struct site *site)
{
    unused(administrator);
    ask(site, (const char *const[]){"queue", "freeze", "--all", "--yes", NULL}, NULL);
}

static void thaw_all(const struct administrator *administrator, const struct site *site)
{
    unused(administrator);
    ask(site, (const char *const[]){"queue", "thaw", "--all", "--yes", NULL}, NULL);
}

static void retry_all(const struct administrator *administrator, const struct site *site)
{
    unused(administrator);
    order(site, "retry", "--all");
}

static void hold_all(const struct administrator *administrator, const struct site *site)
{
    unused(administrator);
    order(site, "hold-all", NULL);
}

static void resume(const struct administrator *administrator, const struct site *site)
{
    unused(administrator);
    order(site, "resume", NULL);
}

typedef void give_order(const struct administrator *administrator, const struct site *site);

/* By chance one of them: what stands here twice comes twice as often. */
static give_order *const orders[] = {
    freeze_message, freeze_message, freeze_message, thaw_message, thaw_message, retry_message,
    retry_message,  delete_message, delete_message, drop_message, freeze_hops,  thaw_hops,
    thaw_hops,      freeze_all,     thaw_all,       thaw_all,     retry_all,    retry_all,
    hold_all,       resume,         resume,         resume};
enum { ORDERS = sizeof(orders) / sizeof(*orders) };

void administrator_task(void *argument)
{
    const struct administrator *administrator = argument;
    while (task_sleep(1 + random_below(10 * MINUTE)) == OK)
        for (unsigned i = 0; i < SITES; i++)
            if (weather_strikes(administrator->weather, WEATHER_ORDER))
                orders[weather_below(administrator->weather, WEATHER_ORDER, ORDERS)](
                    administrator, &administrator->sites[i]);
}

/* Again for what came to a hop meanwhile. */
void administrator_end_task(void *argument)
{
    const struct administrator *administrator = argument;
    for (unsigned round = 0; round < LAST_ROUNDS; round++) {
        for (unsigned i = 0; i < SITES; i++) {
            resume(administrator, &administrator->sites[i]);
            thaw_hops(administrator, &administrator->sites[i]);
            thaw_all(administrator, &administrator->sites[i]);
        }
        if (task_sleep(10 * MINUTE) != OK)
            return;
    }
}
