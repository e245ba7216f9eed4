/* VRFY and EXPN (RFC 5321 3.5): whom there is. Spammers ask too, so both are off unless the
 * settings say for whom not. */
#include "proto/smtp/server/smtp_extensions.h"
#include "proto/smtp/server/smtp_session.h"

enum { ANSWER_MAX = 5 << 20 };

bool smtp_may_verify(const struct smtp_session *session, enum verify_policy policy)
{
    return policy == VERIFY_ON || (policy == VERIFY_LOGGED_IN && session->login[0] != '\0');
}

/* What was asked about. */
struct question {
    struct text key;          /* or a local part alone */
    struct text address;      /* as it is written */
    struct text domain;       /* A-labels, "" without one */
    bool is_international;    /* it has to be, or can't be answered in ASCII */
    bool takes_international; /* RFC 6531 3.7.4.2: the parameter SMTPUTF8 */
};

static bool take_parameter(const struct smtp_session *session, struct text *arguments)
{
    struct text parameter = TEXT(" SMTPUTF8");
    if (smtp_extension_is_off(session, EXTENSION_SMTPUTF8) ||
        !text_ends_with_nocase(*arguments, parameter))
        return false;
    *arguments = text_trim(text_head(*arguments, arguments->length - parameter.length));
    return true;
}

/* A local part alone is checked as one of an address. */
static enum status parse_word(struct text word, struct arena *arena, struct question *out)
{
    struct mail_address address;
    bool has_domain = text_find(word, '@') < word.length;
    struct text whole = has_domain ? word : arena_printf(arena, "%.*s@local", TEXT_ARG(word));
    if (mail_address_parse(whole, arena, &address) != OK)
        return REFUSED;
    out->key = mail_address_key(&address, arena);
    out->address = word;
    out->domain = has_domain ? address.domain_ascii : TEXT("");
    out->is_international = address.is_international;
    if (!has_domain)
        out->key = text_head(out->key, text_find_last(out->key, '@'));
    return OK;
}

/* False when it was answered. */
static bool parse_question(struct smtp_session *session, struct text arguments,
                           struct question *out)
{
    struct text word = text_trim(arguments);
    *out = (struct question){.takes_international = take_parameter(session, &word)};
    if (word.length >= 2 && word.data[0] == '<' && word.data[word.length - 1] == '>')
        word = text_of(word.data + 1, word.length - 2);
    if (parse_word(word, &session->line.arena, out) != OK) {
        smtp_answer(session, SMTP_BAD_ARGUMENTS, text_from(fail_reason()));
        return false;
    }
    if (out->is_international && !out->takes_international) {
        smtp_answer(session, SMTP_NEEDS_SMTPUTF8, TEXT(""));
        return false;
    }
    return true;
}

static bool is_ascii(struct text text)
{
    for (size_t i = 0; i < text.length; i++)
        if ((unsigned char)text.data[i] > 126)
            return false;
    return true;
}

/* "Full Name <address>". A name that the peer can't read is left out. */
static void answer_address(struct smtp_session *session, enum smtp_answer answer, struct text name,
                           struct text address, bool takes_international)
{
    bool has_name = !text_is_empty(name) && (takes_international || is_ascii(name));
    struct text text =
        arena_printf(&session->line.arena, "%.*s%s<%.*s>", has_name ? (int)name.length : 0,
                     name.data, has_name ? " " : "", TEXT_ARG(address));
    smtp_answer_lines(session, answer, text);
}

/* Elsewhere we can't look. Who may send there through us may, the others are told that. */
static void answer_stranger(struct smtp_session *session, const struct question *question)
{
    struct relay_facts facts = {
        .settings = session->settings,
        .server = session->server,
        .service = session->service,
        .peer = stream_peer(session->line.stream),
        .login = text_from(session->login),
        .domain = question->domain,
    };
    struct relay_decision decision = decide_relay(&facts);
    if (decision.verdict == RELAY_DENIED)
        smtp_answer_because(session, SMTP_TRY_ELSEWHERE, TEXT(""), decision.reasons,
                            decision.reason_count);
    else
        smtp_answer(session, SMTP_CANNOT_VERIFY, TEXT(""));
}

/* Mail for it may be taken though nobody was given it: tags, and postmaster. YIELDS. */
static void answer_unlisted(struct smtp_session *session, const struct question *question)
{
    bool has_domain = !text_is_empty(question->domain);
    struct text postmaster = session->settings->postmaster;
    enum status status = REFUSED;
    if (has_domain)
        status = directory_cache_check(session->front->directory, session->front->role->auth,
                                       question->key);
    else if (text_equals(question->key, TEXT("postmaster")))
        status = OK;
    if (status == OK)
        answer_address(session, SMTP_VERIFIED, TEXT(""),
                       has_domain ? question->address : postmaster, false);
    else
        smtp_answer(session, status == REFUSED ? SMTP_NO_SUCH_USER : SMTP_NOT_NOW, TEXT(""));
}

/* Ask the directory. False when it was answered. YIELDS. */
static bool look_up(struct smtp_session *session, const struct question *question,
                    struct directory_description *out)
{
    struct decision_reason reason = {.rule = "directory-unavailable"};
    if (!text_is_empty(question->domain) &&
        settings_domain_find(session->settings, question->domain) == NULL) {
        answer_stranger(session, question);
        return false;
    }
    switch (
        directory_describe(session->front->role->auth, question->key, &session->line.arena, out)) {
    case OK:
        if (out->kind == DESCRIBED_SEVERAL)
            smtp_answer(session, SMTP_AMBIGUOUS, TEXT(""));
        return out->kind != DESCRIBED_SEVERAL;
    case REFUSED:
        answer_unlisted(session, question);
        return false;
    case TRY_LATER:
        break;
    }
    reason.fact = text_from(fail_reason());
    smtp_answer_because(session, SMTP_NOT_NOW, TEXT(""), &reason, 1);
    return false;
}

static bool is_elsewhere(const struct smtp_session *session, struct text address)
{
    struct text domain = text_from_position(address, text_find_last(address, '@') + 1);
    return settings_domain_find(session->settings, domain) == NULL;
}

void smtp_command_vrfy(struct line_session *line, struct text arguments)
{
    struct smtp_session *session = smtp_session(line);
    struct question question;
    struct directory_description found;
    if (!smtp_may_verify(session, session->server->verify)) {
        bool is_empty = text_is_empty(text_trim(arguments));
        smtp_answer(session, is_empty ? SMTP_BAD_ARGUMENTS : SMTP_CANNOT_VERIFY, TEXT(""));
        return;
    }
    if (!parse_question(session, arguments, &question) || !look_up(session, &question, &found))
        return;
    /* RFC 5321 3.4: an alias for one address elsewhere. */
    if (found.kind == DESCRIBED_LIST && found.member_count == 1 &&
        is_elsewhere(session, found.members[0]) &&
        (is_ascii(found.members[0]) || question.takes_international))
        answer_address(session, SMTP_WILL_FORWARD, TEXT(""), found.members[0], false);
    else
        answer_address(session, SMTP_VERIFIED, found.name, found.address,
                       question.takes_international);
}

static void list_members(struct smtp_session *session, const struct directory_description *list,
                         bool takes_international)
{
    struct buffer lines;
    buffer_init(&lines, ANSWER_MAX);
    unsigned hidden = 0;
    for (unsigned i = 0; i < list->member_count; i++) {
        struct text member = list->members[i];
        if (!takes_international && !is_ascii(member))
            hidden++;
        else
            buffer_printf(&lines, "%s<%.*s>", lines.length == 0 ? "" : "\n", TEXT_ARG(member));
    }
    if (hidden > 0)
        smtp_answer(session, SMTP_NEEDS_SMTPUTF8, TEXT(""));
    else
        smtp_answer_lines(session, SMTP_VERIFIED, buffer_text(&lines));
    buffer_finish(&lines);
}

void smtp_command_expn(struct line_session *line, struct text arguments)
{
    struct smtp_session *session = smtp_session(line);
    struct decision_reason reason = {.rule = "expand", .place = session->server->place};
    struct question question;
    struct directory_description found;
    if (session->server->expand == VERIFY_OFF) {
        smtp_answer(session, SMTP_NOT_IMPLEMENTED, TEXT(""));
        return;
    }
    if (!smtp_may_verify(session, session->server->expand)) {
        smtp_answer_because(session, SMTP_NOT_SHOWN, TEXT(""), &reason, 1);
        return;
    }
    if (!parse_question(session, arguments, &question) || !look_up(session, &question, &found))
        return;
    if (found.kind == DESCRIBED_HIDDEN) {
        reason = (struct decision_reason){.rule = "hide-members"};
        smtp_answer_because(session, SMTP_NOT_SHOWN, TEXT(""), &reason, 1);
    } else if (found.kind == DESCRIBED_LIST && found.member_count > 0)
        list_members(session, &found, question.takes_international);
    else
        answer_address(session, SMTP_VERIFIED, found.name, found.address,
                       question.takes_international);
}
