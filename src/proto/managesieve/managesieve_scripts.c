/* ManageSieve after the login (RFC 5804 2.5 to 2.13). */
#include "base/check.h"
#include "proto/imap/imap_lex.h"
#include "proto/managesieve/managesieve.h"
#include "proto/managesieve/managesieve_write.h"
#include "sieve/sieve.h"
#include "store/scripts.h"

enum { LINE_MAX_BYTES = 8192, LITERALS_MAX = SCRIPT_BYTES_MAX + 4096 };

struct scripts_session {
    struct line_session line;
    const struct managesieve_options *options;
    struct imap_lex lex; /* of the command being served */
};

static void answer(struct scripts_session *session, const char *condition, const char *code,
                   const char *text)
{
    managesieve_answer(session->line.stream, condition, code, text_from(text));
}

static void answer_bad(struct scripts_session *session, const char *text)
{
    answer(session, "NO", "", text);
    line_count_error(&session->line);
}

static bool takes_no_more(struct scripts_session *session)
{
    if (imap_lex_end(&session->lex))
        return true;
    answer_bad(session, session->lex.error);
    return false;
}

/* The last word on a change. */
static void answer_outcome(struct scripts_session *session, enum script_outcome outcome,
                           const char *done)
{
    static const struct {
        const char *condition, *code, *text;
    } rows[] = {
        [SCRIPT_ABSENT] = {"NO", "(NONEXISTENT)", "There is no script of that name"},
        [SCRIPT_EXISTS] = {"NO", "(ALREADYEXISTS)", "There is a script of that name already"},
        [SCRIPT_IN_USE] = {"NO", "(ACTIVE)", "The script is active"},
        [SCRIPT_TOO_MANY] = {"NO", "(QUOTA/MAXSCRIPTS)", "There are too many scripts"},
        [SCRIPT_TOO_LONG] = {"NO", "(QUOTA/MAXSIZE)", "The script is too long"},
    };
    if (outcome == SCRIPT_DONE)
        answer(session, "OK", "", done);
    else if (outcome == SCRIPT_LATER)
        answer(session, "NO", "(TRYLATER)", fail_reason());
    else
        answer(session, rows[outcome].condition, rows[outcome].code, rows[outcome].text);
}

/* Arguments. "" after a failure, which is answered by takes_no_more. */
static struct text take_string(struct scripts_session *session)
{
    imap_lex_space(&session->lex);
    return imap_lex_string(&session->lex);
}

static struct text take_name(struct scripts_session *session)
{
    struct text name = take_string(session);
    if (session->lex.error == NULL && !script_name_is_valid(name))
        imap_lex_fail(&session->lex, "That is no name of a script");
    return name;
}

/* Is it a script? RFC 6609 3.2: one that it includes may come later, so what is missing now counts
 * as empty. */
static bool find_later(void *context, bool is_global, struct text name, struct text *source)
{
    unused(context);
    unused(is_global);
    unused(name);
    *source = TEXT("");
    return true;
}

static bool is_script(struct scripts_session *session, struct text source)
{
    struct sieve_library library = {.find = find_later};
    struct sieve_script *script;
    struct buffer error;
    buffer_init(&error, 4096);
    bool fine = sieve_compile(source, &library, &error, &script) == OK;
    if (fine)
        sieve_script_free(&script);
    else
        managesieve_answer(session->line.stream, "NO", "", buffer_text(&error));
    buffer_finish(&error);
    return fine;
}

/* Commands */

static void command_putscript(struct scripts_session *session)
{
    const struct managesieve_options *options = session->options;
    struct text name = take_name(session), source = take_string(session);
    if (takes_no_more(session) && is_script(session, source))
        answer_outcome(session, script_put(options->store, options->user, name, source), "Kept");
}

static void command_checkscript(struct scripts_session *session)
{
    struct text source = take_string(session);
    if (takes_no_more(session) && is_script(session, source))
        answer(session, "OK", "", "No errors");
}

static void command_havespace(struct scripts_session *session)
{
    const struct managesieve_options *options = session->options;
    struct text name = take_name(session);
    imap_lex_space(&session->lex);
    uint64_t bytes = imap_lex_number64(&session->lex);
    if (takes_no_more(session))
        answer_outcome(session, script_fits(options->store, options->user, name, bytes),
                       "It would be taken");
}

struct listing {
    struct stream *stream;
    struct text active;
};

static bool list_one(void *context, struct text name, uint64_t bytes)
{
    struct listing *listing = context;
    unused(bytes);
    managesieve_put_string(listing->stream, name);
    stream_write(listing->stream,
                 text_equals(name, listing->active) ? TEXT(" ACTIVE\r\n") : TEXT("\r\n"));
    return true;
}

static void command_listscripts(struct scripts_session *session)
{
    const struct managesieve_options *options = session->options;
    struct buffer active;
    if (!takes_no_more(session))
        return;
    buffer_init(&active, VALUE_BYTES_MAX);
    script_active(options->store, options->user, &active);
    struct listing listing = {session->line.stream, buffer_text(&active)};
    scripts_each(options->store, options->user, list_one, &listing);
    buffer_finish(&active);
    answer(session, "OK", "", "That is all");
}

static void command_setactive(struct scripts_session *session)
{
    const struct managesieve_options *options = session->options;
    struct text name = take_string(session);
    if (takes_no_more(session))
        answer_outcome(session, script_activate(options->store, options->user, name),
                       text_is_empty(name) ? "No script is active" : "It is active");
}

static void command_getscript(struct scripts_session *session)
{
    const struct managesieve_options *options = session->options;
    struct text name = take_name(session);
    struct buffer source;
    if (!takes_no_more(session))
        return;
    buffer_init(&source, VALUE_BYTES_MAX);
    if (script_get(options->store, options->user, name, &source)) {
        managesieve_put_string(session->line.stream, buffer_text(&source));
        stream_write(session->line.stream, TEXT("\r\n"));
        answer(session, "OK", "", "Here it is");
    } else {
        answer_outcome(session, SCRIPT_ABSENT, "");
    }
    buffer_finish(&source);
}

static void command_deletescript(struct scripts_session *session)
{
    const struct managesieve_options *options = session->options;
    struct text name = take_name(session);
    if (takes_no_more(session))
        answer_outcome(session, script_delete(options->store, options->user, name), "Deleted");
}

static void command_renamescript(struct scripts_session *session)
{
    const struct managesieve_options *options = session->options;
    struct text from = take_name(session), to = take_name(session);
    if (takes_no_more(session))
        answer_outcome(session, script_rename(options->store, options->user, from, to), "Renamed");
}

static void command_capability(struct scripts_session *session)
{
    if (!takes_no_more(session))
        return;
    managesieve_put_capabilities(session->line.stream, 0, false, session->options->user);
    answer(session, "OK", "", "That is what is offered");
}

static void command_noop(struct scripts_session *session)
{
    bool has_tag = imap_lex_more(&session->lex);
    struct text tag = has_tag ? imap_lex_string(&session->lex) : TEXT("");
    if (takes_no_more(session))
        managesieve_answer_noop(session->line.stream, has_tag, tag);
}

static void command_logout(struct scripts_session *session)
{
    if (!takes_no_more(session))
        return;
    answer(session, "OK", "", "Goodbye");
    session->line.ended = true;
}

static const struct {
    const char *verb;
    void (*action)(struct scripts_session *session);
} commands[] = {
    {"PUTSCRIPT", command_putscript},
    {"CHECKSCRIPT", command_checkscript},
    {"HAVESPACE", command_havespace},
    {"LISTSCRIPTS", command_listscripts},
    {"SETACTIVE", command_setactive},
    {"GETSCRIPT", command_getscript},
    {"DELETESCRIPT", command_deletescript},
    {"RENAMESCRIPT", command_renamescript},
    {"CAPABILITY", command_capability},
    {"NOOP", command_noop},
    {"LOGOUT", command_logout},
};

static void run_command(struct scripts_session *session, struct text verb)
{
    for (unsigned i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
        if (!text_equals_nocase(verb, text_from(commands[i].verb)))
            continue;
        commands[i].action(session);
        return;
    }
    answer_bad(session, "Command not known");
}

static void serve(struct line_session *line)
{
    struct scripts_session *session = line->context;
    imap_lex_begin(&session->lex, line, LITERALS_MAX);
    run_command(session, imap_lex_atom(&session->lex));
    imap_lex_skip(&session->lex);
}

static const struct line_dialect dialect = {
    .max_line = LINE_MAX_BYTES,
    .fault = managesieve_say_fault,
    .serve = serve,
};

void managesieve_serve_scripts(struct stream *stream, const struct managesieve_options *options)
{
    struct scripts_session session = {.options = options};
    line_init(&session.line, stream, &dialect, &session);
    session.line.idle_ms = options->idle_ms;
    session.line.max_errors = options->max_errors;
    line_run(&session.line);
    line_finish(&session.line);
}
