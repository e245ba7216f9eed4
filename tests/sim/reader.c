#include "reader.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "message.h"
#include "people.h"
#include "talk.h"
#include "wire.h"

enum {
    CHOSEN_MOST = 3,
    ROUNDS_MOST = 3,
    STEPS_MOST = 10,
    /* What a wire holds back arrives by then. */
    STALE = 45 * MINUTE
};

/* user is at the client, owner has the mailboxes. */
static const struct seat {
    unsigned user, owner;
    uint8_t mark;
} seats[SEATS] = {{0, 0, SHELF_ONE},     {0, 0, SHELF_FLAGGED}, {1, 1, SHELF_ONE},
                  {1, 1, SHELF_FLAGGED}, {2, 2, SHELF_ONE},     {2, 2, SHELF_FLAGGED},
                  {1, 0, SHELF_TWO}};

/* One mailbox, open. */
struct visit {
    struct reader *reader;
    const struct seat *seat;
    struct talk *talk;
    unsigned owner; /* recipient */
};

/* Messages that a command is about. */
struct chosen {
    uint32_t uids[CHOSEN_MOST];
    unsigned count;
};

static bool is_guest(const struct visit *visit)
{
    return visit->seat->user != visit->seat->owner;
}

static void mailbox_path(const struct visit *visit, unsigned which, char out[64])
{
    char owner[LEDGER_ADDRESS_BYTES];
    ledger_address(visit->owner, owner);
    if (is_guest(visit))
        snprintf(out, 64, "\"Other Users/%s/%s\"", owner, shelf_name(which));
    else
        snprintf(out, 64, "%s", shelf_name(which));
}

static struct shelf_place *place_of(const struct visit *visit, uint32_t uid)
{
    return &visit->talk->shelf->places[uid];
}

static const char *flag_name(uint8_t flag)
{
    unsigned bit = 0;
    while (1u << bit != flag)
        bit++;
    return shelf_flag_name(bit);
}

static void wrong(const struct visit *visit, uint32_t uid, const char *what)
{
    shelf_wrong(visit->reader->ledger, visit->talk->shelf, uid, what);
}

/* ---- Choosing ---- */

/* It is known what it is; of one whose bytes are lost nobody expects anything. */
static bool is_known(const struct visit *visit, uint32_t uid)
{
    uint32_t number = uid == 0 ? 0 : place_of(visit, uid)->number;
    return number != 0 && !visit->reader->ledger->messages[number - 1].rotten;
}

/* Some, ascending, of those. */
static void choose(const struct visit *visit, struct chosen *chosen)
{
    const struct talk *talk = visit->talk;
    unsigned wanted = 1 + random_below(CHOSEN_MOST);
    chosen->count = 0;
    if (talk->count == 0)
        return;
    for (unsigned i = random_below(talk->count); i < talk->count && chosen->count < wanted; i++)
        if (is_known(visit, talk->uids[i]))
            chosen->uids[chosen->count++] = talk->uids[i];
}

static void write_set(const struct visit *visit, const struct chosen *chosen, bool by_number,
                      char out[64])
{
    size_t used = 0;
    for (unsigned i = 0; i < chosen->count; i++)
        used += (size_t)snprintf(out + used, 64 - used, "%s%u", i > 0 ? "," : "",
                                 by_number ? talk_number(visit->talk, chosen->uids[i])
                                           : chosen->uids[i]);
}

/* "VERB set rest", by numbers or by UIDs. */
static enum answer ask_about(const struct visit *visit, const struct chosen *chosen,
                             const char *verb, const char *rest)
{
    bool by_number = random_below(2) == 0;
    char set[64];
    write_set(visit, chosen, by_number, set);
    return talk_ask(visit->talk, "%s%s %s %s", by_number ? "" : "UID ", verb, set, rest);
}

static void note_tried(const struct visit *visit, const struct chosen *chosen, uint8_t what)
{
    for (unsigned i = 0; i < chosen->count; i++)
        place_of(visit, chosen->uids[i])->tried |= what;
}

static void must_be_gone(const struct visit *visit, const struct chosen *chosen)
{
    for (unsigned i = 0; i < chosen->count; i++)
        if (talk_number(visit->talk, chosen->uids[i]) > 0)
            wrong(visit, chosen->uids[i], "its removal was answered OK, and it is shown");
}

/* ---- Steps ---- */

static enum answer look(struct visit *visit)
{
    return talk_look(visit->talk);
}

static enum answer noop(struct visit *visit)
{
    return talk_noop(visit->talk);
}

static enum answer idle(struct visit *visit)
{
    return talk_idle(visit->talk, 1 + random_below(15 * MINUTE));
}

static enum answer search(struct visit *visit)
{
    static const char *const keys[] = {"ALL", "UNSEEN", "FLAGGED", "NOT DELETED"};
    return talk_ask(visit->talk, "SEARCH %s", keys[random_below(4)]);
}

static enum answer read_whole(struct visit *visit)
{
    struct chosen chosen;
    choose(visit, &chosen);
    if (chosen.count == 0)
        return ANSWER_OK;
    return ask_about(visit, &chosen, "FETCH",
                     random_below(2) == 0 ? "(UID FLAGS MODSEQ BODY[])"
                                          : "(UID FLAGS MODSEQ BODY.PEEK[])");
}

/* Flags that others change too. */
static enum answer flag(struct visit *visit)
{
    static const uint8_t flags[] = {SHELF_SEEN, SHELF_ANSWERED, SHELF_DRAFT};
    struct chosen chosen;
    char rest[64];
    choose(visit, &chosen);
    if (chosen.count == 0)
        return ANSWER_OK;
    snprintf(rest, sizeof(rest), "%cFLAGS (%s)", random_below(3) == 0 ? '-' : '+',
             flag_name(flags[random_below(3)]));
    return ask_about(visit, &chosen, "STORE", rest);
}

/* The mark that is this client's alone: so it is seen that no change is lost. */
static enum answer mark(struct visit *visit)
{
    struct chosen chosen;
    char rest[64];
    uint8_t bit = visit->seat->mark, wanted = random_below(3) == 0 ? 0 : bit, changes = 0;
    choose(visit, &chosen);
    if (chosen.count == 0)
        return ANSWER_OK;
    for (unsigned i = 0; i < chosen.count; i++) {
        struct shelf_place *place = place_of(visit, chosen.uids[i]);
        bool differs = (place->unsure & bit) == 0 && (place->flags & bit) != wanted;
        changes |= (uint8_t)(differs << i);
        place->unsure |= bit;
    }
    snprintf(rest, sizeof(rest), "%cFLAGS (%s)", wanted == 0 ? '-' : '+', flag_name(bit));
    enum answer answer = ask_about(visit, &chosen, "STORE", rest);
    for (unsigned i = 0; answer == ANSWER_OK && i < chosen.count; i++) {
        struct shelf_place *place = place_of(visit, chosen.uids[i]);
        if (place->tried == 0 && (place->flags & bit) != wanted)
            wrong(visit, chosen.uids[i], "STORE was answered OK, and the flag is not so");
        if (place->tried == 0 && (changes & 1u << i) != 0 &&
            place->modseq <= visit->talk->modseq_then)
            wrong(visit, chosen.uids[i], "a change, and no new mod-sequence");
        if ((place->flags & bit) == wanted)
            place->unsure &= (uint8_t)~visit->talk->learns;
    }
    return answer;
}

static enum answer remove_some(struct visit *visit)
{
    struct chosen chosen;
    char set[64];
    choose(visit, &chosen);
    if (chosen.count == 0)
        return ANSWER_OK;
    note_tried(visit, &chosen, TRIED_REMOVE);
    enum answer answer = ask_about(visit, &chosen, "STORE", "+FLAGS (\\Deleted)");
    if (answer != ANSWER_OK)
        return answer;
    write_set(visit, &chosen, false, set);
    answer = random_below(2) == 0 ? talk_ask(visit->talk, "EXPUNGE")
                                  : talk_ask(visit->talk, "UID EXPUNGE %s", set);
    if (answer == ANSWER_OK)
        must_be_gone(visit, &chosen);
    if (answer == ANSWER_OK)
        visit->reader->ledger->removed += chosen.count;
    return answer;
}

/* "[APPENDUID validity uid]", "[COPYUID validity from to]": messages are on a shelf now. */
static void put_on_shelf(struct visit *visit, struct shelf *to, uint32_t least, uint32_t uid,
                         uint32_t number)
{
    struct ledger *ledger = visit->reader->ledger;
    if (uid < least)
        shelf_wrong(ledger, to, uid, "a new message has a UID below UIDNEXT");
    shelf_there(ledger, to, uid, visit->talk->asked);
    shelf_named(ledger, to, uid, number);
}

static uint32_t take_number(struct text *words)
{
    struct text word = TEXT("");
    uint32_t number = 0;
    text_word(words, &word);
    text_to_u32(word, &number);
    return number;
}

/* Returns how many were copied. */
static unsigned take_copies(struct visit *visit, struct shelf *to, uint32_t least)
{
    struct text words, from_set = TEXT(""), to_set = TEXT("");
    uint32_t from[CHOSEN_MOST], new[CHOSEN_MOST];
    if (!talk_code(visit->talk, "COPYUID", &words))
        return 0;
    shelf_validity(visit->reader->ledger, to, take_number(&words));
    text_word(&words, &from_set);
    text_word(&words, &to_set);
    unsigned count = talk_set(from_set, from, CHOSEN_MOST);
    if (talk_set(to_set, new, CHOSEN_MOST) != count)
        wrong(visit, 0, "COPYUID with sets of two sizes");
    for (unsigned i = 0; i < count; i++) {
        const struct shelf_place *place =
            shelf_place(visit->reader->ledger, visit->talk->shelf, from[i]);
        if (place == NULL || place->number == 0)
            continue;
        put_on_shelf(visit, to, least, new[i], place->number - 1);
        struct shelf_place *copied = shelf_place(visit->reader->ledger, to, new[i]);
        if (copied != NULL)
            copied->tried |= place->tried & TRIED_REMOVE; /* \Deleted comes along */
    }
    return count;
}

static enum answer copy_or_move(struct visit *visit, bool moves)
{
    struct ledger *ledger = visit->reader->ledger;
    struct chosen chosen;
    char path[64];
    unsigned which = is_guest(visit) ? SHELF_KEPT : random_below(SHELVES_OF_USER), certain = 0;
    struct shelf *to = shelf_of(ledger, visit->owner, which);
    choose(visit, &chosen);
    if (chosen.count == 0)
        return ANSWER_OK;
    if (moves)
        note_tried(visit, &chosen, TRIED_MOVE);
    for (unsigned i = 0; i < chosen.count; i++) {
        const struct shelf_place *place = place_of(visit, chosen.uids[i]);
        ledger->messages[place->number - 1].copied[visit->owner]++;
    }
    mailbox_path(visit, which, path);
    uint32_t least = to->uid_next;
    enum answer answer = ask_about(visit, &chosen, moves ? "MOVE" : "COPY", path);
    if (answer != ANSWER_OK)
        return answer;
    for (unsigned i = 0; i < chosen.count; i++)
        certain += place_of(visit, chosen.uids[i])->tried == 0;
    if (take_copies(visit, to, least) < certain)
        wrong(visit, chosen.uids[0], "COPY was answered OK, and not all were copied");
    if (moves)
        must_be_gone(visit, &chosen);
    return answer;
}

static enum answer copy(struct visit *visit)
{
    return copy_or_move(visit, false);
}

static enum answer move(struct visit *visit)
{
    return copy_or_move(visit, true);
}

/* A message that its owner accepts from himself: the verdict asks for it as for any other. */
static enum answer append(struct visit *visit)
{
    struct ledger *ledger = visit->reader->ledger;
    unsigned which = is_guest(visit) ? SHELF_KEPT : random_below(SHELVES_OF_USER);
    struct shelf *to = shelf_of(ledger, visit->owner, which);
    char path[64], command[96];
    struct buffer bytes;
    struct text words;
    if (ledger->count == MESSAGES_MAX)
        return ANSWER_OK;
    uint32_t number = ledger->count++, least = to->uid_next;
    struct ledger_message *message = &ledger->messages[number];
    message->site = (uint8_t)visit->reader->site;
    message->accepted = (uint16_t)(1u << visit->owner);
    buffer_init(&bytes, MESSAGE_MOST);
    message_compose(&bytes, visit->reader->weather, visit->reader->site, number);
    mailbox_path(visit, which, path);
    snprintf(command, sizeof(command), "APPEND %s %s", path,
             random_below(2) == 0 ? "(\\Seen)" : "()");
    enum answer answer = talk_ask_with(visit->talk, buffer_text(&bytes), command);
    buffer_finish(&bytes);
    message->acknowledged = answer == ANSWER_OK;
    ledger->appended += answer == ANSWER_OK;
    if (answer == ANSWER_OK && talk_code(visit->talk, "APPENDUID", &words)) {
        shelf_validity(ledger, to, take_number(&words));
        put_on_shelf(visit, to, least, take_number(&words), number);
    }
    return answer;
}

static const struct step {
    enum answer (*take)(struct visit *visit);
    unsigned weight;
    bool changes; /* the mailbox: not after EXAMINE */
} steps[] = {
    {look, 3, false},      {noop, 3, false}, {idle, 2, false},  {search, 2, false},
    {read_whole, 4, true}, {flag, 5, true},  {mark, 8, true},   {remove_some, 2, true},
    {copy, 2, true},       {move, 2, true},  {append, 2, true},
};
enum { STEPS = sizeof(steps) / sizeof(*steps) };

static const struct step *choose_step(bool may_change)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < STEPS; i++)
        sum += may_change || !steps[i].changes ? steps[i].weight : 0;
    uint32_t at = random_below(sum);
    for (const struct step *step = steps;; step++) {
        unsigned weight = may_change || !step->changes ? step->weight : 0;
        if (at < weight)
            return step;
        at -= weight;
    }
}

/* ---- Visits ---- */

static enum answer make_kept(struct visit *visit)
{
    struct talk *talk = visit->talk;
    char guest[LEDGER_ADDRESS_BYTES];
    struct text words;
    ledger_address(visit->reader->site * USERS + seats[SEATS - 1].user, guest);
    enum answer answer = talk_ask(talk, "CREATE Kept");
    if (answer == ANSWER_NONE || (answer == ANSWER_NO && !talk_code(talk, "ALREADYEXISTS", &words)))
        return answer;
    answer = talk_ask(talk, "SETACL Kept %s lrswitedakx", guest);
    if (answer == ANSWER_OK)
        shelf_of(visit->reader->ledger, visit->owner, SHELF_KEPT)->exists = true;
    return answer;
}

static enum answer open_mailbox(struct visit *visit, unsigned which, bool may_change)
{
    struct ledger *ledger = visit->reader->ledger;
    struct shelf *shelf = shelf_of(ledger, visit->owner, which);
    struct text words;
    char path[64], command[96];
    if (which == SHELF_KEPT && !shelf->exists && !is_guest(visit) &&
        make_kept(visit) == ANSWER_NONE)
        return ANSWER_NONE;
    mailbox_path(visit, which, path);
    snprintf(command, sizeof(command), "%s %s", may_change ? "SELECT" : "EXAMINE", path);
    struct shelf_memory *memory =
        &ledger->memories[visit->reader->site * SEATS + visit->reader->seat][which];
    bool exists = which == SHELF_INBOX || shelf->exists;
    enum answer answer = talk_select(visit->talk, shelf, memory, command);
    if (answer == ANSWER_NO && exists && talk_code(visit->talk, "NONEXISTENT", &words))
        shelf_wrong(ledger, shelf, 0, "there is no such mailbox any more");
    return answer;
}

/* One mailbox, and what comes to mind there. */
static enum answer round_of(struct visit *visit)
{
    struct talk *talk = visit->talk;
    bool may_change = random_below(6) != 0;
    unsigned which = is_guest(visit) ? SHELF_KEPT : random_below(SHELVES_OF_USER);
    enum answer answer = open_mailbox(visit, which, may_change);
    if (answer != ANSWER_OK)
        return answer;
    talk->learns = clock_monotonic_ms() < visit->reader->stale_ms ? 0 : visit->seat->mark;
    answer = talk_look(talk);
    for (unsigned left = random_below(STEPS_MOST); left > 0 && answer != ANSWER_NONE; left--) {
        if (random_below(3) == 0 && task_sleep(random_below(5 * MINUTE)) != OK)
            return ANSWER_NONE;
        answer = choose_step(may_change)->take(visit);
    }
    if (answer != ANSWER_NONE)
        answer = talk_ask(talk, random_below(3) == 0 ? "CLOSE" : "UNSELECT");
    talk_unselected(talk);
    return answer;
}

static bool enter(struct visit *visit)
{
    char user[LEDGER_ADDRESS_BYTES];
    struct talk *talk = visit->talk;
    ledger_address(visit->reader->site * USERS + visit->seat->user, user);
    talk->hears_vanished = random_below(2) == 0;
    return talk_greeted(talk) && talk_ask(talk, "LOGIN %s " PEOPLE_PASSWORD, user) == ANSWER_OK &&
           talk_ask(talk, "ENABLE %s", talk->hears_vanished ? "QRESYNC" : "CONDSTORE") == ANSWER_OK;
}

static void visit_once(struct reader *reader)
{
    const struct seat *seat = &seats[reader->seat];
    struct visit visit = {
        .reader = reader, .seat = seat, .owner = reader->site * USERS + seat->owner};
    enum answer answer = ANSWER_OK;
    int fd = wire_dial(reader->port);
    if (fd < 0)
        return;
    reader->ledger->visits++;
    visit.talk = talk_begin(reader->ledger, fd);
    if (enter(&visit)) {
        for (unsigned left = 1 + random_below(ROUNDS_MOST); left > 0 && answer != ANSWER_NONE;
             left--)
            answer = round_of(&visit);
        if (answer != ANSWER_NONE && random_below(4) != 0)
            talk_ask(visit.talk, "LOGOUT");
    }
    if (answer == ANSWER_NONE)
        reader->stale_ms = clock_monotonic_ms() + STALE;
    talk_end(&visit.talk);
}

void reader_forget(struct ledger *ledger, unsigned user, unsigned which, uint32_t uid)
{
    for (unsigned i = 0; i < SITES * SEATS; i++)
        if (i / SEATS * USERS + seats[i % SEATS].owner == user)
            ledger->memories[i][which].known[uid] = 0;
}

void reader_task(void *argument)
{
    struct reader *reader = argument;
    for (unsigned i = 0; i < reader->most && task_sleep(random_below(reader->pause_ms)) == OK; i++)
        visit_once(reader);
}
