/* From addresses down to mailboxes and addresses elsewhere: who is a member, who forwards, and for
 * whom the mail is not. A walk with its own stack and a set of what was seen: nothing recursive,
 * every list is opened once a call. */
#include <inttypes.h>
#include <string.h>

#include "base/array.h"
#include "base/check.h"
#include "base/map.h"
#include "directory/attribute.h"
#include "directory/selection.h"
#include "directory/senders.h"
#include "directory/state.h"

/* Work is bounded by members looked at, whether or not they lead to someone new. The first few of
 * each recipient are free, so that a monstrous group does not take others' mail down with it. */
enum { STEPS_MAX = 4 * DIRECTORY_TARGETS_MAX, STEPS_FREE = 16 };

/* A list being walked, a user who forwards, or the address asked about (key ""). */
struct level {
    struct text key;
    struct directory_member *members;
    unsigned count, next;
    unsigned group; /* innermost, as of a target */
    bool keeps;     /* a user who forwards, and has his copy */
};

struct seen {
    struct text key;
    struct seen *before;
};

struct expansion {
    struct directory *directory;
    const struct directory_facts *facts; /* or NULL */
    struct arena *arena;
    struct senders *senders; /* NULL without facts */
    struct map *seen;        /* users, lists and addresses that came up */
    struct seen *seen_newly; /* for the present recipient */
    struct directory_answer *answer;
    unsigned limit;
    unsigned recipient;
    unsigned steps_free, steps; /* for the present recipient; beyond those, for all */
    bool overflowed;            /* the present recipient's targets do not fit */
    struct level levels[DIRECTORY_DEPTH_MAX + 1];
    unsigned depth;
    struct directory_target surplus; /* what does not fit goes here */
    directory_step_visit *visit;     /* or NULL */
    void *context;
};

static void tell(struct expansion *expansion, struct text address, struct text words)
{
    if (expansion->visit != NULL)
        expansion->visit(expansion->context, expansion->depth - 1, address, words);
}

/* True when it is new. */
static bool note_seen(struct expansion *expansion, struct text key)
{
    if (map_put(expansion->seen, key, expansion) != NULL)
        return false;
    struct seen *seen = arena_alloc(expansion->arena, sizeof(*seen));
    *seen = (struct seen){key, expansion->seen_newly};
    expansion->seen_newly = seen;
    return true;
}

/* The level whose member is being followed. */
static const struct level *here(const struct expansion *expansion)
{
    return &expansion->levels[expansion->depth > 0 ? expansion->depth - 1 : 0];
}

static struct directory_target *emit(struct expansion *expansion, enum directory_target_kind kind,
                                     struct text address)
{
    struct directory_answer *answer = expansion->answer;
    if (answer->target_count >= expansion->limit) {
        expansion->overflowed = true;
        return &expansion->surplus;
    }
    answer->targets = arena_grow(expansion->arena, answer->targets, answer->target_count,
                                 sizeof(*answer->targets));
    struct directory_target *target = &answer->targets[answer->target_count++];
    *target = (struct directory_target){.kind = kind,
                                        .address = address,
                                        .recipient = expansion->recipient,
                                        .group = here(expansion)->group,
                                        .receive_bytes = DIRECTORY_NO_LIMIT};
    return target;
}

static void emit_refused(struct expansion *expansion, struct text address, const char *status,
                         struct text reason)
{
    struct directory_target *target = emit(expansion, TARGET_REFUSED, address);
    target->status = text_from(status);
    target->reason = reason;
    tell(expansion, address,
         arena_printf(expansion->arena, "refused (%s): %.*s", status, TEXT_ARG(reason)));
}

static void emit_loop(struct expansion *expansion, struct text key)
{
    tell(expansion, key, TEXT("a loop, or nested too deep"));
    /* Byte 1 is in no key: the list itself and its loop are different things to have seen. */
    if (note_seen(expansion, arena_printf(expansion->arena, "\1%.*s", TEXT_ARG(key))))
        emit(expansion, TARGET_LOOP, key);
}

static const struct level *open_level(const struct expansion *expansion, struct text key)
{
    for (unsigned i = 0; i < expansion->depth; i++)
        if (text_equals(expansion->levels[i].key, key))
            return &expansion->levels[i];
    return NULL;
}

static struct level *push(struct expansion *expansion, struct text key)
{
    unsigned group = here(expansion)->group;
    struct level *level = &expansion->levels[expansion->depth++];
    *level = (struct level){.key = key, .group = group};
    return level;
}

static void push_one(struct expansion *expansion, struct text key, struct text target)
{
    struct level *level = push(expansion, key);
    level->members = arena_alloc(expansion->arena, sizeof(*level->members));
    *level->members = (struct directory_member){target, target};
    level->count = 1;
}

/* ---- Who may send there ---- */

/* The reason why not, or "". */
static struct text objection(struct expansion *expansion, const struct attributes *attributes,
                             bool is_group)
{
    const struct text *values = attributes->values;
    struct senders *senders = expansion->senders;
    bool is_logged_in = expansion->facts->login.length > 0;
    if (attributes_flag(attributes, ATTRIBUTE_REQUIRE_LOGIN) && !is_logged_in)
        return TEXT("mail is taken from who is logged in alone");
    /* What has no sender is a report: there is nobody to be listed, and a group is sent none. */
    if (expansion->facts->sender.length == 0 && !is_logged_in && !is_group)
        return TEXT("");
    struct text match = senders_match(senders, values[ATTRIBUTE_REJECT_FROM], SENDERS_EITHER);
    if (match.length > 0)
        return TEXT("the recipient takes no mail from this sender");
    if (values[ATTRIBUTE_ACCEPT_FROM].length > 0 &&
        senders_match(senders, values[ATTRIBUTE_ACCEPT_FROM], SENDERS_PROVEN).length == 0)
        return TEXT("the recipient takes mail from some senders alone, and this is none of them");
    return TEXT("");
}

static bool restricts(const struct attributes *attributes)
{
    return attributes->values[ATTRIBUTE_ACCEPT_FROM].length > 0 ||
           attributes->values[ATTRIBUTE_REJECT_FROM].length > 0 ||
           attributes->values[ATTRIBUTE_RECEIVE_LIMIT].length > 0 ||
           attributes_flag(attributes, ATTRIBUTE_REQUIRE_LOGIN);
}

/* False when it was refused. */
static bool admit(struct expansion *expansion, struct text key, const struct attributes *attributes,
                  bool is_group)
{
    uint64_t most;
    if (!restricts(attributes))
        return true;
    expansion->answer->depends = true;
    if (expansion->facts == NULL || expansion->facts->is_internal)
        return true;
    struct text reason = objection(expansion, attributes, is_group);
    const char *status = "5.7.1";
    if (reason.length == 0 && is_group &&
        attributes_number(attributes, ATTRIBUTE_RECEIVE_LIMIT, &most) && most > 0 &&
        expansion->facts->size > most) {
        status = "5.2.3";
        reason = arena_printf(expansion->arena,
                              "the group takes messages of up to %" PRIu64 " bytes", most);
    }
    if (reason.length == 0)
        return true;
    if (note_seen(expansion, key))
        emit_refused(expansion, key, status, reason);
    return false;
}

/* ---- Groups ---- */

/* What holds below the group: the innermost that says who hears of failures counts, and one that
 * hides its members hides all below it. */
static unsigned note_group(struct expansion *expansion, struct text key,
                           const struct attributes *attributes)
{
    struct directory_answer *answer = expansion->answer;
    unsigned outer = here(expansion)->group;
    if (answer->group_count == DIRECTORY_GROUPS_MAX)
        return outer;
    answer->groups =
        arena_grow(expansion->arena, answer->groups, answer->group_count, sizeof(*answer->groups));
    struct directory_group *group = &answer->groups[answer->group_count];
    *group = (struct directory_group){.address = key};
    if (outer != 0) {
        *group = answer->groups[outer - 1];
        group->address = key;
    }
    if (attributes->values[ATTRIBUTE_REPORTS_TO].length > 0) {
        enum reports_to to = attributes_reports_to(attributes);
        bool has_owner = attributes->values[ATTRIBUTE_OWNER].length > 0;
        group->nobody_hears = to == REPORTS_TO_NOBODY;
        group->owner =
            to == REPORTS_TO_OWNER && has_owner ? attributes->values[ATTRIBUTE_OWNER] : TEXT("");
    }
    group->hides_members |= attributes_flag(attributes, ATTRIBUTE_HIDE_MEMBERS);
    return ++answer->group_count;
}

/* Those listed, and those whom its filter means. */
static void find_members(struct expansion *expansion, struct text key, struct text filter,
                         struct level *level)
{
    struct directory *directory = expansion->directory;
    struct directory_member *selected;
    level->count = directory_list_members(directory, key, expansion->arena, &level->members);
    if (filter.length == 0)
        return;
    unsigned count = selection_of(directory, filter, expansion->arena, &selected);
    struct directory_member *all =
        arena_array(expansion->arena, level->count + count, sizeof(*all));
    if (level->count > 0)
        memcpy(all, level->members, level->count * sizeof(*all));
    if (count > 0)
        memcpy(all + level->count, selected, count * sizeof(*all));
    level->members = all;
    level->count += count;
}

static void tell_group(struct expansion *expansion, struct text key,
                       const struct attributes *attributes, unsigned count)
{
    struct text filter = attributes->values[ATTRIBUTE_FILTER];
    if (expansion->visit == NULL)
        return;
    struct text words = arena_printf(expansion->arena, "group of %u", count);
    if (filter.length > 0)
        words = arena_printf(expansion->arena, "%.*s, by filter %.*s", TEXT_ARG(words),
                             TEXT_ARG(filter));
    if (attributes_flag(attributes, ATTRIBUTE_HIDE_MEMBERS))
        words = arena_printf(expansion->arena, "%.*s, hidden", TEXT_ARG(words));
    if (attributes->values[ATTRIBUTE_REPORTS_TO].length > 0)
        words = arena_printf(expansion->arena, "%.*s, reports to %.*s", TEXT_ARG(words),
                             TEXT_ARG(attributes->values[ATTRIBUTE_REPORTS_TO]));
    tell(expansion, key, words);
}

/* Another host of ours knows who is in it. */
static bool is_expanded_elsewhere(struct expansion *expansion, const struct attributes *attributes)
{
    struct text host = attributes->values[ATTRIBUTE_EXPAND_AT];
    expansion->answer->depends |= host.length > 0;
    return expansion->facts != NULL && host.length > 0 &&
           !text_equals_nocase(host, expansion->directory->settings->host);
}

static void open_group(struct expansion *expansion, struct text key)
{
    struct attributes attributes;
    attributes_load(expansion->directory, key, expansion->arena, &attributes);
    if (!admit(expansion, key, &attributes, true))
        return;
    note_seen(expansion, key);
    if (is_expanded_elsewhere(expansion, &attributes)) {
        struct text host = attributes.values[ATTRIBUTE_EXPAND_AT];
        tell(expansion, key,
             arena_printf(expansion->arena, "group, expanded at %.*s", TEXT_ARG(host)));
        emit(expansion, TARGET_EXPAND_AT, key)->reason = host;
        return;
    }
    struct level found = {0};
    find_members(expansion, key, attributes.values[ATTRIBUTE_FILTER], &found);
    tell_group(expansion, key, &attributes, found.count);
    unsigned group = note_group(expansion, key, &attributes);
    if (found.count == 0) {
        emit_refused(expansion, key, "5.2.4", TEXT("the group has no members at present"));
        return;
    }
    struct level *level = push(expansion, key);
    level->members = found.members;
    level->count = found.count;
    level->group = group;
}

static void open_list(struct expansion *expansion, struct text key)
{
    enum directory_list_kind kind = directory_list_kind(expansion->directory, key);
    if (open_level(expansion, key) != NULL) {
        emit_loop(expansion, key);
    } else if (map_get(expansion->seen, key) != NULL) {
        tell(expansion, key, TEXT("as above"));
    } else if (expansion->depth > DIRECTORY_DEPTH_MAX) {
        emit_loop(expansion, key);
    } else if (kind == LIST_GROUP) {
        open_group(expansion, key);
    } else {
        note_seen(expansion, key);
        tell(expansion, key, kind == LIST_ADDRESS ? TEXT("address of a user") : TEXT("alias"));
        struct level *level = push(expansion, key);
        level->count =
            directory_list_members(expansion->directory, key, expansion->arena, &level->members);
    }
}

/* ---- Users ---- */

static void emit_mailbox(struct expansion *expansion, struct text key,
                         const struct attributes *attributes)
{
    struct directory_target *target = emit(expansion, TARGET_MAILBOX, key);
    attributes_number(attributes, ATTRIBUTE_RECEIVE_LIMIT, &target->receive_bytes);
    tell(expansion, key, TEXT("mailbox"));
}

static void forward(struct expansion *expansion, struct text key,
                    const struct attributes *attributes)
{
    bool keeps = attributes_flag(attributes, ATTRIBUTE_FORWARD_KEEP);
    struct text to = attributes->values[ATTRIBUTE_FORWARD_TO], to_key, canonical;
    if (keeps)
        emit_mailbox(expansion, key, attributes);
    if (expansion->depth > DIRECTORY_DEPTH_MAX ||
        directory_address(expansion->directory, to, expansion->arena, &to_key, &canonical) != OK) {
        emit_loop(expansion, key);
        return;
    }
    tell(expansion, key,
         arena_printf(expansion->arena, "forwards to %.*s%s", TEXT_ARG(to),
                      keeps ? ", and keeps a copy" : ""));
    push_one(expansion, key, to_key);
    struct level *level = &expansion->levels[expansion->depth - 1];
    level->members->address = canonical;
    level->keeps = keeps;
}

/* Forwarded round in a circle it is lost, unless somebody on the way keeps it. */
static void meet_again(struct expansion *expansion, struct text key)
{
    const struct level *level = open_level(expansion, key);
    const struct level *end = &expansion->levels[expansion->depth];
    bool is_lost = level != NULL;
    for (; is_lost && level < end; level++)
        is_lost = !level->keeps;
    if (is_lost)
        emit_loop(expansion, key);
    else
        tell(expansion, key, TEXT("as above"));
}

static void follow_user(struct expansion *expansion, struct text key)
{
    struct attributes attributes;
    if (map_get(expansion->seen, key) != NULL) {
        meet_again(expansion, key);
        return;
    }
    attributes_load(expansion->directory, key, expansion->arena, &attributes);
    if (!admit(expansion, key, &attributes, false))
        return;
    note_seen(expansion, key);
    bool forwards = attributes.values[ATTRIBUTE_FORWARD_TO].length > 0;
    expansion->answer->depends |= forwards;
    /* Without a message there is nothing to forward: he himself is meant. */
    if (forwards && expansion->facts != NULL)
        forward(expansion, key, &attributes);
    else
        emit_mailbox(expansion, key, &attributes);
}

/* ---- The walk ---- */

static void open_standing(struct expansion *expansion, struct text key, struct text target)
{
    if (target.length == 0) {
        emit(expansion, TARGET_UNKNOWN, key);
    } else if (expansion->depth > DIRECTORY_DEPTH_MAX) {
        emit_loop(expansion, key);
    } else if (note_seen(expansion, key)) {
        tell(expansion, key, TEXT("stands for whoever is postmaster"));
        push_one(expansion, key, target);
    }
}

static void emit_once(struct expansion *expansion, enum directory_target_kind kind, struct text key,
                      struct text address)
{
    if (!note_seen(expansion, key))
        return;
    emit(expansion, kind, address);
    tell(expansion, address, kind == TARGET_REMOTE ? TEXT("elsewhere") : TEXT("unknown"));
}

static void follow(struct expansion *expansion, const struct directory_member *member)
{
    if (!directory_holds(expansion->directory, member->key)) {
        emit_once(expansion, TARGET_REMOTE, member->key, member->address);
        return;
    }
    struct found found = directory_find(expansion->directory, member->key, expansion->arena);
    switch (found.kind) {
    case FOUND_USER:
        follow_user(expansion, found.key);
        break;
    case FOUND_LIST:
        open_list(expansion, found.key);
        break;
    case FOUND_SENDER:
        emit_once(expansion, TARGET_REMOTE, found.key, found.key);
        break;
    case FOUND_STANDING:
        open_standing(expansion, member->key, found.key);
        break;
    case FOUND_NOBODY:
        emit_once(expansion, TARGET_UNKNOWN, member->key, member->key);
        break;
    case FOUND_AMBIGUOUS:
        if (note_seen(expansion, member->key))
            emit_refused(expansion, member->key, "5.1.4",
                         TEXT("the address is ambiguous: two have it"));
        break;
    }
}

/* Take back what the present recipient led to, so that the others' mail still goes out. */
static void take_back(struct expansion *expansion, unsigned count, struct text key)
{
    for (struct seen *seen = expansion->seen_newly; seen != NULL; seen = seen->before)
        map_remove(expansion->seen, seen->key);
    expansion->answer->target_count = count;
    expansion->overflowed = false;
    expansion->depth = 1;
    expansion->levels[0].group = 0;
    emit_refused(expansion, key, "5.5.3",
                 arena_printf(expansion->arena, "it leads to more than %d recipients",
                              DIRECTORY_TARGETS_MAX));
}

static bool may_step(struct expansion *expansion)
{
    if (expansion->steps_free > 0)
        expansion->steps_free--;
    else
        expansion->steps++;
    return expansion->steps <= STEPS_MAX;
}

static void expand_one(struct expansion *expansion, struct text key)
{
    unsigned count_before = expansion->answer->target_count;
    struct directory_member self = {key, key};
    expansion->seen_newly = NULL;
    expansion->steps_free = STEPS_FREE;
    expansion->levels[0] = (struct level){.key = TEXT(""), .members = &self, .count = 1};
    expansion->depth = 1;
    while (expansion->depth > 0 && !expansion->overflowed) {
        struct level *level = &expansion->levels[expansion->depth - 1];
        if (level->next == level->count)
            expansion->depth--;
        else if (may_step(expansion))
            follow(expansion, &level->members[level->next++]);
        else
            expansion->overflowed = true;
    }
    if (expansion->overflowed)
        take_back(expansion, count_before, key);
}

enum status directory_resolve_told(struct directory *directory,
                                   const struct directory_question *question, struct arena *arena,
                                   struct directory_answer *out, directory_step_visit *visit,
                                   void *context)
{
    const struct directory_facts *facts = question->facts;
    unsigned count = question->count;
    if (count > DIRECTORY_TARGETS_MAX)
        return refused("too many recipients");
    *out = (struct directory_answer){.send_bytes = DIRECTORY_NO_LIMIT,
                                     .recipients = DIRECTORY_NO_LIMIT};
    struct expansion *expansion = arena_alloc(arena, sizeof(*expansion));
    *expansion = (struct expansion){.directory = directory,
                                    .facts = facts,
                                    .arena = arena,
                                    .seen = map_new(),
                                    .answer = out,
                                    .visit = visit,
                                    .context = context};
    if (facts != NULL) {
        expansion->senders = senders_new(directory, facts->sender, facts->login, arena);
        out->user = senders_user(expansion->senders);
        directory_limits_of(directory, out->user, arena, &out->send_bytes, &out->recipients);
    }
    for (unsigned i = 0; i < count; i++) {
        /* Each of the recipients still to come has room for one target. */
        expansion->limit = DIRECTORY_TARGETS_MAX - (count - i - 1);
        expansion->recipient = i;
        expand_one(expansion, question->keys[i]);
    }
    map_free(&expansion->seen);
    senders_free(&expansion->senders);
    return directory_ready(directory);
}

enum status directory_resolve(struct directory *directory,
                              const struct directory_question *question, struct arena *arena,
                              struct directory_answer *out)
{
    return directory_resolve_told(directory, question, arena, out, NULL, NULL);
}
