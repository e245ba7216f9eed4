#include "talk_hear.h"

#include <stdlib.h>
#include <string.h>

#include "message.h"

/* ---- Pieces of responses ---- */

static struct text next_word(struct text *rest)
{
    struct text word = TEXT("");
    text_word(rest, &word);
    return text_trim(word);
}

static uint64_t number_of(struct text text)
{
    uint64_t number = 0;
    text_to_u64(text_trim(text), &number);
    return number;
}

unsigned talk_set(struct text set, uint32_t *out, unsigned most)
{
    unsigned count = 0;
    struct text part;
    while (text_split(&set, ',', &part)) {
        uint32_t first = (uint32_t)number_of(text_before(part, ':'));
        uint32_t last = text_find(part, ':') == part.length
                            ? first
                            : (uint32_t)number_of(text_after(part, ':'));
        for (uint32_t uid = first; uid <= last && count < most; uid++)
            out[count++] = uid;
    }
    return count;
}

/* "{n}", then n bytes; "(...)"; or up to a space. */
static struct text take_value(struct text *rest)
{
    size_t end;
    struct text value;
    if (text_starts_with(*rest, TEXT("{"))) {
        size_t length = number_of(text_before(text_from_position(*rest, 1), '}'));
        *rest = text_after(*rest, '\n');
        value = text_head(*rest, length);
        end = value.length;
    } else if (text_starts_with(*rest, TEXT("("))) {
        value = text_before(text_from_position(*rest, 1), ')');
        end = value.length + 2;
    } else {
        value = text_before(text_before(*rest, ' '), ')');
        end = value.length;
    }
    *rest = text_from_position(*rest, end);
    return value;
}

/* "NAME value" of a FETCH; names may have brackets with spaces in them. */
static bool take_item(struct text *rest, struct text *name, struct text *value)
{
    while (text_starts_with(*rest, TEXT(" ")) || text_starts_with(*rest, TEXT("(")))
        *rest = text_from_position(*rest, 1);
    if (text_is_empty(*rest) || text_starts_with(*rest, TEXT(")")))
        return false;
    size_t bracket = text_find(*rest, '['), end = text_find(*rest, ' ');
    if (bracket < end)
        end = text_find(*rest, ']') + 1;
    *name = text_head(*rest, end);
    *rest = text_from_position(*rest, end + 1);
    *value = take_value(rest);
    return true;
}

static uint8_t flags_of(struct text words)
{
    unsigned flags = 0;
    for (struct text word; text_word(&words, &word);)
        for (unsigned bit = 0; shelf_flag_name(bit) != NULL; bit++)
            if (text_equals(word, text_from(shelf_flag_name(bit))))
                flags |= 1u << bit;
    return (uint8_t)flags;
}

/* ---- FETCH ---- */

struct fetched {
    struct shelf_fact fact;
    bool has_flags, is_whole;
    struct text bytes;
};

static void wrong(struct talk *talk, uint32_t uid, const char *what)
{
    shelf_wrong(talk->ledger, talk->shelf, uid, what);
}

static void learn_uid(struct talk *talk, unsigned number, uint32_t uid)
{
    uint32_t *place = &talk->uids[number - 1];
    if (*place == uid)
        return;
    uint32_t before = 0, behind = number < talk->count ? talk->uids[number] : 0;
    for (unsigned i = 0; i + 1 < number; i++)
        before = talk->uids[i] == 0 ? before : talk->uids[i];
    if (*place != 0)
        wrong(talk, uid, "it has the number of another message");
    if (uid <= before || (behind != 0 && uid >= behind))
        wrong(talk, uid, "UIDs do not ascend");
    *place = uid;
    shelf_there(talk->ledger, talk->shelf, uid, talk->asked);
}

static void learn_bytes(struct talk *talk, const struct fetched *fetched)
{
    uint32_t number = message_number(fetched->bytes), uid = fetched->fact.uid;
    shelf_named(talk->ledger, talk->shelf, uid, number);
    if (fetched->is_whole && !message_is_whole(fetched->bytes))
        wrong(talk, uid, "its bytes are not those that were sent");
}

static void learn_flags(struct talk *talk, const struct shelf_fact *fact)
{
    struct shelf_place *place = shelf_place(talk->ledger, talk->shelf, fact->uid);
    uint16_t *known = &talk->memory->known[fact->uid % SHELF_UIDS];
    if (place == NULL)
        return;
    if (fact->modseq == 0)
        wrong(talk, fact->uid, "flags without a mod-sequence");
    if (fact->modseq <= talk->resumed && *known != (SHELF_KNOWN | fact->flags))
        wrong(talk, fact->uid, "a client that came back was not told of it");
    *known = (uint16_t)(SHELF_KNOWN | fact->flags);
    shelf_told(talk->ledger, talk->shelf, fact, talk->asked);
    if (fact->modseq == place->modseq)
        place->unsure &= (uint8_t)~talk->learns;
    if (fact->modseq > talk->modseq_told)
        talk->modseq_told = fact->modseq;
}

static void hear_fetch(struct talk *talk, uint32_t number, struct text rest)
{
    struct fetched fetched = {0};
    struct text name, value;
    while (take_item(&rest, &name, &value)) {
        if (text_equals(name, TEXT("UID")))
            fetched.fact.uid = (uint32_t)number_of(value);
        else if (text_equals(name, TEXT("MODSEQ")))
            fetched.fact.modseq = number_of(value);
        else if (text_equals(name, TEXT("FLAGS")))
            fetched.fact.flags = flags_of(value);
        else
            fetched.bytes = value;
        fetched.has_flags |= text_equals(name, TEXT("FLAGS"));
        fetched.is_whole |= text_equals(name, TEXT("BODY[]"));
    }
    if (number == 0 || number > talk->count) {
        wrong(talk, fetched.fact.uid, "FETCH of a number that is none");
        return;
    }
    if (fetched.fact.uid != 0)
        learn_uid(talk, number, fetched.fact.uid);
    fetched.fact.uid = talk->uids[number - 1];
    if (fetched.fact.uid == 0)
        return; /* of a new message, whose UID was not asked for yet */
    if (fetched.has_flags)
        learn_flags(talk, &fetched.fact);
    if (fetched.bytes.length > 0)
        learn_bytes(talk, &fetched);
}

/* ---- Messages come and go ---- */

static void hear_exists(struct talk *talk, uint32_t count, struct text rest)
{
    (void)rest;
    if (count < talk->count || count > SHELF_UIDS) {
        wrong(talk, 0, "EXISTS of fewer messages, and no EXPUNGE");
        return;
    }
    memset(&talk->uids[talk->count], 0, (count - talk->count) * sizeof(*talk->uids));
    talk->count = count;
}

static void take_out(struct talk *talk, unsigned number)
{
    uint32_t uid = talk->uids[number - 1];
    memmove(&talk->uids[number - 1], &talk->uids[number],
            (talk->count - number) * sizeof(*talk->uids));
    talk->count--;
    if (uid == 0)
        return;
    shelf_gone(talk->ledger, talk->shelf, uid);
    talk->memory->known[uid % SHELF_UIDS] = 0;
}

static void hear_expunge(struct talk *talk, uint32_t number, struct text rest)
{
    (void)rest;
    if (talk->numbers_hold || talk->hears_vanished)
        wrong(talk, 0, "EXPUNGE while numbers are in use, or in place of VANISHED");
    if (number == 0 || number > talk->count)
        wrong(talk, 0, "EXPUNGE of a number that is none");
    else
        take_out(talk, number);
}

/* Of what a client that comes back knows, and perhaps of what it never knew. */
static void hear_earlier(struct talk *talk, uint32_t uid)
{
    if (uid >= SHELF_UIDS || talk->shelf->places[uid].there == 0)
        return;
    shelf_gone(talk->ledger, talk->shelf, uid);
    talk->memory->known[uid] = 0;
}

/* The number of a message that was not asked for its UID yet, and must be this one or its like. */
static unsigned unknown_number(const struct talk *talk, uint32_t uid)
{
    unsigned found = 0;
    for (unsigned i = 0; i < talk->count && talk->uids[i] < uid; i++)
        if (talk->uids[i] == 0)
            found = i + 1;
        else
            found = 0;
    return found;
}

static void hear_vanished(struct talk *talk, struct text rest)
{
    static uint32_t uids[SHELF_UIDS];
    struct text word = next_word(&rest);
    bool is_earlier = text_equals(word, TEXT("(EARLIER)"));
    unsigned count = talk_set(is_earlier ? next_word(&rest) : word, uids, SHELF_UIDS);
    if (!talk->hears_vanished || (talk->numbers_hold && !is_earlier))
        wrong(talk, uids[0], "VANISHED while numbers are in use, or to whom did not ask for it");
    if (!is_earlier)
        talk_recall(talk);
    for (unsigned i = 0; i < count; i++) {
        unsigned number = is_earlier ? 0 : talk_number(talk, uids[i]);
        if (number == 0)
            number = unknown_number(talk, uids[i]);
        if (is_earlier) {
            hear_earlier(talk, uids[i]);
        } else if (number > 0) {
            talk->uids[number - 1] = uids[i];
            take_out(talk, number);
        } else
            wrong(talk, uids[i], "VANISHED of a message that was not there");
    }
}

static void hear_search(struct talk *talk, struct text rest)
{
    uint32_t before = 0;
    for (struct text word; text_word(&rest, &word);) {
        uint32_t number = (uint32_t)number_of(word);
        if (number <= before || number > talk->count)
            wrong(talk, number, "SEARCH finds a number that is none, or out of order");
        before = number;
    }
}

/* ---- All of them ---- */

bool talk_code(const struct talk *talk, const char *name, struct text *words)
{
    *words = text_from(talk->code);
    return text_equals(next_word(words), text_from(name));
}

static void hear_highest(struct talk *talk, uint64_t modseq)
{
    if (modseq < talk->modseq_then)
        wrong(talk, 0, "HIGHESTMODSEQ went back");
    if (modseq > talk->modseq_told)
        talk->modseq_told = modseq;
    talk->highest = modseq;
}

void talk_hear_code(struct talk *talk, struct text text)
{
    text = text_trim(text);
    if (!text_starts_with(text, TEXT("[")))
        return;
    struct text code = text_before(text_from_position(text, 1), ']'), words = code;
    struct text name = next_word(&words);
    if (!text_equals(name, TEXT("HIGHESTMODSEQ")))
        text_copy(code, talk->code, sizeof(talk->code));
    if (talk->shelf == NULL)
        return;
    if (text_equals(name, TEXT("UIDVALIDITY")))
        shelf_validity(talk->ledger, talk->shelf, (uint32_t)number_of(words));
    else if (text_equals(name, TEXT("UIDNEXT")))
        shelf_next(talk->ledger, talk->shelf, (uint32_t)number_of(words), talk->next_then);
    else if (text_equals(name, TEXT("HIGHESTMODSEQ")))
        hear_highest(talk, number_of(words));
}

void talk_hear(struct talk *talk, struct text response)
{
    static const struct {
        const char *word;
        void (*hear)(struct talk *talk, uint32_t number, struct text rest);
    } numbered[] = {{"EXISTS", hear_exists}, {"EXPUNGE", hear_expunge}, {"FETCH", hear_fetch}};
    struct text rest = response, word = next_word(&rest);
    uint32_t number;
    if (text_equals(word, TEXT("OK"))) {
        talk_hear_code(talk, rest);
    } else if (talk->shelf == NULL) {
        return;
    } else if (text_equals(word, TEXT("VANISHED"))) {
        hear_vanished(talk, rest);
    } else if (text_equals(word, TEXT("SEARCH"))) {
        hear_search(talk, rest);
    } else if (text_to_u32(word, &number)) {
        word = next_word(&rest);
        for (unsigned i = 0; i < sizeof(numbered) / sizeof(*numbered); i++)
            if (text_equals(word, text_from(numbered[i].word)))
                numbered[i].hear(talk, number, rest);
    }
}
