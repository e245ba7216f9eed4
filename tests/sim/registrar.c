#include "registrar.h"

#include <stdio.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "task/task.h"

enum { ANSWER_MOST = 1 << 20, NAME_BYTES = 24, LAST_TRIES = 10, SHORT_CHANGES = 12 };

/* By way, from ROLL_FIRST on; a hash costs little to verify. */
static const struct {
    const char *password, *hash, *target;
} meanings[ROLL_WAYS] = {
    {NULL, NULL, NULL},
    {"first", "$1$saltsalt$fL967tFJmZStVOnCyZeaG.", "one@out.test"},
    {"second", "$1$saltsalt$/fSjfQhKRMuwSSw3DO2mz.", "two@out.test"},
    {"third", "$1$saltsalt$vJtHGK4e9qmPO5LKy3ipM0", "three@out.test"},
};
enum { SOME_WAY = ((1 << ROLL_WAYS) - 1) & ~(1 << ROLL_ABSENT) };

static struct roll *roll_of(const struct registrar *registrar)
{
    return &registrar->ledger->rolls[registrar->number];
}

static const struct {
    const char *verb;
    char letter; /* that its names begin with */
} kinds[ROLL_KINDS] = {
    [ROLL_USER] = {"user", 'r'}, [ROLL_ALIAS] = {"alias", 'l'}, [ROLL_GROUP] = {"group", 'g'}};

static enum roll_kind kind_of(unsigned number)
{
    return (enum roll_kind)(number / ROLL_OF_KIND);
}

static void name_of(const struct registrar *registrar, unsigned number, char out[NAME_BYTES])
{
    snprintf(out, NAME_BYTES, "%c%u@%s.test", kinds[kind_of(number)].letter, number % ROLL_OF_KIND,
             registrar->site->name);
}

static uint32_t below(const struct registrar *registrar, uint32_t bound)
{
    return weather_below(registrar->weather, WEATHER_ROLL, bound);
}

static enum status ask(const struct registrar *registrar, const char *const *words,
                       const char *input, struct buffer *out)
{
    return site_ask(registrar->site, ROLE_AUTH, words, input, out);
}

/* ---- Changing ---- */

/* What was answered to a change of the name to this way; when it is refused, it can be one of
 * these. */
static void hear(const struct registrar *registrar, unsigned number, unsigned way,
                 enum status status, unsigned else_ways)
{
    struct roll_name *name = &roll_of(registrar)->names[number];
    if (status == OK) {
        roll_done(name, way);
        roll_of(registrar)->changed++;
    } else if (status != REFUSED) {
        roll_unanswered(name, clock_monotonic_ms());
    } else if (!roll_seen(name, else_ways)) {
        char address[NAME_BYTES];
        name_of(registrar, number, address);
        ledger_wrong(registrar->ledger, WRONG_ROLL, "%s: refused, and it can't be so: %s", address,
                     fail_reason());
    }
}

/* To this way, by these words; refused, the name is as else_ways say. YIELDS. */
static void change_to(const struct registrar *registrar, unsigned number, unsigned way,
                      const char *const *words, unsigned else_ways)
{
    struct roll_name *name = &roll_of(registrar)->names[number];
    unsigned before = name->ways;
    roll_try(name, way);
    hear(registrar, number, way, ask(registrar, words, "", NULL), before & else_ways);
}

static void add(const struct registrar *registrar, unsigned number, unsigned way)
{
    char address[NAME_BYTES];
    name_of(registrar, number, address);
    const char *verb = kinds[kind_of(number)].verb;
    const char *const user[] = {verb, "add", address, "--hash", meanings[way].hash, NULL};
    const char *const list[] = {verb, "add", address, meanings[way].target, NULL};
    change_to(registrar, number, way, kind_of(number) == ROLL_USER ? user : list, SOME_WAY);
}

static void remove_name(const struct registrar *registrar, unsigned number)
{
    char address[NAME_BYTES];
    name_of(registrar, number, address);
    const char *const words[] = {kinds[kind_of(number)].verb, "remove", address, NULL};
    change_to(registrar, number, ROLL_ABSENT, words, 1u << ROLL_ABSENT);
}

static void give_password(const struct registrar *registrar, unsigned number, unsigned way)
{
    char address[NAME_BYTES];
    name_of(registrar, number, address);
    const char *const words[] = {"user", "passwd", address, "--hash", meanings[way].hash, NULL};
    change_to(registrar, number, way, words, 1u << ROLL_ABSENT);
}

/* An alias or group that may be there is not added to: it would have two targets. */
static void change(const struct registrar *registrar)
{
    unsigned number = below(registrar, ROLL_NAMES), way = ROLL_FIRST + below(registrar, 3);
    const struct roll_name *name = &roll_of(registrar)->names[number];
    if (clock_monotonic_ms() < name->rests_until_ms)
        return;
    if (roll_way(name) == ROLL_ABSENT)
        add(registrar, number, way);
    else if (kind_of(number) == ROLL_USER && below(registrar, 3) > 0)
        give_password(registrar, number, way);
    else
        remove_name(registrar, number);
}

/* ---- Looking ---- */

static void see(const struct registrar *registrar, unsigned number, unsigned ways)
{
    if (roll_seen(&roll_of(registrar)->names[number], ways))
        return;
    char address[NAME_BYTES];
    name_of(registrar, number, address);
    ledger_wrong(registrar->ledger, WRONG_ROLL, "%s is seen as one of %#x, and may be one of %#x",
                 address, ways, roll_of(registrar)->names[number].ways);
}

/* How an entry of a list shows a name. */
static unsigned ways_in(struct text list, const char *address, enum roll_kind kind)
{
    char wanted[NAME_BYTES + 16];
    struct text rest, line;
    snprintf(wanted, sizeof(wanted), "{\"address\":\"%s\"", address);
    for (rest = list; text_split(&rest, '\n', &line);) {
        if (!text_starts_with(line, text_from(wanted)))
            continue;
        unsigned ways = 0;
        for (unsigned way = ROLL_FIRST; way < ROLL_WAYS; way++)
            if (kind == ROLL_USER ||
                text_find_text(line, text_from(meanings[way].target)) < line.length)
                ways |= 1u << way;
        return ways;
    }
    return 1u << ROLL_ABSENT;
}

/* False: it was not answered. YIELDS. */
static bool look_at(const struct registrar *registrar, enum roll_kind kind)
{
    struct buffer list;
    char address[NAME_BYTES];
    buffer_init(&list, ANSWER_MOST);
    const char *const words[] = {kinds[kind].verb, "list", "--json", NULL};
    enum status status = ask(registrar, words, "", &list);
    bool is_answered = status == OK || status == REFUSED; /* there are none */
    for (unsigned i = 0; i < ROLL_OF_KIND && is_answered; i++) {
        unsigned number = kind * ROLL_OF_KIND + i;
        name_of(registrar, number, address);
        see(registrar, number, ways_in(buffer_text(&list), address, kind));
    }
    roll_of(registrar)->looked += is_answered;
    buffer_finish(&list);
    return is_answered;
}

/* A password that is known must do. YIELDS. */
static void log_in(const struct registrar *registrar, unsigned number)
{
    char address[NAME_BYTES];
    const struct roll_name *name = &roll_of(registrar)->names[number];
    unsigned way = roll_way(name);
    if (way == ROLL_ABSENT || way == ROLL_WAYS || name->is_slowed)
        return;
    name_of(registrar, number, address);
    const char *const words[] = {"login", "test", address, NULL};
    if (ask(registrar, words, meanings[way].password, NULL) == REFUSED)
        ledger_wrong(registrar->ledger, WRONG_ROLL, "%s: %s is his password, and does not do",
                     address, meanings[way].password);
}

/* One that he had, or another's, must not; then his next try is free again. YIELDS. */
static void log_in_wrongly(const struct registrar *registrar, unsigned number)
{
    char address[NAME_BYTES];
    struct roll_name *name = &roll_of(registrar)->names[number];
    unsigned way = ROLL_FIRST + below(registrar, 3);
    if ((name->ways & 1u << way) != 0)
        return;
    name_of(registrar, number, address);
    const char *const words[] = {"login", "test", address, NULL};
    enum status status = ask(registrar, words, meanings[way].password, NULL);
    if (status == OK)
        ledger_wrong(registrar->ledger, WRONG_ROLL, "%s: %s is not his password, and does", address,
                     meanings[way].password);
    const char *const unlock[] = {"user", "unlock", address, NULL};
    name->is_slowed = ask(registrar, unlock, "", NULL) == TRY_LATER || status == TRY_LATER;
}

static void look(const struct registrar *registrar)
{
    unsigned number = below(registrar, ROLL_OF_KIND), what = below(registrar, ROLL_KINDS + 3);
    if (what < ROLL_KINDS)
        look_at(registrar, (enum roll_kind)what);
    else if (what == ROLL_KINDS)
        log_in_wrongly(registrar, number);
    else
        log_in(registrar, number);
}

/* ---- The task ---- */

/* What comes to light after a start has done so. */
static void start_anew(struct roll *roll)
{
    for (unsigned i = 0; i < ROLL_NAMES; i++) {
        roll->names[i].is_slowed = roll->names[i].is_open = false;
        roll->names[i].rests_until_ms = 0;
    }
}

static bool look_at_lists(const struct registrar *registrar)
{
    bool are_answered = true;
    for (unsigned kind = 0; kind < ROLL_KINDS && are_answered; kind++)
        are_answered = look_at(registrar, (enum roll_kind)kind);
    return are_answered;
}

/* Once nothing fails any more. */
static void look_at_all(const struct registrar *registrar)
{
    if (task_sleep(50 * MINUTE) != OK)
        return;
    for (unsigned tries = 0; !look_at_lists(registrar); tries++) {
        if (tries == LAST_TRIES)
            ledger_wrong(registrar->ledger, WRONG_ROLL,
                         "site %s: its directory does not answer: %s", registrar->site->name,
                         fail_reason());
        if (tries == LAST_TRIES || task_sleep(MINUTE) != OK)
            return;
    }
    for (unsigned i = 0; i < ROLL_OF_KIND; i++) {
        log_in(registrar, i);
        log_in_wrongly(registrar, i);
    }
}

void registrar_task(void *argument)
{
    const struct registrar *registrar = argument;
    bool is_short = registrar->ledger->plan.is_short;
    start_anew(roll_of(registrar));
    for (unsigned i = 0; !registrar->is_last || (is_short && i < SHORT_CHANGES); i++) {
        if (task_sleep(1 + random_below(is_short ? MINUTE : 5 * MINUTE)) != OK)
            return;
        if (is_short || weather_strikes(registrar->weather, WEATHER_ROLL))
            change(registrar);
        if (below(registrar, 3) == 0)
            look(registrar);
    }
    look_at_all(registrar);
}
