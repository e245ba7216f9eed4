#include "proto/imap/imap_uses.h"

#include "store/uses.h"

unsigned imap_lex_use(struct imap_lex *lex)
{
    imap_lex_expect(lex, '\\');
    struct text name = imap_lex_atom(lex);
    for (unsigned i = 0; i < MAILBOX_USES; i++)
        if (text_equals_nocase(name, text_from(mailbox_use_names[i].name + 1)))
            return mailbox_use_names[i].use;
    return IMAP_USE_UNKNOWN;
}

void imap_put_uses(struct buffer *out, unsigned uses)
{
    for (unsigned i = 0; i < MAILBOX_USES; i++)
        if ((uses & mailbox_use_names[i].use) != 0)
            buffer_printf(out, " %s", mailbox_use_names[i].name);
}
