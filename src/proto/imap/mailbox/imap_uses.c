#include "proto/imap/mailbox/imap_uses.h"

#include "store/uses.h"

unsigned imap_lex_use(struct imap_lex *lex)
{
    imap_lex_expect(lex, '\\');
    struct text name = imap_lex_atom(lex);
    /* The backslash stands before. */
    unsigned use =
        lex->error == NULL ? mailbox_use_named(text_of(name.data - 1, name.length + 1)) : 0;
    return use == 0 ? IMAP_USE_UNKNOWN : use;
}

void imap_put_uses(struct buffer *out, unsigned uses)
{
    for (unsigned i = 0; i < MAILBOX_USES; i++)
        if ((uses & mailbox_use_names[i].use) != 0)
            buffer_printf(out, " %s", mailbox_use_names[i].name);
}
