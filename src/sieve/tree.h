/* A script as a tree, and the tables it is held against. Included only from sieve/, and by its
 * fuzzer. */
#ifndef SIEVE_TREE_H
#define SIEVE_TREE_H

#include "sieve/sieve.h"

/* Extensions, by `require`. */
enum sieve_extension {
    EXT_NONE,
    EXT_FILEINTO,
    EXT_ENVELOPE,
    EXT_REJECT,
    EXT_EREJECT,
    EXT_COPY,
    EXT_VARIABLES,
    EXT_VACATION,
    EXT_VACATION_SECONDS,
    EXT_IMAP4FLAGS,
    EXT_RELATIONAL,
    EXT_NUMERIC,
    EXT_UNICODE,
    EXT_REGEX,
    EXT_BODY,
    EXT_DATE,
    EXT_INDEX,
    EXT_MAILBOX,
    EXT_SPECIAL_USE,
    EXT_SUBADDRESS,
    EXT_EDITHEADER,
    EXT_ENOTIFY,
    EXT_INCLUDE,
    EXT_DUPLICATE,
    EXT_SPAMTEST,
    EXT_SPAMTESTPLUS,
    EXT_VIRUSTEST,
    EXT_ENVIRONMENT,
    EXT_IHAVE,
    EXT_ENCODED_CHARACTER,
    EXT_OCTET, /* comparators that need no require, but may have one */
    EXT_CASEMAP,
    EXT_COUNT
};
#define EXT(name) (UINT64_C(1) << EXT_##name)

struct sieve_extension_row {
    const char *name;
    bool is_always_on;
    uint64_t implies;
};
extern const struct sieve_extension_row sieve_extensions[EXT_COUNT];
/* EXT_NONE when there is none of that name. */
enum sieve_extension sieve_extension_find(struct text name);

enum sieve_tag_name {
    TAG_COMPARATOR,
    TAG_IS,
    TAG_CONTAINS,
    TAG_MATCHES,
    TAG_COUNT,
    TAG_VALUE,
    TAG_REGEX,
    TAG_LOCALPART,
    TAG_DOMAIN,
    TAG_ALL,
    TAG_USER,
    TAG_DETAIL,
    TAG_OVER,
    TAG_UNDER,
    TAG_COPY,
    TAG_CREATE,
    TAG_FLAGS,
    TAG_SPECIALUSE,
    TAG_DAYS,
    TAG_SECONDS,
    TAG_SUBJECT,
    TAG_FROM,
    TAG_ADDRESSES,
    TAG_MIME,
    TAG_HANDLE,
    TAG_LOWER,
    TAG_UPPER,
    TAG_LOWERFIRST,
    TAG_UPPERFIRST,
    TAG_QUOTEWILDCARD,
    TAG_QUOTEREGEX,
    TAG_LENGTH,
    TAG_ENCODEURL,
    TAG_INDEX,
    TAG_LAST,
    TAG_ZONE,
    TAG_ORIGINALZONE,
    TAG_RAW,
    TAG_CONTENT,
    TAG_TEXT,
    TAG_IMPORTANCE,
    TAG_OPTIONS,
    TAG_MESSAGE,
    TAG_HEADER,
    TAG_UNIQUEID,
    TAG_PERCENT,
    TAG_PERSONAL,
    TAG_GLOBAL,
    TAG_ONCE,
    TAG_OPTIONAL,
    TAG_NAMES
};
#define TAG(name) (UINT64_C(1) << TAG_##name)

struct sieve_tag_row {
    const char *name; /* ":copy" */
    char argument;    /* 0 none, 's' string, 'S' list, 'n' number */
    enum sieve_extension extension;
    uint64_t excludes; /* tags that can't stand beside it */
};
extern const struct sieve_tag_row sieve_tags[TAG_NAMES];

struct sieve_run;
struct sieve_node;

enum sieve_kind { SIEVE_CONTROL, SIEVE_COMMAND, SIEVE_TEST };

enum sieve_tests { TESTS_NONE, TESTS_ONE, TESTS_LIST };

struct sieve_verb {
    const char *name;
    enum sieve_kind kind;
    uint64_t extensions; /* one of them must be required; 0: none need be */
    /* Positional arguments: s string, S list, n number. One behind '?' may be left out. */
    const char *arguments;
    enum sieve_tests tests;
    bool has_block;
    uint64_t tags;
    /* Of commands and controls; of tests. The other is NULL. */
    void (*act)(struct sieve_run *run, const struct sieve_node *node);
    bool (*holds)(struct sieve_run *run, const struct sieve_node *node);
    /* What can be told wrong before a run; NULL: nothing more. False with the reason in *why. */
    bool (*is_possible)(const struct sieve_node *node, const char **why);
};
/* NULL when there is none. */
const struct sieve_verb *sieve_verb_find(struct text name, bool is_test);

enum { ARGUMENTS_MAX = 4 };

struct sieve_argument {
    bool is_there;
    uint64_t number;
    const struct text *strings; /* of a string: one */
    unsigned string_count;
};

struct sieve_tag {
    enum sieve_tag_name name;
    struct sieve_argument argument;
    struct sieve_tag *next;
};

struct sieve_node {
    const struct sieve_verb *verb;
    unsigned line, column;
    uint64_t tag_bits;
    struct sieve_tag *tags;
    struct sieve_argument arguments[ARGUMENTS_MAX]; /* by their place in verb->arguments */
    struct sieve_node *tests;                       /* in order */
    struct sieve_node *block;                       /* of commands, and of `include` */
    struct sieve_node *next;
    unsigned include_number; /* of `include`: which of them; 0: it does nothing */
    unsigned include_script; /* and which script, from 0 */
};

/* A script within the script, however often. */
struct sieve_included {
    bool is_global;
    struct text name;
};

struct sieve_script {
    struct arena arena;
    struct sieve_node *commands;
    uint64_t extensions; /* required */
    unsigned includes;
    struct sieve_included included[SIEVE_INCLUDES_MAX];
    unsigned included_count;
    bool reads_body;
};

static inline bool node_has(const struct sieve_node *node, enum sieve_tag_name tag)
{
    return (node->tag_bits & (UINT64_C(1) << tag)) != 0;
}
/* The tag's argument, or one that is not there. */
const struct sieve_argument *node_tag(const struct sieve_node *node, enum sieve_tag_name tag);

#endif
