#include "ledger.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

void ledger_address(unsigned recipient, char out[LEDGER_ADDRESS_BYTES])
{
    unsigned site = ledger_site(recipient);
    if (site < SITES)
        snprintf(out, LEDGER_ADDRESS_BYTES, "u%u@%c.test", recipient % USERS, 'a' + (int)site);
    else
        snprintf(out, LEDGER_ADDRESS_BYTES, "x%u@out.test", recipient - SITES * USERS);
}

unsigned ledger_recipient(const char *address)
{
    char known[LEDGER_ADDRESS_BYTES];
    for (unsigned i = 0; i < RECIPIENTS; i++) {
        ledger_address(i, known);
        if (strcasecmp(address, known) == 0)
            return i;
    }
    return RECIPIENTS;
}

unsigned ledger_site(unsigned recipient)
{
    return recipient < SITES * USERS ? recipient / USERS : SITES;
}

void ledger_wrong(struct ledger *ledger, enum wrong wrong, const char *format, ...)
{
    ledger->wrong |= 1u << wrong;
    if (ledger->is_quiet)
        return;
    va_list arguments;
    va_start(arguments, format);
    printf("  wrong: ");
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
    fflush(stdout); /* the next thing may be a cut */
}
