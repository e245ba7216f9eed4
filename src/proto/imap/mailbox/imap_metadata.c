/* METADATA (RFC 5464): notes on mailboxes and on the server, and what a mailbox is for as one of
 * them (RFC 6154 5.4). */
#include "account/annotation.h"
#include "base/check.h"
#include "proto/imap/imap_commands.h"
#include "proto/imap/imap_name.h"
#include "proto/imap/mailbox/imap_place.h"
#include "proto/imap/mailbox/imap_uses.h"
#include "store/hierarchy.h"
#include "store/uses.h"

enum { ENTRIES_MOST = 100, DEPTH_ALL = UINT32_MAX };

#define SPECIAL_USE TEXT("/private/specialuse")
#define SERVER_ADMIN TEXT("/shared/admin")

struct request {
    struct text name; /* of the mailbox */
    bool is_server;
    uint32_t depth;
    uint64_t max_size; /* UINT64_MAX: none */
    struct annotation entries[ENTRIES_MOST];
    unsigned count;
};

static struct text lex_entry(struct imap_session *session)
{
    struct text written = imap_lex_astring(&session->lex), name = TEXT("");
    if (session->lex.error == NULL && !annotation_name(written, &session->line.arena, &name))
        imap_lex_fail(&session->lex, "An entry's name begins with /private/ or /shared/");
    return name;
}

static void add_entry(struct imap_session *session, struct request *request, struct text name)
{
    if (request->count == ENTRIES_MOST)
        imap_lex_fail(&session->lex, "Too many entries");
    else
        request->entries[request->count++].name = name;
}

/* "" is the server. What can't be a name is one that no mailbox has. */
static void read_place(struct imap_session *session, struct request *request)
{
    struct text written = imap_lex_astring(&session->lex);
    request->is_server = written.length == 0;
    if (!imap_name_read(written, imap_is_utf8(session), &session->line.arena, &request->name))
        request->name = TEXT("");
}

/* The mailbox that is meant. False when answered. *box NULL: the server. */
static bool find_place(struct imap_session *session, const struct request *request, unsigned rights,
                       struct mailbox **box)
{
    *box = NULL;
    if (request->is_server)
        return true;
    *box = imap_find_mailbox_for(session, request->name, rights, "[NONEXISTENT]");
    return *box != NULL;
}

/* Getting */

struct getting {
    struct imap_session *session;
    const struct request *request;
    struct text entry; /* asked for */
    bool is_first, found;
    uint64_t longest; /* of the values that were left out */
};

static void put_entry(struct getting *getting, struct text name, struct text value)
{
    struct buffer *out = &getting->session->out;
    if (!getting->is_first)
        buffer_append_byte(out, ' ');
    getting->is_first = false;
    imap_put_astring(out, name);
    buffer_append_byte(out, ' ');
    if (text_find(value, '\0') < value.length)
        buffer_append_byte(out, '~');
    imap_put_nstring(out, value);
}

static bool get_one(void *context, struct text name, struct text value)
{
    struct getting *getting = context;
    struct text below = text_from_position(name, getting->entry.length);
    uint32_t depth = getting->request->depth;
    if (below.length > 0 && (depth == 0 || (depth == 1 && text_find_last(below, '/') > 0)))
        return depth != 0;
    getting->found = getting->found || below.length == 0;
    if (value.length > getting->request->max_size) {
        getting->longest = value.length > getting->longest ? value.length : getting->longest;
        return true;
    }
    put_entry(getting, name, value.data == NULL ? TEXT("") : value);
    return true;
}

/* Entries that are not kept, but made of what is known otherwise. */
static void get_made(struct getting *getting, const struct mailbox *box)
{
    struct imap_session *session = getting->session;
    struct arena *arena = &session->line.arena;
    const struct settings *settings = session->options->accounts->settings;
    struct buffer uses;
    buffer_init(&uses, 256);
    if (box != NULL && text_equals(getting->entry, SPECIAL_USE) && mailbox_uses(box) != 0 &&
        text_equals(mailbox_owner(box), session->options->user)) {
        imap_put_uses(&uses, mailbox_uses(box));
        get_one(getting, SPECIAL_USE, text_trim(buffer_text(&uses)));
    }
    if (box == NULL && text_equals(getting->entry, SERVER_ADMIN) && settings != NULL)
        get_one(getting, SERVER_ADMIN,
                arena_printf(arena, "mailto:%.*s", TEXT_ARG(settings->postmaster)));
    buffer_finish(&uses);
}

static void get_all(struct getting *getting, const struct mailbox *box)
{
    struct imap_session *session = getting->session;
    const struct request *request = getting->request;
    struct annotation_scope scope = {
        .store = session->store, .box = box, .user = session->options->user};
    for (unsigned i = 0; i < request->count; i++) {
        getting->entry = request->entries[i].name;
        getting->found = false;
        get_made(getting, box);
        if (!getting->found)
            annotation_each(&scope, getting->entry, get_one, getting);
        /* RFC 5464 4.2.2: what is asked for by its name and is not there is NIL. */
        if (!getting->found && request->depth == 0)
            put_entry(getting, getting->entry, (struct text){NULL, 0});
    }
}

static void answer_get(struct imap_session *session, const struct request *request)
{
    struct getting getting = {.session = session, .request = request, .is_first = true};
    struct buffer *out = &session->out;
    struct mailbox *box;
    if (!find_place(session, request, RIGHT_READ, &box))
        return;
    buffer_append(out, TEXT("* METADATA "));
    if (box == NULL)
        buffer_append(out, TEXT("\"\""));
    else
        imap_put_mailbox_name(session, box);
    buffer_append(out, TEXT(" ("));
    get_all(&getting, box);
    buffer_append(out, TEXT(")\r\n"));
    if (getting.is_first)
        buffer_reset(out, 0); /* nothing to tell */
    imap_send(session);
    struct text code = getting.longest == 0
                           ? TEXT("")
                           : arena_printf(&session->line.arena, "[METADATA LONGENTRIES %llu]",
                                          (unsigned long long)getting.longest);
    imap_ok(session, code.data, "That is what is noted");
}

static void read_options(struct imap_session *session, struct request *request)
{
    struct imap_lex *lex = &session->lex;
    do {
        bool is_size = imap_lex_word(lex, "MAXSIZE");
        if (!is_size && !imap_lex_word(lex, "DEPTH"))
            imap_lex_fail(lex, "Option not known");
        imap_lex_space(lex);
        if (is_size)
            request->max_size = imap_lex_number64(lex);
        else if (imap_lex_word(lex, "infinity"))
            request->depth = DEPTH_ALL;
        else if ((request->depth = imap_lex_number(lex)) > 1)
            imap_lex_fail(lex, "DEPTH is 0, 1 or infinity");
    } while (lex->error == NULL && imap_lex_take(lex, ' '));
    imap_lex_expect(lex, ')');
    imap_lex_space(lex);
}

void imap_getmetadata(struct imap_session *session)
{
    struct imap_lex *lex = &session->lex;
    struct request *request = arena_alloc(&session->line.arena, sizeof(*request));
    request->max_size = UINT64_MAX;
    imap_lex_space(lex);
    if (imap_lex_take(lex, '('))
        read_options(session, request);
    read_place(session, request);
    imap_lex_space(lex);
    bool is_list = imap_lex_take(lex, '(');
    /* RFC 5464 5 has options before the mailbox; its examples, and who follows them, behind it. */
    if (is_list && (imap_lex_peek(lex) | ' ') >= 'a' && (imap_lex_peek(lex) | ' ') <= 'z') {
        read_options(session, request);
        is_list = imap_lex_take(lex, '(');
    }
    do
        add_entry(session, request, lex_entry(session));
    while (is_list && lex->error == NULL && imap_lex_take(lex, ' '));
    if (is_list)
        imap_lex_expect(lex, ')');
    if (imap_arguments_end(session))
        answer_get(session, request);
}

/* Setting */

/* "\Sent \Archive", or NIL. */
static bool read_uses(struct text value, unsigned *uses)
{
    struct text word;
    *uses = 0;
    while (text_word(&value, &word)) {
        unsigned use = mailbox_use_named(word);
        if (use == 0)
            return false;
        *uses |= use;
    }
    return true;
}

/* RFC 6154 5.4. Taken out of the request, for it is no value. False when answered. YIELDS. */
static bool set_uses(struct imap_session *session, struct request *request,
                     const struct mailbox *box)
{
    for (unsigned i = 0; i < request->count; i++) {
        unsigned uses;
        if (box == NULL || !text_equals(request->entries[i].name, SPECIAL_USE))
            continue;
        if (!text_equals(mailbox_owner(box), session->options->user) ||
            !read_uses(request->entries[i].value, &uses)) {
            imap_no(session, "[USEATTR]", "This use is not known here");
            return false;
        }
        request->entries[i] = request->entries[--request->count];
        if (mailbox_set_uses(session->store, mailbox_id(box), uses) == OK)
            return true;
        imap_fail(session, TRY_LATER);
        return false;
    }
    return true;
}

static unsigned rights_to_set(const struct request *request)
{
    unsigned rights = RIGHT_READ;
    for (unsigned i = 0; i < request->count; i++)
        if (!annotation_is_private(request->entries[i].name))
            rights |= RIGHT_WRITE;
    return rights;
}

static void answer_set(struct imap_session *session, struct request *request)
{
    struct mailbox *box;
    unsigned rights = rights_to_set(request);
    if (request->is_server && (rights & RIGHT_WRITE) != 0) {
        imap_no(session, "[NOPERM]", "What is shared of the server is the administrator's");
        return;
    }
    if (!find_place(session, request, rights, &box))
        return;
    uint64_t id = box == NULL ? 0 : mailbox_id(box);
    if (!set_uses(session, request, box))
        return;
    switch (annotation_set(session->store, id, session->options->user, request->entries,
                           request->count)) {
    case ANNOTATING_DONE:
        imap_ok(session, "", "Noted");
        return;
    case ANNOTATING_TOO_MANY:
        imap_no(session, "[METADATA TOOMANY]", "There are too many notes");
        return;
    case ANNOTATING_TOO_LARGE:
        imap_no(session, "[METADATA MAXSIZE 65536]", "A note is too long");
        return;
    case ANNOTATING_GONE:
        imap_no(session, "[NONEXISTENT]", "No such mailbox");
        return;
    case ANNOTATING_LATER:
        imap_fail(session, TRY_LATER);
        return;
    }
}
_Static_assert(ANNOTATION_VALUE_MAX == 65536, "MAXSIZE says so");

void imap_setmetadata(struct imap_session *session)
{
    struct imap_lex *lex = &session->lex;
    struct request *request = arena_alloc(&session->line.arena, sizeof(*request));
    imap_lex_space(lex);
    read_place(session, request);
    imap_lex_space(lex);
    imap_lex_expect(lex, '(');
    do {
        add_entry(session, request, lex_entry(session));
        imap_lex_space(lex);
        struct text value = imap_lex_nstring8(lex);
        if (lex->error == NULL)
            request->entries[request->count - 1].value = value;
    } while (lex->error == NULL && imap_lex_take(lex, ' '));
    imap_lex_expect(lex, ')');
    if (imap_arguments_end(session))
        answer_set(session, request);
}
