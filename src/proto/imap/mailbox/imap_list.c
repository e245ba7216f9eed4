/* LIST with all its extensions (RFC 9051 6.3.9, RFC 5258, RFC 5819, RFC 6154), LSUB, NAMESPACE. */
#include <stdlib.h>

#include "account/preference.h"
#include "base/array.h"
#include "base/check.h"
#include "base/map.h"
#include "proto/imap/imap_commands.h"
#include "proto/imap/imap_name.h"
#include "proto/imap/mailbox/imap_acl.h"
#include "proto/imap/mailbox/imap_pattern.h"
#include "proto/imap/mailbox/imap_place.h"
#include "proto/imap/mailbox/imap_status.h"
#include "proto/imap/mailbox/imap_uses.h"
#include "store/hierarchy.h"

enum { PATTERNS_MOST = 50, YIELD_EVERY = 256 };

enum options {
    SELECT_SUBSCRIBED = 1,
    SELECT_RECURSIVE = 2,
    SELECT_USES = 4,
    SELECT_REMOTE = 8, /* nothing is elsewhere: it adds nothing */
    RETURN_SUBSCRIBED = 16,
    RETURN_CHILDREN = 32,
    RETURN_USES = 64,
    RETURN_STATUS = 128,
    RETURN_RIGHTS = 1024, /* RFC 8440 */
    IS_LSUB = 256,
    IS_EXTENDED = 512,
};

struct request {
    unsigned options, status_items;
    struct text patterns[PATTERNS_MOST];
    unsigned pattern_count;
    bool has_empty_pattern;
};

/* A name that may be listed. */
struct listed {
    struct text name;
    unsigned uses;
    bool exists;       /* else others lie below, or it is a subscription alone */
    bool has_children; /* names that exist */
    bool is_subscribed;
    bool has_selected;         /* below: what meets the selection */
    bool has_selected_unfound; /* that the patterns do not find by itself */
};
struct listing {
    struct imap_session *session;
    struct arena *arena;
    struct map *by_name;
    struct listed **names;
    unsigned count;
    bool hides_public;
};

/* Gathering */

static bool matches(const struct request *request, struct text name)
{
    for (unsigned i = 0; i < request->pattern_count; i++)
        if (imap_pattern_matches(request->patterns[i], name))
            return true;
    return false;
}

/* It meets the selection options but for RECURSIVEMATCH. */
static bool is_selected(const struct request *request, const struct listed *listed)
{
    unsigned options = request->options;
    if ((options & (SELECT_SUBSCRIBED | SELECT_USES)) == 0)
        return listed->exists || listed->has_children;
    return ((options & SELECT_SUBSCRIBED) == 0 || listed->is_subscribed) &&
           ((options & SELECT_USES) == 0 || listed->uses != 0);
}

static struct listed *find_or_add(struct listing *listing, struct text name)
{
    struct listed *listed = map_get(listing->by_name, name);
    if (listed != NULL)
        return listed;
    listed = arena_alloc(listing->arena, sizeof(*listed));
    listed->name = arena_copy(listing->arena, name);
    map_put(listing->by_name, name, listed);
    listing->names =
        arena_grow(listing->arena, listing->names, listing->count, sizeof(*listing->names));
    listing->names[listing->count++] = listed;
    return listed;
}

static bool add_mailbox(void *context, struct text name, struct mailbox *box)
{
    struct listed *listed = find_or_add(context, name);
    listed->exists = !mailbox_is_deleted(box);
    listed->uses = mailbox_uses(box);
    return true;
}

static bool add_subscription(void *context, struct text name)
{
    find_or_add(context, name)->is_subscribed = true;
    return true;
}

/* Tell the levels above of what lies below. Levels that have no mailbox become names. */
static void tell_above(struct listing *listing, const struct request *request,
                       const struct listed *below)
{
    bool is_selected_below = is_selected(request, below);
    bool is_unfound = is_selected_below && !matches(request, below->name);
    for (size_t i = 1; i < below->name.length; i++) {
        if (below->name.data[i] != '/')
            continue;
        struct listed *above = find_or_add(listing, text_head(below->name, i));
        above->has_children = above->has_children || below->exists;
        above->has_selected = above->has_selected || is_selected_below;
        above->has_selected_unfound = above->has_selected_unfound || is_unfound;
    }
}

static int compare_names(const void *a, const void *b)
{
    const struct listed *left = *(struct listed *const *)a, *right = *(struct listed *const *)b;
    return text_compare(left->name, right->name);
}

/* RFC 2342 5: what is shared is listed under its prefix. Public folders may be hidden but for those
 * that the user has subscribed to. */
static void add_shared(void *context, struct mailbox *box)
{
    struct listing *listing = context;
    struct text name = imap_shown_name(listing->session, box, &listing->session->line.arena);
    bool is_public = text_equals(mailbox_owner(box), ACCOUNT_PUBLIC);
    if (is_public && listing->hides_public && map_get(listing->by_name, name) == NULL)
        return;
    struct listed *listed = find_or_add(listing, name);
    listed->exists = true;
    listed->uses = 0; /* they are the owner's alone */
}

static void add_all_shared(struct listing *listing)
{
    const struct imap_options *options = listing->session->options;
    listing->hides_public =
        preference_get(options->accounts, options->user, PREFERENCE_PUBLIC_FOLDERS) == 0;
    sharing_each_visible(options->store, options->user, add_shared, listing);
}

static void gather(struct listing *listing, const struct request *request)
{
    struct imap_session *session = listing->session;
    mailbox_each_name(session->store, session->options->user, TEXT(""), add_mailbox, listing);
    mailbox_each_subscription(session->store, session->options->user, add_subscription, listing);
    add_all_shared(listing);
    unsigned count = listing->count; /* those added by the telling tell nothing themselves */
    for (unsigned i = 0; i < count; i++)
        tell_above(listing, request, listing->names[i]);
    if (listing->count > 0)
        qsort(listing->names, listing->count, sizeof(struct listed *), compare_names);
}

/* Choosing */

/* RFC 5258 3.5: what is not selected itself, but has something below that is, which need not be
 * told of where the patterns find that by itself. RFC 3501 6.3.9: LSUB says so by \\Noselect, for
 * patterns that do not reach there. */
static bool is_listed_for_child(const struct request *request, const struct listed *listed)
{
    return (request->options & (SELECT_RECURSIVE | IS_LSUB)) != 0 && listed->has_selected_unfound &&
           !is_selected(request, listed);
}

/* Saying */

static void put_attributes(struct imap_session *session, const struct request *request,
                           const struct listed *listed, bool by_child)
{
    struct buffer *out = &session->out;
    size_t start = out->length;
    bool says_subscribed = (request->options & (SELECT_SUBSCRIBED | RETURN_SUBSCRIBED)) != 0 &&
                           (request->options & IS_LSUB) == 0;
    if (!listed->exists)
        buffer_append(out, (request->options & IS_LSUB) != 0 ? TEXT(" \\Noselect")
                                                             : TEXT(" \\NonExistent \\Noselect"));
    else if (by_child && (request->options & IS_LSUB) != 0)
        buffer_append(out, TEXT(" \\Noselect"));
    if (says_subscribed && listed->is_subscribed)
        buffer_append(out, TEXT(" \\Subscribed"));
    if ((request->options & IS_LSUB) == 0)
        buffer_append(out,
                      listed->has_children ? TEXT(" \\HasChildren") : TEXT(" \\HasNoChildren"));
    imap_put_uses(out, listed->uses);
    /* The first space is the parenthesis. */
    if (out->length == start)
        buffer_append_byte(out, '(');
    else
        out->data[start] = '(';
    buffer_append_byte(out, ')');
}

/* What was asked for beside the name (RFC 5819, RFC 8440). */
static void say_more(struct imap_session *session, const struct request *request,
                     const struct listed *listed)
{
    struct imap_place place = imap_place_of(session, listed->name);
    struct mailbox *box = (request->options & (RETURN_STATUS | RETURN_RIGHTS)) == 0
                              ? NULL
                              : mailbox_find(session->store, place.owner, place.name);
    unsigned rights = box == NULL ? 0 : imap_rights(session, box);
    if ((request->options & RETURN_STATUS) != 0 && (rights & RIGHT_READ) != 0)
        imap_put_status(session, box, request->status_items);
    if ((request->options & RETURN_RIGHTS) != 0 && rights != 0)
        imap_put_my_rights(session, box);
}

/* Something below meets the selection (RFC 5258 3.5). */
static void put_child_info(struct buffer *out, unsigned options)
{
    bool subscribed = (options & SELECT_SUBSCRIBED) != 0, used = (options & SELECT_USES) != 0;
    buffer_printf(out, " (\"CHILDINFO\" (%s%s%s))", subscribed ? "\"SUBSCRIBED\"" : "",
                  subscribed && used ? " " : "", used ? "\"SPECIAL-USE\"" : "");
}

static void say_name(struct imap_session *session, const struct request *request,
                     const struct listed *listed, bool by_child)
{
    struct buffer *out = &session->out;
    buffer_append(out, (request->options & IS_LSUB) != 0 ? TEXT("* LSUB ") : TEXT("* LIST "));
    put_attributes(session, request, listed, by_child);
    buffer_append(out, TEXT(" \"/\" "));
    imap_put_name(out, listed->name, imap_is_utf8(session));
    if ((request->options & SELECT_RECURSIVE) != 0 && listed->has_selected)
        put_child_info(out, request->options);
    buffer_append(out, TEXT("\r\n"));
    if (listed->exists)
        say_more(session, request, listed);
    imap_send(session);
}

static void say_all(struct listing *listing, const struct request *request)
{
    for (unsigned i = 0; i < listing->count; i++) {
        const struct listed *listed = listing->names[i];
        bool by_child = is_listed_for_child(request, listed);
        if (i % YIELD_EVERY == YIELD_EVERY - 1)
            task_yield();
        if ((by_child || is_selected(request, listed)) && matches(request, listed->name))
            say_name(listing->session, request, listed, by_child);
    }
}

static void answer(struct imap_session *session, const struct request *request)
{
    struct listing listing = {
        .session = session, .arena = &session->line.arena, .by_name = map_new()};
    gather(&listing, request);
    say_all(&listing, request);
    map_free(&listing.by_name);
    imap_ok(session, "", "That is all");
}

/* Reading */

static const struct {
    const char *name;
    unsigned option;
} selections[] =
    {
        {"SUBSCRIBED", SELECT_SUBSCRIBED | RETURN_SUBSCRIBED},
        {"REMOTE", SELECT_REMOTE},
        {"RECURSIVEMATCH", SELECT_RECURSIVE},
        {"SPECIAL-USE", SELECT_USES | RETURN_USES},
},
  returns[] = {
      {"SUBSCRIBED", RETURN_SUBSCRIBED}, {"CHILDREN", RETURN_CHILDREN},
      {"SPECIAL-USE", RETURN_USES},      {"STATUS", RETURN_STATUS},
      {"MYRIGHTS", RETURN_RIGHTS},
};

static void read_selections(struct imap_lex *lex, struct request *request)
{
    unsigned i;
    request->options |= IS_EXTENDED;
    if (imap_lex_take(lex, ')')) {
        imap_lex_space(lex);
        return;
    }
    do {
        for (i = 0; i < sizeof(selections) / sizeof(*selections); i++)
            if (imap_lex_word(lex, selections[i].name))
                break;
        if (i == sizeof(selections) / sizeof(*selections))
            imap_lex_fail(lex, "Selection option not known");
        else
            request->options |= selections[i].option;
    } while (lex->error == NULL && imap_lex_take(lex, ' '));
    imap_lex_expect(lex, ')');
    imap_lex_space(lex);
    /* RFC 5258 3: it is no selection by itself. */
    if ((request->options & SELECT_RECURSIVE) != 0 &&
        (request->options & (SELECT_SUBSCRIBED | SELECT_USES)) == 0)
        imap_lex_fail(lex, "RECURSIVEMATCH needs another option");
}

static void read_returns(struct imap_lex *lex, struct request *request)
{
    unsigned i;
    if (!imap_lex_more(lex))
        return;
    request->options |= IS_EXTENDED;
    if (!imap_lex_word(lex, "RETURN"))
        imap_lex_fail(lex, "RETURN is missing");
    imap_lex_space(lex);
    imap_lex_expect(lex, '(');
    if (imap_lex_take(lex, ')'))
        return;
    do {
        for (i = 0; i < sizeof(returns) / sizeof(*returns); i++)
            if (imap_lex_word(lex, returns[i].name))
                break;
        if (i == sizeof(returns) / sizeof(*returns)) {
            imap_lex_fail(lex, "Return option not known");
            return;
        }
        request->options |= returns[i].option;
        if (returns[i].option == RETURN_STATUS) {
            imap_lex_space(lex);
            request->status_items = imap_lex_status_items(lex);
        }
    } while (lex->error == NULL && imap_lex_take(lex, ' '));
    imap_lex_expect(lex, ')');
}

/* One pattern, behind the reference name. */
static void read_pattern(struct imap_session *session, struct text reference,
                         struct request *request)
{
    struct imap_lex *lex = &session->lex;
    struct arena *arena = &session->line.arena;
    struct text written = imap_lex_list_mailbox(lex), name;
    if (request->pattern_count == PATTERNS_MOST) {
        imap_lex_fail(lex, "Too many patterns");
        return;
    }
    request->has_empty_pattern = request->has_empty_pattern || written.length == 0;
    struct text whole = arena_printf(arena, "%.*s%.*s", TEXT_ARG(reference), TEXT_ARG(written));
    /* What can't be decoded matches nothing. */
    if (lex->error == NULL && imap_name_read(whole, imap_is_utf8(session), arena, &name))
        request->patterns[request->pattern_count++] = name;
}

static void read_patterns(struct imap_session *session, struct text reference,
                          struct request *request)
{
    struct imap_lex *lex = &session->lex;
    if (!imap_lex_take(lex, '(')) {
        read_pattern(session, reference, request);
        return;
    }
    request->options |= IS_EXTENDED;
    do
        read_pattern(session, reference, request);
    while (lex->error == NULL && imap_lex_take(lex, ' '));
    imap_lex_expect(lex, ')');
}

/* RFC 3501 6.3.8: an empty pattern asks for the separator alone, whatever the reference is. */
static bool asks_for_separator(const struct request *request)
{
    return request->has_empty_pattern && (request->options & (IS_EXTENDED | IS_LSUB)) == 0;
}

static void list(struct imap_session *session, unsigned options)
{
    struct imap_lex *lex = &session->lex;
    struct request *request = arena_alloc(&session->line.arena, sizeof(*request));
    request->options = options;
    imap_lex_space(lex);
    if ((options & IS_LSUB) == 0 && imap_lex_take(lex, '('))
        read_selections(lex, request);
    struct text reference = imap_lex_astring(lex);
    imap_lex_space(lex);
    read_patterns(session, reference, request);
    if ((options & IS_LSUB) == 0)
        read_returns(lex, request);
    if (!imap_arguments_end(session))
        return;
    if (asks_for_separator(request)) {
        stream_write(session->line.stream, TEXT("* LIST (\\Noselect) \"/\" \"\"\r\n"));
        imap_ok(session, "", "That is all");
        return;
    }
    answer(session, request);
}

void imap_list(struct imap_session *session)
{
    list(session, 0);
}

void imap_lsub(struct imap_session *session)
{
    list(session, IS_LSUB | SELECT_SUBSCRIBED);
}

void imap_namespace(struct imap_session *session)
{
    if (!imap_arguments_end(session))
        return;
    stream_write(session->line.stream,
                 TEXT("* NAMESPACE ((\"\" \"/\")) ((\"" IMAP_OTHERS "\" \"/\")) "
                      "((\"" IMAP_PUBLIC "\" \"/\"))\r\n"));
    imap_ok(session, "", "That is all");
}
