/* The extensions by their names. Apart from the verbs, so that front can announce them without
 * being linked with what runs them. */
#include "sieve/tree.h"

const struct sieve_extension_row sieve_extensions[EXT_COUNT] = {
    [EXT_NONE] = {.name = ""},
    [EXT_FILEINTO] = {.name = "fileinto"},
    [EXT_ENVELOPE] = {.name = "envelope"},
    [EXT_REJECT] = {.name = "reject"},
    [EXT_EREJECT] = {.name = "ereject"},
    [EXT_COPY] = {.name = "copy"},
    [EXT_VARIABLES] = {.name = "variables"},
    [EXT_VACATION] = {.name = "vacation"},
    [EXT_VACATION_SECONDS] = {.name = "vacation-seconds", .implies = EXT(VACATION)},
    [EXT_IMAP4FLAGS] = {.name = "imap4flags"},
    [EXT_RELATIONAL] = {.name = "relational"},
    [EXT_NUMERIC] = {.name = "comparator-i;ascii-numeric"},
    [EXT_UNICODE] = {.name = "comparator-i;unicode-casemap"},
    [EXT_REGEX] = {.name = "regex"},
    [EXT_BODY] = {.name = "body"},
    [EXT_DATE] = {.name = "date"},
    [EXT_INDEX] = {.name = "index"},
    [EXT_MAILBOX] = {.name = "mailbox"},
    [EXT_SPECIAL_USE] = {.name = "special-use"},
    [EXT_SUBADDRESS] = {.name = "subaddress"},
    [EXT_EDITHEADER] = {.name = "editheader"},
    [EXT_ENOTIFY] = {.name = "enotify"},
    [EXT_INCLUDE] = {.name = "include"},
    [EXT_DUPLICATE] = {.name = "duplicate"},
    [EXT_SPAMTEST] = {.name = "spamtest"},
    [EXT_SPAMTESTPLUS] = {.name = "spamtestplus", .implies = EXT(SPAMTEST)},
    [EXT_VIRUSTEST] = {.name = "virustest"},
    [EXT_ENVIRONMENT] = {.name = "environment"},
    [EXT_IHAVE] = {.name = "ihave"},
    [EXT_ENCODED_CHARACTER] = {.name = "encoded-character"},
    [EXT_OCTET] = {.name = "comparator-i;octet", .is_always_on = true},
    [EXT_CASEMAP] = {.name = "comparator-i;ascii-casemap", .is_always_on = true},
};

enum sieve_extension sieve_extension_find(struct text name)
{
    for (unsigned i = EXT_NONE + 1; i < EXT_COUNT; i++)
        if (text_equals(name, text_from(sieve_extensions[i].name)))
            return (enum sieve_extension)i;
    return EXT_NONE;
}

void sieve_capabilities(struct buffer *out)
{
    for (unsigned i = EXT_NONE + 1; i < EXT_COUNT; i++)
        buffer_printf(out, "%s%s", i == EXT_NONE + 1 ? "" : " ", sieve_extensions[i].name);
}
