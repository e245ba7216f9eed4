/* Sieve (RFC 5228): what a user wants done with a message, as a program that always ends. A script
 * is compiled once and run over messages; the run decides and the caller acts. */
#ifndef SIEVE_SIEVE_H
#define SIEVE_SIEVE_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/status.h"

struct sieve_script;

enum {
    SIEVE_SCRIPT_MAX = 1 << 20,   /* bytes of a script */
    SIEVE_REDIRECTS_MAX = 10,     /* of one run */
    SIEVE_ACTIONS_MAX = 50,       /* of one run */
    SIEVE_MESSAGE_SEEN = 1 << 20, /* bytes of a message that tests on bodies look at */
    SIEVE_INCLUDES_MAX = 20,      /* scripts within a script, and how deep */
    SIEVE_INCLUDE_DEPTH_MAX = 5,
};

/* Where `include` finds scripts. The text must stay until the compilation has ended. */
struct sieve_library {
    void *context;
    bool (*find)(void *context, bool is_global, struct text name, struct text *source);
};

/* Compile. library may be NULL: nothing can be included. REFUSED: error has "line 3, column 7: ..."
 * with what is wrong and what would be right. */
enum status sieve_compile(struct text source, const struct sieve_library *library,
                          struct buffer *error, struct sieve_script **out);
/* Accepts NULL. */
void sieve_script_free(struct sieve_script **script);
/* Tests of the script look into the body, so the message's bytes have to be given. */
bool sieve_script_reads_body(const struct sieve_script *script);

/* The names of all extensions, separated by spaces: for ManageSieve. */
void sieve_capabilities(struct buffer *out);
/* The same for notification methods. */
#define SIEVE_NOTIFY_METHODS "mailto"

/* The message a script is run over. Texts are borrowed. */
struct sieve_message {
    struct text
        bytes;     /* from the header's start: at least the header, at most SIEVE_MESSAGE_SEEN */
    uint64_t size; /* of the whole */
    struct text sender;    /* of the envelope; "" the null path */
    struct text recipient; /* of the envelope, as it was before aliases */
    struct text login;     /* of who submitted it, or "" */
};

/* What a script may ask about its surroundings. Functions may be NULL: then the answer is no. */
struct sieve_world {
    void *context;
    int64_t now_ms;               /* wall */
    int zone_minutes;             /* east of Greenwich, for currentdate without :zone */
    struct text user;             /* the owner's address */
    const struct text *addresses; /* all that mean the owner: vacation answers for them alone */
    unsigned address_count;
    uint8_t charset; /* his guess: what text without one is read as (mail/charset.h) */
    struct text host, version, remote_host, remote_ip; /* environment (RFC 5183) */
    int spam_percent;                                  /* 0 to 100; -1: not tested */
    int virus_level;                                   /* 0: not tested, 1: none ... 5 (RFC 5235) */
    bool (*mailbox_exists)(void *context, struct text name);
    bool (*special_use_exists)(void *context, struct text name, struct text attribute);
    /* RFC 7352: has this been seen? Only asked; a result's `seen` says what to remember. */
    bool (*was_seen)(void *context, struct text key);
    /* Told what was tested and done, for `sieve test`. */
    void (*trace)(void *context, unsigned line, struct text words);
};

enum sieve_action_kind {
    SIEVE_KEEP,     /* into the inbox */
    SIEVE_FILEINTO, /* into `mailbox` */
    SIEVE_REDIRECT, /* to `address` */
    SIEVE_DISCARD,
    SIEVE_REJECT,   /* with `text` as the reason; nothing else is done with the message then */
    SIEVE_VACATION, /* an answer to the envelope's sender, unless he had one lately */
    SIEVE_NOTIFY,   /* a note to `address` */
};

struct sieve_action {
    enum sieve_action_kind kind;
    unsigned line; /* of the script; 0: the implicit keep */
    struct text mailbox, special_use;
    bool create; /* the mailbox, when it is missing */
    struct text address;
    const struct text *flags; /* system flags and keywords, each once; of keep and fileinto */
    unsigned flag_count;
    struct text text;    /* UTF-8, lines end with CRLF */
    struct text subject; /* UTF-8; "" none given */
    struct text from;    /* address to answer from, or "" */
    struct text key;     /* of a vacation: answers with the same key are one */
    int64_t seconds;     /* of a vacation: before the next answer to the same sender */
    bool is_mime;        /* text is a MIME entity with its own header */
    bool is_important;   /* of a notification */
};

/* A thing that was tested with `duplicate` and has to be remembered. */
struct sieve_seen {
    struct text key;
    int64_t seconds;
};

struct sieve_result {
    struct sieve_action *actions;
    unsigned action_count;
    struct sieve_seen *seen;
    unsigned seen_count;
    bool header_changed;
    struct text header; /* then: the header section as edited, without the blank line */
    /* "" or what went wrong at run time: the one action is then keep (RFC 5228 2.10.6). */
    struct text error;
};

/* Run. All of the result is in arena. Never fails: trouble is in result->error. Does not YIELD, and
 * ends after bounded work. */
void sieve_run(const struct sieve_script *script, const struct sieve_message *message,
               const struct sieve_world *world, struct arena *arena, struct sieve_result *result);

#endif
