#include "proto/imap/message/imap_flags.h"

#include "base/check.h"

static const struct {
    const char *name;
    uint64_t flag;
} system_flags[] = {
    {"\\Answered", FLAG_ANSWERED}, {"\\Flagged", FLAG_FLAGGED}, {"\\Deleted", FLAG_DELETED},
    {"\\Seen", FLAG_SEEN},         {"\\Draft", FLAG_DRAFT},
};
enum { SYSTEM_FLAGS = sizeof(system_flags) / sizeof(*system_flags), FLAGS_MOST = 200 };

static uint64_t find_system(struct text name)
{
    for (unsigned i = 0; i < SYSTEM_FLAGS; i++)
        if (text_equals_nocase(name, text_from(system_flags[i].name)))
            return system_flags[i].flag;
    return 0;
}

bool imap_is_keyword(struct text name)
{
    for (size_t i = 0; i < name.length; i++)
        if (!imap_is_atom_char(name.data[i]))
            return false;
    return name.length > 0 && name.length <= MAILBOX_KEYWORD_BYTES_MAX;
}

static void read_flag(struct imap_lex *lex, struct imap_flags *out)
{
    if (!imap_lex_take(lex, '\\')) {
        struct text keyword = imap_lex_atom(lex);
        if (keyword.length > MAILBOX_KEYWORD_BYTES_MAX || out->keyword_count == FLAGS_MOST)
            imap_lex_fail(lex, "A keyword is too long, or there are too many");
        else
            out->keywords[out->keyword_count++] = keyword;
        return;
    }
    struct text name = imap_lex_atom(lex);
    if (lex->error != NULL)
        return;
    uint64_t flag = find_system(text_of(name.data - 1, name.length + 1));
    /* RFC 3501 2.3.2: \Recent is nobody's to set, and clients try. */
    if (flag == 0 && !text_equals_nocase(name, TEXT("Recent")))
        imap_lex_fail(lex, "Flag not known");
    out->system |= flag;
}

void imap_lex_flags(struct imap_lex *lex, bool may_be_bare, struct imap_flags *out)
{
    *out = (struct imap_flags){.keywords =
                                   arena_array(&lex->line->arena, FLAGS_MOST, sizeof(struct text))};
    bool in_list = imap_lex_take(lex, '(');
    if (!in_list && !may_be_bare)
        imap_lex_fail(lex, "A list of flags is missing");
    if (in_list && imap_lex_take(lex, ')'))
        return;
    do
        read_flag(lex, out);
    while (lex->error == NULL && imap_lex_take(lex, ' '));
    if (in_list)
        imap_lex_expect(lex, ')');
}

uint64_t imap_flag_find(const struct mailbox *box, struct text name)
{
    uint64_t flag = find_system(name);
    return flag != 0 ? flag : mailbox_keyword_find(box, name);
}

bool imap_flags_number(const struct imap_flags *flags, struct mailbox *box, uint64_t *out)
{
    bool all = true;
    *out = flags->system;
    for (unsigned i = 0; i < flags->keyword_count; i++) {
        uint64_t flag = mailbox_keyword_add(box, flags->keywords[i]);
        all = all && flag != 0;
        *out |= flag;
    }
    return all;
}

uint64_t imap_known_flags(const struct mailbox *box)
{
    uint64_t keywords = (UINT64_C(1) << mailbox_keyword_count(box)) - 1;
    return FLAGS_OF_SYSTEM | keywords << MAILBOX_FIRST_KEYWORD;
}

void imap_put_flags(struct buffer *out, const struct mailbox *box, uint64_t flags)
{
    const char *separator = "";
    buffer_append_byte(out, '(');
    for (unsigned i = 0; i < SYSTEM_FLAGS; i++) {
        if ((flags & system_flags[i].flag) == 0)
            continue;
        buffer_printf(out, "%s%s", separator, system_flags[i].name);
        separator = " ";
    }
    for (unsigned i = 0; flags > FLAGS_OF_SYSTEM && i < mailbox_keyword_count(box); i++) {
        if ((flags & (UINT64_C(1) << (MAILBOX_FIRST_KEYWORD + i))) == 0)
            continue;
        buffer_printf(out, "%s%.*s", separator, TEXT_ARG(mailbox_keyword(box, i)));
        separator = " ";
    }
    buffer_append_byte(out, ')');
}

void imap_put_all_flags(struct buffer *out, const struct mailbox *box, const char *more)
{
    buffer_append_byte(out, '(');
    for (unsigned i = 0; i < SYSTEM_FLAGS; i++)
        buffer_printf(out, "%s%s", i > 0 ? " " : "", system_flags[i].name);
    for (unsigned i = 0; i < mailbox_keyword_count(box); i++)
        buffer_printf(out, " %.*s", TEXT_ARG(mailbox_keyword(box, i)));
    buffer_printf(out, "%s)", more);
}
