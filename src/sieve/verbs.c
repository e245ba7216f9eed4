/* THE TABLE: all that a script can say. The extensions it belongs to are in extensions.c. */
#include "sieve/run.h"

#define MATCH_TYPES (TAG(IS) | TAG(CONTAINS) | TAG(MATCHES) | TAG(COUNT) | TAG(VALUE) | TAG(REGEX))
#define MATCHING (TAG(COMPARATOR) | MATCH_TYPES)
#define PARTS (TAG(LOCALPART) | TAG(DOMAIN) | TAG(ALL) | TAG(USER) | TAG(DETAIL))
#define PLACE (TAG(INDEX) | TAG(LAST))
#define ZONES (TAG(ZONE) | TAG(ORIGINALZONE))
#define TRANSFORMS (TAG(RAW) | TAG(CONTENT) | TAG(TEXT))
#define FILING (TAG(COPY) | TAG(CREATE) | TAG(FLAGS) | TAG(SPECIALUSE))
#define CASES (TAG(LOWER) | TAG(UPPER))
#define FIRSTS (TAG(LOWERFIRST) | TAG(UPPERFIRST))
#define QUOTES (TAG(QUOTEWILDCARD) | TAG(QUOTEREGEX))

const struct sieve_tag_row sieve_tags[TAG_NAMES] = {
    [TAG_COMPARATOR] = {":comparator", 's', EXT_NONE, 0},
    [TAG_IS] = {":is", 0, EXT_NONE, MATCH_TYPES},
    [TAG_CONTAINS] = {":contains", 0, EXT_NONE, MATCH_TYPES},
    [TAG_MATCHES] = {":matches", 0, EXT_NONE, MATCH_TYPES},
    [TAG_COUNT] = {":count", 's', EXT_RELATIONAL, MATCH_TYPES},
    [TAG_VALUE] = {":value", 's', EXT_RELATIONAL, MATCH_TYPES},
    [TAG_REGEX] = {":regex", 0, EXT_REGEX, MATCH_TYPES},
    [TAG_LOCALPART] = {":localpart", 0, EXT_NONE, PARTS},
    [TAG_DOMAIN] = {":domain", 0, EXT_NONE, PARTS},
    [TAG_ALL] = {":all", 0, EXT_NONE, PARTS},
    [TAG_USER] = {":user", 0, EXT_SUBADDRESS, PARTS},
    [TAG_DETAIL] = {":detail", 0, EXT_SUBADDRESS, PARTS},
    [TAG_OVER] = {":over", 0, EXT_NONE, TAG(OVER) | TAG(UNDER)},
    [TAG_UNDER] = {":under", 0, EXT_NONE, TAG(OVER) | TAG(UNDER)},
    [TAG_COPY] = {":copy", 0, EXT_COPY, 0},
    [TAG_CREATE] = {":create", 0, EXT_MAILBOX, 0},
    [TAG_FLAGS] = {":flags", 'S', EXT_IMAP4FLAGS, 0},
    [TAG_SPECIALUSE] = {":specialuse", 's', EXT_SPECIAL_USE, 0},
    [TAG_DAYS] = {":days", 'n', EXT_NONE, TAG(DAYS) | TAG(SECONDS)},
    [TAG_SECONDS] = {":seconds", 'n', EXT_NONE, TAG(DAYS) | TAG(SECONDS)},
    [TAG_SUBJECT] = {":subject", 's', EXT_NONE, 0},
    [TAG_FROM] = {":from", 's', EXT_NONE, 0},
    [TAG_ADDRESSES] = {":addresses", 'S', EXT_NONE, 0},
    [TAG_MIME] = {":mime", 0, EXT_NONE, 0},
    [TAG_HANDLE] = {":handle", 's', EXT_NONE, 0},
    [TAG_LOWER] = {":lower", 0, EXT_NONE, CASES},
    [TAG_UPPER] = {":upper", 0, EXT_NONE, CASES},
    [TAG_LOWERFIRST] = {":lowerfirst", 0, EXT_NONE, FIRSTS},
    [TAG_UPPERFIRST] = {":upperfirst", 0, EXT_NONE, FIRSTS},
    [TAG_QUOTEWILDCARD] = {":quotewildcard", 0, EXT_NONE, QUOTES},
    [TAG_QUOTEREGEX] = {":quoteregex", 0, EXT_REGEX, QUOTES},
    [TAG_LENGTH] = {":length", 0, EXT_NONE, 0},
    [TAG_ENCODEURL] = {":encodeurl", 0, EXT_ENOTIFY, 0},
    [TAG_INDEX] = {":index", 'n', EXT_INDEX, 0},
    [TAG_LAST] = {":last", 0, EXT_NONE, 0},
    [TAG_ZONE] = {":zone", 's', EXT_NONE, ZONES},
    [TAG_ORIGINALZONE] = {":originalzone", 0, EXT_NONE, ZONES},
    [TAG_RAW] = {":raw", 0, EXT_NONE, TRANSFORMS},
    [TAG_CONTENT] = {":content", 'S', EXT_NONE, TRANSFORMS},
    [TAG_TEXT] = {":text", 0, EXT_NONE, TRANSFORMS},
    [TAG_IMPORTANCE] = {":importance", 's', EXT_NONE, 0},
    [TAG_OPTIONS] = {":options", 'S', EXT_NONE, 0},
    [TAG_MESSAGE] = {":message", 's', EXT_NONE, 0},
    [TAG_HEADER] = {":header", 's', EXT_NONE, TAG(HEADER) | TAG(UNIQUEID)},
    [TAG_UNIQUEID] = {":uniqueid", 's', EXT_NONE, TAG(HEADER) | TAG(UNIQUEID)},
    [TAG_PERCENT] = {":percent", 0, EXT_SPAMTESTPLUS, 0},
    [TAG_PERSONAL] = {":personal", 0, EXT_NONE, TAG(PERSONAL) | TAG(GLOBAL)},
    [TAG_GLOBAL] = {":global", 0, EXT_NONE, TAG(PERSONAL) | TAG(GLOBAL)},
    [TAG_ONCE] = {":once", 0, EXT_NONE, 0},
    [TAG_OPTIONAL] = {":optional", 0, EXT_NONE, 0},
};

/* clang-format off */
static const struct sieve_verb verbs[] = {
    /* "require" is the parser's. */
    {"if", SIEVE_CONTROL, 0, "", TESTS_ONE, true, 0, act_if, NULL, NULL},
    {"elsif", SIEVE_CONTROL, 0, "", TESTS_ONE, true, 0, act_elsif, NULL, NULL},
    {"else", SIEVE_CONTROL, 0, "", TESTS_NONE, true, 0, act_else, NULL, NULL},
    {"stop", SIEVE_CONTROL, 0, "", TESTS_NONE, false, 0, act_stop, NULL, NULL},
    {"include", SIEVE_CONTROL, EXT(INCLUDE), "s", TESTS_NONE, false,
     TAG(PERSONAL) | TAG(GLOBAL) | TAG(ONCE) | TAG(OPTIONAL), act_include, NULL, NULL},
    {"return", SIEVE_CONTROL, EXT(INCLUDE), "", TESTS_NONE, false, 0, act_return, NULL, NULL},
    {"global", SIEVE_CONTROL, EXT(INCLUDE), "S", TESTS_NONE, false, 0, act_global, NULL, NULL},
    {"error", SIEVE_CONTROL, EXT(IHAVE), "s", TESTS_NONE, false, 0, act_error, NULL, NULL},

    {"keep", SIEVE_COMMAND, 0, "", TESTS_NONE, false, TAG(FLAGS), act_keep, NULL, NULL},
    {"discard", SIEVE_COMMAND, 0, "", TESTS_NONE, false, 0, act_discard, NULL, NULL},
    {"fileinto", SIEVE_COMMAND, EXT(FILEINTO), "s", TESTS_NONE, false, FILING, act_fileinto, NULL,
     NULL},
    {"redirect", SIEVE_COMMAND, 0, "s", TESTS_NONE, false, TAG(COPY), act_redirect, NULL,
     check_redirect},
    {"reject", SIEVE_COMMAND, EXT(REJECT), "s", TESTS_NONE, false, 0, act_reject, NULL, NULL},
    {"ereject", SIEVE_COMMAND, EXT(EREJECT), "s", TESTS_NONE, false, 0, act_reject, NULL, NULL},
    {"set", SIEVE_COMMAND, EXT(VARIABLES), "ss", TESTS_NONE, false,
     CASES | FIRSTS | QUOTES | TAG(LENGTH) | TAG(ENCODEURL), act_set, NULL, check_set},
    {"vacation", SIEVE_COMMAND, EXT(VACATION), "s", TESTS_NONE, false,
     TAG(DAYS) | TAG(SECONDS) | TAG(SUBJECT) | TAG(FROM) | TAG(ADDRESSES) | TAG(MIME) |
         TAG(HANDLE), act_vacation, NULL, check_vacation},
    {"notify", SIEVE_COMMAND, EXT(ENOTIFY), "s", TESTS_NONE, false,
     TAG(FROM) | TAG(IMPORTANCE) | TAG(OPTIONS) | TAG(MESSAGE), act_notify, NULL, NULL},
    {"setflag", SIEVE_COMMAND, EXT(IMAP4FLAGS), "?sS", TESTS_NONE, false, 0, act_setflag, NULL,
     NULL},
    {"addflag", SIEVE_COMMAND, EXT(IMAP4FLAGS), "?sS", TESTS_NONE, false, 0, act_addflag, NULL,
     NULL},
    {"removeflag", SIEVE_COMMAND, EXT(IMAP4FLAGS), "?sS", TESTS_NONE, false, 0, act_removeflag,
     NULL, NULL},
    {"addheader", SIEVE_COMMAND, EXT(EDITHEADER), "ss", TESTS_NONE, false, TAG(LAST),
     act_addheader, NULL, check_field_name},
    {"deleteheader", SIEVE_COMMAND, EXT(EDITHEADER), "s?S", TESTS_NONE, false, MATCHING | PLACE,
     act_deleteheader, NULL, check_field_name},

    {"allof", SIEVE_TEST, 0, "", TESTS_LIST, false, 0, NULL, holds_allof, NULL},
    {"anyof", SIEVE_TEST, 0, "", TESTS_LIST, false, 0, NULL, holds_anyof, NULL},
    {"not", SIEVE_TEST, 0, "", TESTS_ONE, false, 0, NULL, holds_not, NULL},
    {"true", SIEVE_TEST, 0, "", TESTS_NONE, false, 0, NULL, holds_true, NULL},
    {"false", SIEVE_TEST, 0, "", TESTS_NONE, false, 0, NULL, holds_false, NULL},
    {"ihave", SIEVE_TEST, EXT(IHAVE), "S", TESTS_NONE, false, 0, NULL, holds_ihave, NULL},
    {"header", SIEVE_TEST, 0, "SS", TESTS_NONE, false, MATCHING | PLACE, NULL, holds_header,
     check_index},
    {"address", SIEVE_TEST, 0, "SS", TESTS_NONE, false, MATCHING | PARTS | PLACE, NULL,
     holds_address, check_index},
    {"envelope", SIEVE_TEST, EXT(ENVELOPE), "SS", TESTS_NONE, false, MATCHING | PARTS, NULL,
     holds_envelope, NULL},
    {"exists", SIEVE_TEST, 0, "S", TESTS_NONE, false, 0, NULL, holds_exists, NULL},
    {"size", SIEVE_TEST, 0, "n", TESTS_NONE, false, TAG(OVER) | TAG(UNDER), NULL, holds_size,
     check_size},
    {"hasflag", SIEVE_TEST, EXT(IMAP4FLAGS), "?SS", TESTS_NONE, false, MATCHING, NULL,
     holds_hasflag, NULL},
    {"date", SIEVE_TEST, EXT(DATE), "ssS", TESTS_NONE, false, MATCHING | PLACE | ZONES, NULL,
     holds_date, check_index},
    {"currentdate", SIEVE_TEST, EXT(DATE), "sS", TESTS_NONE, false, MATCHING | TAG(ZONE), NULL,
     holds_currentdate, NULL},
    {"body", SIEVE_TEST, EXT(BODY), "S", TESTS_NONE, false, MATCHING | TRANSFORMS, NULL,
     holds_body, NULL},
    {"string", SIEVE_TEST, EXT(VARIABLES), "SS", TESTS_NONE, false, MATCHING, NULL, holds_string,
     NULL},
    {"environment", SIEVE_TEST, EXT(ENVIRONMENT), "sS", TESTS_NONE, false, MATCHING, NULL,
     holds_environment, NULL},
    {"mailboxexists", SIEVE_TEST, EXT(MAILBOX), "S", TESTS_NONE, false, 0, NULL,
     holds_mailboxexists, NULL},
    {"specialuse_exists", SIEVE_TEST, EXT(SPECIAL_USE), "?sS", TESTS_NONE, false, 0, NULL,
     holds_specialuse_exists, NULL},
    {"duplicate", SIEVE_TEST, EXT(DUPLICATE), "", TESTS_NONE, false,
     TAG(HANDLE) | TAG(HEADER) | TAG(UNIQUEID) | TAG(SECONDS) | TAG(LAST), NULL, holds_duplicate,
     NULL},
    {"spamtest", SIEVE_TEST, EXT(SPAMTEST) | EXT(SPAMTESTPLUS), "s", TESTS_NONE, false,
     MATCHING | TAG(PERCENT), NULL, holds_spamtest, NULL},
    {"virustest", SIEVE_TEST, EXT(VIRUSTEST), "s", TESTS_NONE, false, MATCHING, NULL,
     holds_virustest, NULL},
    {"valid_notify_method", SIEVE_TEST, EXT(ENOTIFY), "S", TESTS_NONE, false, 0, NULL,
     holds_valid_notify_method, NULL},
    {"notify_method_capability", SIEVE_TEST, EXT(ENOTIFY), "ssS", TESTS_NONE, false, MATCHING,
     NULL, holds_notify_method_capability, NULL},
};
/* clang-format on */

const struct sieve_verb *sieve_verb_find(struct text name, bool is_test)
{
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if ((verbs[i].kind == SIEVE_TEST) == is_test &&
            text_equals_nocase(name, text_from(verbs[i].name)))
            return &verbs[i];
    return NULL;
}
