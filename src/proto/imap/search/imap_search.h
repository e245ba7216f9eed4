/* SEARCH inside: the keys (RFC 9051 6.4.4) as a tree, and whether a message fits. A new key is a
 * row of the table in imap_search_key.c and a case, or a function, in imap_search_match.c. */
#ifndef PROTO_IMAP_SEARCH_IMAP_SEARCH_H
#define PROTO_IMAP_SEARCH_IMAP_SEARCH_H

#include "proto/imap/imap_partial.h"
#include "proto/imap/imap_session.h"
#include "proto/imap/message/imap_message.h"

enum imap_search_op {
    SEARCH_ALL,
    SEARCH_NOTHING,
    SEARCH_AND,
    SEARCH_OR,
    SEARCH_NOT,
    SEARCH_SET,     /* set: UIDs */
    SEARCH_FLAGS,   /* flags: it has all of these */
    SEARCH_KEYWORD, /* text */
    SEARCH_BEFORE,  /* the internal date; number: days since 1970 */
    SEARCH_ON,
    SEARCH_SINCE,
    SEARCH_SAVED_BEFORE, /* when it came into the mailbox */
    SEARCH_SAVED_ON,
    SEARCH_SAVED_SINCE,
    SEARCH_MODSEQ, /* number */
    SEARCH_EMAIL,  /* number: a message's id */
    SEARCH_LARGER,
    SEARCH_SMALLER,
    SEARCH_OLDER, /* than number seconds */
    SEARCH_YOUNGER,
    SEARCH_SENT_BEFORE, /* the Date field; number: days */
    SEARCH_SENT_ON,
    SEARCH_SENT_SINCE,
    SEARCH_HEADER, /* name; text */
    SEARCH_BODY,   /* text */
    SEARCH_TEXT,
};

/* What must be looked at; in this order keys are tried. */
enum imap_search_cost { COST_ENTRY, COST_HEADER, COST_BODY, COSTS };

struct imap_search_key {
    struct imap_search_key *next;  /* beside it */
    struct imap_search_key *inner; /* of AND, OR, NOT */
    unsigned id;                   /* none other of the search has it */
    enum imap_search_op op;
    enum imap_search_cost cost;
    uint64_t number, flags;
    struct text name, text; /* text is folded (mail/fold.h) */
    struct imap_set set;
    bool has_last; /* the set has the last message too, which is another in each mailbox */
    bool is_fuzzy; /* of a text: what comes near it will do (RFC 6203) */
};

enum imap_results {
    RESULT_MIN = 1,
    RESULT_MAX = 2,
    RESULT_ALL = 4,
    RESULT_COUNT = 8,
    RESULT_PARTIAL = 16,
    RESULT_SAVE = 32,
    RESULT_RELEVANCY = 64,
};

/* A search while it runs; SORT and THREAD are searches too. */
struct imap_search {
    struct imap_session *session;
    struct view *view; /* what is searched */
    bool is_extended;  /* answered by ESEARCH */
    bool is_multi;     /* the ESEARCH command: the answer names the mailbox, and is by UID */
    bool is_many;      /* in other mailboxes than the selected one too */
    unsigned results;  /* imap_results */
    struct imap_partial partial;
    struct imap_search_key *keys;
    struct derived_run *run; /* of the messages searched, while they are */
    struct imap_words *words;
    /* What is answered: numbers or UIDs, in the order of the answer. */
    struct imap_set_builder found;
    struct imap_set_builder saved; /* the same as UIDs, for "$" */
    uint32_t count;
    bool has_modseq; /* MODSEQ was asked about: tell the highest */
    uint64_t modseq;
    bool has_fuzzy;             /* there is a FUZZY key */
    struct buffer scores;       /* of what was found, a byte each, in the order of the answer */
    struct text missing_filter; /* a FILTER of this name was asked for and is not there */
};

/* imap_search.c. Of the selected mailbox. */
void imap_search_init(struct imap_search *search, struct imap_session *session);
void imap_search_finish(struct imap_search *search);
/* "(MIN COUNT)" of RETURN. */
void imap_lex_results(struct imap_search *search);
/* What stands behind: the charset's name, keys. False when answered. YIELDS. */
bool imap_lex_criteria(struct imap_search *search, struct text charset);
/* Show `found` each message that fits, ascending. TRY_LATER: something can't be read. YIELDS. */
typedef enum status imap_search_found(void *context, struct imap_message *message);
enum status imap_search_run(struct imap_search *search, imap_search_found *found, void *context);
/* Put a message into the answer; score: as imap_message_score has it. */
void imap_search_add(struct imap_search *search, uint32_t uid, unsigned score);
/* The same for imap_search_run; context: the search. */
enum status imap_search_gather(void *context, struct imap_message *message);
/* The search is over: what "$" is from now on (RFC 5182 2.1, 2.4); of one that failed, nothing. */
void imap_search_save(struct imap_search *search, bool has_failed);
/* Send the ESEARCH response (RFC 4731 3.1), unless nothing but SAVE was asked for. YIELDS. */
void imap_search_answer(struct imap_search *search);

/* Read keys up to the end, all of which must fit, into search->keys and the command's arena.
 * charset: of their strings, "" for none said. YIELDS. */
void imap_lex_search(struct imap_search *search, struct text charset);
/* Does the message, which the view has, fit? FUZZY keys note in it how well. TRY_LATER: it can't be
 * read; one that is gone fits nothing. YIELDS. */
enum status imap_search_matches(const struct view *view, struct imap_message *message,
                                const struct imap_search_key *key, bool *fits);

/* 1 to 100; what no fuzzy key has judged fits exactly. */
unsigned imap_message_score(const struct imap_message *message);

/* imap_search_text.c: is the key's text in a field's value; in the body, or in all of the message?
 * YIELD. */
enum status imap_search_header(struct imap_message *message, const struct imap_search_key *key,
                               bool *found);
enum status imap_search_body(struct imap_message *message, const struct imap_search_key *key,
                             bool *found);
/* The same for a key that is fuzzy: how well it fits (mail/fuzzy.h); 0: not at all. YIELDS. */
enum status imap_search_fuzzy(struct imap_message *message, const struct imap_search_key *key,
                              unsigned *score);

#endif
