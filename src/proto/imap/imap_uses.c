#include "proto/imap/imap_uses.h"

static const struct {
    const char *name;
    enum mailbox_use use;
} uses_known[] = {
    {"\\All", USE_ALL},         {"\\Archive", USE_ARCHIVE}, {"\\Drafts", USE_DRAFTS},
    {"\\Flagged", USE_FLAGGED}, {"\\Junk", USE_JUNK},       {"\\Sent", USE_SENT},
    {"\\Trash", USE_TRASH},
};
enum { USES = sizeof(uses_known) / sizeof(*uses_known) };

unsigned imap_lex_use(struct imap_lex *lex)
{
    imap_lex_expect(lex, '\\');
    struct text name = imap_lex_atom(lex);
    for (unsigned i = 0; i < USES; i++)
        if (text_equals_nocase(name, text_from(uses_known[i].name + 1)))
            return uses_known[i].use;
    return IMAP_USE_UNKNOWN;
}

void imap_put_uses(struct buffer *out, unsigned uses)
{
    for (unsigned i = 0; i < USES; i++)
        if ((uses & uses_known[i].use) != 0)
            buffer_printf(out, " %s", uses_known[i].name);
}
