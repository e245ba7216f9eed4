#include "proto/imap/imap_session.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "account/preference.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/logline.h"
#include "proto/imap/imap_name.h"
#include "proto/imap/mailbox/imap_notify.h"
#include "proto/imap/message/imap_flags.h"
#include "store/hierarchy.h"

enum {
    LINE_MAX_BYTES = 32 << 10,
    IDLE_LEAST_MS = 30 * MINUTE,
    PROGRESS_MS = 10 * SECOND,
    STORY_MAX = 4096
};

/* Answers */

static void answer(struct imap_session *session, const char *condition, const char *code,
                   const char *text)
{
    check(!session->is_answered);
    session->is_answered = true;
    stream_printf(session->line.stream, "%.*s %s %s%s%s\r\n", TEXT_ARG(session->tag), condition,
                  code, code[0] == '\0' ? "" : " ", text);
}

void imap_ok(struct imap_session *session, const char *code, const char *text)
{
    session->line.errors = 0; /* a session may last for days */
    imap_tell_changes(session, (session->command->flags & IMAP_KEEPS_NUMBERS) == 0);
    answer(session, "OK", code, text);
}

void imap_no(struct imap_session *session, const char *code, const char *text)
{
    imap_tell_changes(session, (session->command->flags & IMAP_KEEPS_NUMBERS) == 0);
    answer(session, "NO", code, text);
}

void imap_bad(struct imap_session *session, const char *text)
{
    answer(session, "BAD", "", text);
    line_count_error(&session->line);
}

void imap_fail(struct imap_session *session, enum status status)
{
    imap_fail_as(session, status == TRY_LATER ? "[UNAVAILABLE]" : "[CANNOT]");
}

void imap_fail_as(struct imap_session *session, const char *code)
{
    char case_id[ID_TEXT_BYTES], session_id[ID_TEXT_BYTES], text[REASON_BYTES + 64];
    char reason[REASON_BYTES];
    text_copy(text_from(fail_reason()), reason, sizeof(reason));
    uint64_t id = imap_new_id(session);
    struct buffer story;
    buffer_init(&story, STORY_MAX);
    buffer_printf(&story, "session=%s user=%s command=\"%s\" reason=%s",
                  id_format(session->options->session, session_id),
                  log_text(session->options->user), session->command->name,
                  log_text(text_from(reason)));
    store_story(session->store, id, TEXT("imap.refused"), buffer_text(&story));
    log_info("imap.refused", "case=%s %.*s", id_format(id, case_id), (int)story.length, story.data);
    buffer_finish(&story);
    text_copy(arena_printf(&session->line.arena, "%s (mailroot %s)", reason, case_id), text,
              sizeof(text));
    imap_no(session, code, text);
}

bool imap_arguments_end(struct imap_session *session)
{
    if (imap_lex_end(&session->lex))
        return true;
    if (session->lex.is_later)
        imap_no(session, "[UNAVAILABLE]", session->lex.error);
    else
        imap_bad(session, session->lex.error);
    return false;
}

bool imap_is_utf8(const struct imap_session *session)
{
    return (session->enabled & (IMAP_ENABLED_UTF8 | IMAP_ENABLED_REV2)) != 0;
}

struct text imap_lex_mailbox(struct imap_session *session)
{
    struct text written = imap_lex_astring(&session->lex), name;
    if (!imap_name_read(written, imap_is_utf8(session), &session->line.arena, &name))
        return TEXT("");
    return name;
}

void imap_send(struct imap_session *session)
{
    check(!session->out.overflowed);
    stream_write(session->line.stream, buffer_text(&session->out));
    buffer_reset(&session->out, 64 << 10);
}

/* What others did */

/* RFC 7162 3.2.10: by UID, all at once. */
static void tell_vanished(struct imap_session *session)
{
    struct arena arena;
    unsigned number;
    uint32_t uid;
    arena_init(&arena);
    struct imap_set_builder gone = {.arena = &arena};
    while (view_tell_gone(&session->view, &number, &uid))
        imap_set_add(&gone, uid);
    if (gone.set.count > 0) {
        buffer_append(&session->out, TEXT("* VANISHED "));
        imap_set_put(&session->out, &gone.set);
        buffer_append(&session->out, TEXT("\r\n"));
        imap_send(session);
    }
    arena_finish(&arena);
}

static void tell_gone(struct imap_session *session)
{
    unsigned number;
    uint32_t uid;
    if ((session->enabled & (IMAP_ENABLED_QRESYNC | IMAP_ENABLED_UIDONLY)) != 0)
        tell_vanished(session);
    while (view_tell_gone(&session->view, &number, &uid))
        stream_printf(session->line.stream, "* %u EXPUNGE\r\n", number);
}

static void tell_new(struct imap_session *session)
{
    if (!view_has_new(&session->view))
        return;
    uint32_t first = view_tell_new(&session->view);
    stream_printf(session->line.stream, "* %u EXISTS\r\n", view_count(&session->view));
    imap_notify_new(session, first);
}

void imap_put_fetch(struct imap_session *session, uint32_t uid)
{
    if ((session->enabled & IMAP_ENABLED_UIDONLY) != 0)
        buffer_printf(&session->out, "* %u UIDFETCH (", uid);
    else
        buffer_printf(&session->out, "* %u FETCH (", view_number(&session->view, uid));
}

void imap_tell_progress(struct imap_session *session, uint32_t done, uint32_t all)
{
    struct stream *stream = session->line.stream;
    int64_t now_ms = clock_monotonic_ms();
    if (now_ms - session->quiet_since_ms < PROGRESS_MS)
        return;
    session->quiet_since_ms = now_ms;
    buffer_append(&session->out, TEXT("* OK [INPROGRESS ("));
    imap_put_string(&session->out, session->tag);
    buffer_printf(&session->out, " %u %u)] Still at it\r\n", done, all);
    imap_send(session);
    stream_flush(stream); /* what fails is seen at the end */
}

void imap_put_changed(struct imap_session *session, const struct mailbox_entry *entry,
                      unsigned told)
{
    struct buffer *out = &session->out;
    const char *separator = "";
    if ((session->enabled & IMAP_ENABLED_CONDSTORE) != 0)
        told |= IMAP_TELL_MODSEQ;
    if ((session->enabled & IMAP_ENABLED_UIDONLY) != 0)
        told &= ~(unsigned)IMAP_TELL_UID;
    imap_put_fetch(session, entry->uid);
    if ((told & IMAP_TELL_UID) != 0) {
        buffer_printf(out, "UID %u", entry->uid);
        separator = " ";
    }
    if ((told & IMAP_TELL_FLAGS) != 0) {
        buffer_printf(out, "%sFLAGS ", separator);
        imap_put_flags(out, session->view.box, entry->flags);
        separator = " ";
    }
    if ((told & IMAP_TELL_MODSEQ) != 0)
        buffer_printf(out, "%sMODSEQ (%" PRIu64 ")", separator, entry->modseq);
    buffer_append(out, TEXT(")\r\n"));
}

struct vanished {
    struct imap_set_builder gone;
    const struct imap_set *of;
};

static void add_vanished(void *context, uint32_t first, uint32_t last)
{
    struct vanished *vanished = context;
    if (vanished->of == NULL) {
        imap_set_add_range(&vanished->gone, first, last);
        return;
    }
    for (unsigned i = 0; i < vanished->of->count; i++) {
        struct imap_range range = vanished->of->ranges[i];
        range.first = range.first < first ? first : range.first;
        range.last = range.last > last ? last : range.last;
        if (range.first <= range.last)
            imap_set_add_range(&vanished->gone, range.first, range.last);
    }
}

void imap_say_vanished(struct imap_session *session, uint64_t modseq, const struct imap_set *of)
{
    struct arena arena;
    arena_init(&arena);
    struct vanished vanished = {.gone.arena = &arena, .of = of};
    mailbox_vanished(session->view.box, modseq, add_vanished, &vanished);
    if (vanished.gone.set.count > 0) {
        buffer_append(&session->out, TEXT("* VANISHED (EARLIER) "));
        imap_set_put(&session->out, &vanished.gone.set);
        buffer_append(&session->out, TEXT("\r\n"));
        imap_send(session);
    }
    arena_finish(&arena);
}

static bool is_own(const struct imap_session *session, uint64_t modseq)
{
    unsigned low = 0, high = session->own_count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (session->own[middle] < modseq)
            low = middle + 1;
        else
            high = middle;
    }
    return low < session->own_count && session->own[low] == modseq;
}

/* Entries that changed since the session was told last. It is told their flags. */
static void tell_flags(struct imap_session *session)
{
    struct view *view = &session->view;
    uint64_t told = view->modseq;
    if (told == mailbox_modseq(view->box))
        return;
    view->modseq = mailbox_modseq(view->box);
    const struct mailbox_entry *entry = view_next(view, 0);
    while (entry != NULL) {
        uint32_t uid = entry->uid;
        if (entry->modseq > told && !is_own(session, entry->modseq)) {
            imap_put_changed(session, entry, IMAP_TELL_UID | IMAP_TELL_FLAGS);
            imap_send(session);
        }
        entry = view_next(view, uid + 1);
    }
}

void imap_put_mailbox_flags(struct imap_session *session)
{
    const struct mailbox *box = session->view.box;
    struct buffer *out = &session->out;
    bool is_full = mailbox_keyword_count(box) == MAILBOX_KEYWORDS_MAX;
    session->keywords_told = mailbox_keyword_count(box);
    buffer_append(out, TEXT("* FLAGS "));
    imap_put_all_flags(out, box, "");
    buffer_append(out, TEXT("\r\n* OK [PERMANENTFLAGS "));
    uint64_t allowed = session->read_only ? 0 : imap_selected_flags(session);
    if (allowed == UINT64_MAX)
        imap_put_all_flags(out, box, is_full ? "" : " \\*");
    else
        imap_put_flags(out, box, allowed & imap_known_flags(box));
    buffer_append(out, TEXT("] Flags that are kept\r\n"));
}

void imap_tell_changes(struct imap_session *session, bool gone)
{
    imap_notify_tell(session);
    if (session->view.box == NULL)
        return;
    if (session->key_was_reset)
        stream_write(session->line.stream, TEXT("* OK " IMAP_URLMECH " The key is new\r\n"));
    session->key_was_reset = false;
    if (session->keywords_told != mailbox_keyword_count(session->view.box)) {
        imap_put_mailbox_flags(session);
        imap_send(session);
    }
    if (gone)
        tell_gone(session);
    tell_flags(session);
    tell_new(session);
}

void imap_deselect(struct imap_session *session)
{
    view_close(&session->view);
    session->read_only = false;
    session->key_was_reset = false;
    imap_save_set(session, &(struct imap_set){0});
}

void imap_save_set(struct imap_session *session, const struct imap_set *set)
{
    free(session->saved.ranges);
    session->saved = (struct imap_set){0};
    if (set->count == 0)
        return;
    session->saved.ranges = malloc(set->count * sizeof(*set->ranges));
    check(session->saved.ranges != NULL);
    memcpy(session->saved.ranges, set->ranges, set->count * sizeof(*set->ranges));
    session->saved.count = set->count;
}

uint64_t imap_new_id(struct imap_session *session)
{
    return session->last_id = id_new(session->last_id);
}

bool imap_is_by_uid(const struct imap_session *session)
{
    return (session->command->flags & IMAP_BY_UID) != 0;
}

bool imap_set_as_uids(struct imap_session *session, struct imap_set *set)
{
    if (set->is_saved) {
        *set = session->saved;
        return true;
    }
    if (imap_is_by_uid(session)) {
        imap_set_resolve(set, view_last_uid(&session->view));
        return true;
    }
    if (imap_set_to_uids(set, &session->view))
        return true;
    imap_bad(session, "No such message number");
    return false;
}

/* The loop */

static const struct imap_command *find_command(struct text name)
{
    for (unsigned i = 0; i < imap_command_count; i++)
        if (text_equals_nocase(name, text_from(imap_commands[i].name)))
            return &imap_commands[i];
    return NULL;
}

/* Commands that are not in the table are answered as if this were theirs. */
static const struct imap_command unknown = {.name = "?"};

static const struct imap_command *take_command(struct imap_session *session, struct text verb)
{
    struct imap_lex *lex = &session->lex;
    if (text_equals_nocase(verb, TEXT("UID")) && imap_lex_take(lex, ' ')) {
        struct text second = imap_lex_atom(lex);
        verb = arena_printf(&session->line.arena, "UID %.*s", TEXT_ARG(second));
    }
    const struct imap_command *command = find_command(verb);
    return command == NULL ? &unknown : command;
}

static void run_command(struct imap_session *session)
{
    const struct imap_command *command = session->command;
    if (command == &unknown)
        imap_bad(session, "Command not known");
    else if ((command->flags & IMAP_NEEDS_MAILBOX) != 0 && session->view.box == NULL)
        imap_bad(session, "No mailbox is selected");
    else if ((command->flags & IMAP_BY_NUMBER) != 0 &&
             (session->enabled & IMAP_ENABLED_UIDONLY) != 0)
        imap_bad(session, IMAP_NUMBERS_REFUSED);
    else if ((command->flags & IMAP_CHANGES) != 0 && session->read_only)
        imap_no(session, "[READ-ONLY]", "The mailbox is open for reading only");
    else
        command->action(session);
    check(session->is_answered || session->line.ended);
}

static void serve(struct line_session *line)
{
    struct imap_session *session = line->context;
    struct text verb;
    imap_lex_begin(&session->lex, line, IMAP_LITERALS_MAX);
    if (imap_lex_command(&session->lex, &session->tag, &verb)) {
        session->is_answered = false;
        session->quiet_since_ms = clock_monotonic_ms();
        session->command = take_command(session, verb);
        run_command(session);
    } else {
        stream_write(line->stream, TEXT("* BAD A command begins with a tag\r\n"));
        line_count_error(line);
    }
    imap_lex_skip(&session->lex);
    imap_notify_wait(session);
}

static void say_fault(struct line_session *line, enum line_fault fault,
                      const struct line_command *command)
{
    unused(command);
    imap_say_fault(line, fault);
}

static const struct line_dialect dialect = {
    .max_line = LINE_MAX_BYTES,
    .fault = say_fault,
    .serve = serve,
};

void imap_serve_mailboxes(struct stream *stream, const struct imap_options *options)
{
    struct imap_session session = {.options = options, .store = options->store};
    session.charset = preference_charset(options->accounts, options->user);
    line_init(&session.line, stream, &dialect, &session);
    session.line.idle_ms = options->idle_ms < IDLE_LEAST_MS ? IDLE_LEAST_MS : options->idle_ms;
    session.line.max_errors = options->max_errors;
    buffer_init(&session.out, IMAP_RESPONSE_MAX);
    if (mailboxes_begin(session.store, options->user) == OK &&
        imap_showing_begin(options->accounts, options->user, &session.showing) == OK)
        line_run(&session.line);
    else
        stream_printf(stream, "* BYE [UNAVAILABLE] %s\r\n", fail_reason());
    imap_notify_end(&session);
    imap_deselect(&session);
    buffer_finish(&session.out);
    line_finish(&session.line);
}
