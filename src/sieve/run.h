/* A run of a script: what its commands and tests share. Included only from sieve/. */
#ifndef SIEVE_RUN_H
#define SIEVE_RUN_H

#include "mail/charset.h"
#include "mail/header.h"
#include "mail/mime.h"
#include "sieve/tree.h"

enum {
    RUN_WORK = 32 << 20, /* bytes that comparisons may look at: some ten milliseconds */
    VARIABLE_BYTES_MAX = 32 << 10,
    VARIABLES_MAX = 256,
    FLAGS_MAX = 100,
    CAPTURES = 10,
    GLOBAL_SCOPE = UINT32_MAX,
};

struct variable {
    unsigned scope; /* of which script; or GLOBAL_SCOPE */
    struct text name, value;
};

struct sieve_run {
    const struct sieve_script *script;
    const struct sieve_message *message;
    const struct sieve_world *world;
    struct arena *arena;
    struct sieve_result *result;
    struct charset_guess guess;
    struct text header; /* the header section, as edited so far */
    struct text captures[CAPTURES];
    struct variable *variables; /* a value or, with no name's value, a name declared global */
    unsigned variable_count;
    const struct text *flags; /* the internal variable of imap4flags */
    unsigned flag_count;
    bool keeps;     /* the implicit keep stands */
    bool stopped;   /* by stop, or failed */
    bool returning; /* from an included script */
    bool failed;
    bool branch_taken; /* of the if before */
    uint64_t work_left;
    unsigned scope;    /* which script runs: 0 the user's */
    uint64_t included; /* scripts that ran, a bit each */
    unsigned redirects;
    struct mime_tree tree;
    bool scanned;
};

/* The run ends with the message kept (RFC 5228 2.10.6). Always false. */
bool run_fail(struct sieve_run *run, const struct sieve_node *node, const char *why);
/* Count bytes looked at. False: the script has used up what it may. */
bool run_work(struct sieve_run *run, const struct sieve_node *node, size_t bytes);
void run_trace(struct sieve_run *run, const struct sieve_node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A new action, zeroed but for its kind and line; NULL when there are too many: the run failed. */
struct sieve_action *run_action(struct sieve_run *run, const struct sieve_node *node,
                                enum sieve_action_kind kind);

/* Strings (expand.c). */
/* The string of argument i, expanded; and the list. */
struct text argument_text(struct sieve_run *run, const struct sieve_node *node, unsigned i);
const struct text *argument_list(struct sieve_run *run, const struct sieve_argument *argument);
/* The tag's string, expanded; "" without the tag. */
struct text tag_text(struct sieve_run *run, const struct sieve_node *node, enum sieve_tag_name tag);
struct text variable_get(struct sieve_run *run, struct text name);
/* False: the run failed. */
bool variable_set(struct sieve_run *run, const struct sieve_node *node, struct text name,
                  struct text value);
bool variable_name_is_valid(struct text name);
bool has_variables(struct text string);

bool address_is_valid(struct text address);

/* Every function of the table, by the file it stands in. */
#define ACTS(name) void name(struct sieve_run *run, const struct sieve_node *node)
#define HOLDS(name) bool name(struct sieve_run *run, const struct sieve_node *node)
#define CHECKS(name) bool name(const struct sieve_node *node, const char **why)

/* run.c */
ACTS(act_if);
ACTS(act_elsif);
ACTS(act_else);
ACTS(act_stop);
ACTS(act_include);
ACTS(act_return);
ACTS(act_global);
ACTS(act_error);
HOLDS(holds_allof);
HOLDS(holds_anyof);
HOLDS(holds_not);
HOLDS(holds_true);
HOLDS(holds_false);
HOLDS(holds_ihave);
/* run_action.c */
ACTS(act_keep);
ACTS(act_discard);
ACTS(act_fileinto);
ACTS(act_redirect);
ACTS(act_reject);
CHECKS(check_redirect);
/* run_set.c */
ACTS(act_set);
CHECKS(check_set);
/* run_answer.c */
ACTS(act_vacation);
ACTS(act_notify);
HOLDS(holds_valid_notify_method);
HOLDS(holds_notify_method_capability);
CHECKS(check_vacation);
/* run_flags.c */
ACTS(act_setflag);
ACTS(act_addflag);
ACTS(act_removeflag);
HOLDS(holds_hasflag);
/* Flags that a list of strings names, each once, sorted out. */
const struct text *flags_of(struct sieve_run *run, const struct text *strings, unsigned count,
                            unsigned *out_count);
/* run_edit.c */
ACTS(act_addheader);
ACTS(act_deleteheader);
CHECKS(check_field_name);
/* run_header.c */
HOLDS(holds_header);
HOLDS(holds_address);
HOLDS(holds_envelope);
HOLDS(holds_exists);
HOLDS(holds_size);
CHECKS(check_size);
CHECKS(check_index);
/* run_date.c */
HOLDS(holds_date);
HOLDS(holds_currentdate);
/* run_body.c */
HOLDS(holds_body);
/* run_world.c */
HOLDS(holds_string);
HOLDS(holds_environment);
HOLDS(holds_mailboxexists);
HOLDS(holds_specialuse_exists);
HOLDS(holds_duplicate);
HOLDS(holds_spamtest);
HOLDS(holds_virustest);

/* The occurrences of a field that a test looks at: all, or with :index one. Unfolded values in
 * arena; *count of them. */
struct text *fields_named(struct sieve_run *run, const struct sieve_node *node, struct text name,
                          unsigned *count);

/* A field's value as a person reads it, in arena. */
struct text field_decoded(struct sieve_run *run, const struct header_field *field);

#endif
