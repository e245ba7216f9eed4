/* What the files of this folder share of an open directory. Included only from directory/. */
#ifndef DIRECTORY_STATE_H
#define DIRECTORY_STATE_H

#include "directory/directory.h"
#include "directory/password.h"
#include "directory/recent.h"
#include "directory/throttle.h"
#include "index/index.h"
#include "log/log.h"

/* A password that was right lately: never itself, only a keyed hash. */
struct login_memory {
    unsigned char mac[32];
    int64_t until_ms;
};

struct directory {
    char *path, *log_path, *index_path;
    struct log *log;
    struct index *index; /* NULL while it is being rebuilt */
    struct settings *settings;
    struct task_group *group;
    struct task_group background;
    bool rebuilding, closing;
    struct map *selections; /* of selection.h: filter -> whom it means; NULL: none */
    struct arena selections_arena;
    bool stamp_wanted; /* addresses by recipient policies: see stamp.h */
    struct task_event stamp_news;
    struct task_group stamping;  /* the task of stamp.h */
    unsigned active;             /* operations that yield, in progress */
    struct task_event idle;      /* told when active falls to 0 */
    bool changing;               /* one change at a time: checked, committed, applied */
    struct task_event unchanged; /* told when changing ends */
    void (*changed)(void *);     /* told after each change */
    void *changed_context;
    struct password_gate gate;
    struct throttle *throttle;
    struct ntlm_users *ntlm;          /* NULL until ntlm_users_start */
    struct task_event login_ended;    /* waiting logins look again */
    unsigned waiting_logins;          /* for their turn to be verified */
    struct oauth *oauth;              /* keys of tokens */
    directory_introspect *introspect; /* NULL: nobody to ask */
    void *introspect_context;
    struct recent *logins;                             /* of struct login_memory, by user key */
    unsigned char secret[32];                          /* of this process, for logins */
    unsigned char salt_secret[DIRECTORY_DIGEST_BYTES]; /* of the directory, for decoy salts */
};

/* Begin and end an operation that yields. TRY_LATER when the directory closes. */
enum status directory_enter(struct directory *directory);
void directory_leave(struct directory *directory);
/* The same for one that changes: alone, after those before it. YIELDS. */
enum status directory_change_begin(struct directory *directory);
void directory_change_end(struct directory *directory);
/* Make it durable and visible. Within a change. YIELDS. */
enum status directory_commit(struct directory *directory, const struct directory_record *record);

/* Index keys: prefix, domain, NUL, local part; so that a domain's entries stand together. */
enum {
    INDEX_USER = 'u',
    INDEX_LIST = 'l',
    INDEX_MEMBER = 'm',
    INDEX_KEYS = 'k',
    INDEX_NETWORK = 'n',     /* and NUL, network; value: when it was seen */
    INDEX_CERTIFICATE = 'c', /* digest alone; value: the user's key */
    INDEX_SECRET = 's',      /* alone */
    INDEX_ATTRIBUTE = 'a',   /* and NUL, attribute; value: its value */
    INDEX_KEY_MAX = 1024
};
void directory_index_key(struct buffer *out, char prefix, struct text key);
/* What the keys of this domain's entries start with; domain "": of all domains. */
void directory_index_domain(struct buffer *out, char prefix, struct text domain);
/* network "": what the keys of the user's networks start with. */
void directory_index_network(struct buffer *out, struct text user, struct text network);
/* attribute "": what the keys of the object's attributes start with. */
void directory_index_attribute(struct buffer *out, struct text key, struct text attribute);
/* Whose attribute is under this key of the index, in arena. */
bool directory_index_attribute_owner(struct text index_key, struct arena *arena, struct text *key);
void directory_index_certificate(struct buffer *out, struct text digest);
/* What a record means for the index: the same live and at replay. */
enum status directory_apply(struct index *index, const struct directory_record *record,
                            log_number number);
/* The record of user, list or keys, decoded; its text lives in value. False when absent. */
bool directory_index_find(struct directory *directory, char prefix, struct text key,
                          struct buffer *value, struct directory_record *record);

struct text directory_file_user_key(const struct setting_domain *domain, unsigned number,
                                    struct arena *arena);
bool directory_user_exists(struct directory *directory, struct text key);
/* Who was rewritten to this key (mail/srs.h), in key form; false when nobody was. */
bool directory_rewritten(const struct directory *directory, struct text key, struct arena *arena,
                         struct text *original);
/* The local part and the domain of a key. */
struct text directory_local_part(struct text key);
struct text directory_domain(struct text key);

/* What an address of ours is, before anybody is asked where it leads. */
enum found_kind {
    FOUND_NOBODY,
    FOUND_USER,
    FOUND_LIST,
    FOUND_SENDER,    /* one that we rewrote */
    FOUND_STANDING,  /* postmaster, abuse */
    FOUND_AMBIGUOUS, /* a user and a list have it */
};
struct found {
    enum found_kind kind;
    struct text key; /* of the user, list or rewritten sender; where a standing address leads ("":
                      * nowhere) */
};
struct found directory_find(struct directory *directory, struct text key, struct arena *arena);
bool directory_holds(const struct directory *directory,
                     struct text key); /* is in a domain of ours */
/* The user behind an address of ours: he himself, or whose further address or lone alias it is. In
 * arena; "" when there is none. */
struct text directory_user_of(struct directory *directory, struct text key, struct arena *arena);

/* His own limits as a sender, or DIRECTORY_NO_LIMIT; user may be "". */
void directory_limits_of(struct directory *directory, struct text user, struct arena *arena,
                         uint64_t *send_bytes, uint64_t *recipients);

/* Forget remembered successes of this user. */
void directory_forget_login(struct directory *directory, struct text key);
/* The user's hash, or "" when he cannot log in. In arena. Does not yield. */
struct text directory_login_hash(struct directory *directory, struct text key, struct arena *arena);

/* A login that is not by a password sent: take a turn among the guesses, and end it with the
 * outcome. account: the user's key, or what was said when that is none. TRY_LATER: too many wrong
 * ones. Both YIELD. */
enum status directory_attempt_begin(struct directory *directory, struct text account,
                                    struct text peer);
void directory_attempt_end(struct directory *directory, struct text account, struct text peer,
                           enum throttle_outcome outcome);

#endif
