/* LANGUAGE (RFC 5255 3): all that is said here is English, and so is i-default. */
#include "proto/imap/imap_commands.h"

static const char *const languages[] = {"en", "i-default"};
enum { LANGUAGES = sizeof(languages) / sizeof(*languages), ENGLISH = 0, DEFAULT_LANGUAGE = 1 };

/* RFC 4647 3.4: a range is cut from behind until a language fits. LANGUAGES: none does. */
static unsigned look_up(struct text range)
{
    if (text_equals_nocase(range, TEXT("default")))
        return DEFAULT_LANGUAGE;
    if (text_equals(range, TEXT("*")))
        return ENGLISH;
    for (size_t end = range.length; end > 0; end = text_find_last(range, '-')) {
        range = text_head(range, end);
        for (unsigned i = 0; i < LANGUAGES; i++)
            if (text_equals_nocase(range, text_from(languages[i])))
                return i;
        if (text_find(range, '-') == range.length)
            break;
    }
    return LANGUAGES;
}

static void answer(struct imap_session *session, unsigned first, unsigned last)
{
    buffer_append(&session->out, TEXT("* LANGUAGE ("));
    for (unsigned i = first; i <= last; i++)
        buffer_printf(&session->out, "%s\"%s\"", i > first ? " " : "", languages[i]);
    buffer_append(&session->out, TEXT(")\r\n"));
    imap_send(session);
    imap_ok(session, "", "English is spoken");
}

void imap_language(struct imap_session *session)
{
    unsigned chosen = LANGUAGES;
    bool is_asked = !imap_lex_more(&session->lex);
    if (!is_asked)
        do {
            unsigned found = look_up(imap_lex_astring(&session->lex));
            chosen = chosen == LANGUAGES ? found : chosen;
        } while (session->lex.error == NULL && imap_lex_more(&session->lex));
    if (!imap_arguments_end(session))
        return;
    if (is_asked)
        answer(session, 0, LANGUAGES - 1);
    else if (chosen == LANGUAGES)
        imap_no(session, "", "Only English is spoken");
    else
        answer(session, chosen, chosen);
}
