/* What other roles ask of the directory in the auth role. auth validates every byte. */
#ifndef DIRECTORY_CLIENT_H
#define DIRECTORY_CLIENT_H

#include "base/arena.h"
#include "proc/rpc.h"
#include "settings/mechanisms.h"
#include "settings/settings.h"

/* Methods the auth role serves; numbers are stable. */
enum directory_method {
    DIRECTORY_CHECK = 1,     /* from front: may mail be accepted for this address? */
    DIRECTORY_LOGIN = 2,     /* from front: check a password; hand a session over */
    DIRECTORY_EXPAND = 3,    /* from store: who gets it? */
    DIRECTORY_FORWARD = 8,   /* from store: in whose name does it go on? */
    DIRECTORY_DESCRIBE = 16, /* from front: what is this address? */
    DIRECTORY_TURN = 24,     /* from front, with fd: turn.h */
    DIRECTORY_RIGHTS = 32,   /* from front: what may a user do? */
    /* auth itself tells front and store, one way and empty: forget what was answered before. */
    DIRECTORY_CHANGED = 4,
    DIRECTORY_SASL_STEP = 5,    /* from front: one message of a SASL exchange */
    DIRECTORY_SASL_CANCEL = 6,  /* from front, one way: the client gave up */
    DIRECTORY_SASL_SESSION = 7, /* from front: hand the session over after a SASL login */
};

/* Will mail to this address (key form, in one of our domains) be taken? OK; REFUSED "no such user
 * here"; TRY_LATER. Follows aliases and groups only one step. YIELDS. */
enum status directory_check(struct rpc_channel *auth, struct text address_key);

/* What is known of an address: what VRFY and EXPN tell of ours. */
enum directory_described {
    DESCRIBED_USER,
    DESCRIBED_LIST,    /* an alias or a group */
    DESCRIBED_SEVERAL, /* more than one has that local part; nothing else is told */
    DESCRIBED_HIDDEN,  /* a group whose members are not told */
    DESCRIBED_CONTACT, /* an address of another domain that the directory knows */
};
struct directory_description {
    enum directory_described kind;
    struct text address;  /* key form */
    struct text name;     /* of a user or contact, full; or "" */
    struct text *members; /* of a list: addresses as written */
    unsigned member_count;
};
/* The address (key form) or the local part alone, in whichever domain of ours. OK, out in arena;
 * REFUSED "no such user here"; TRY_LATER. YIELDS. */
enum status directory_describe(struct rpc_channel *auth, struct text key, struct arena *arena,
                               struct directory_description *out);

/* Who sends the message that addresses are looked up for, and how large it is. */
struct directory_facts {
    struct text sender; /* key; "" the null path */
    struct text login;  /* canonical user, or "" */
    uint64_t size;      /* bytes; 0: not known */
    bool is_internal;   /* a report of ours: whoever restricts mail takes it */
    bool is_ours;       /* login or sender are of a domain of ours; for the cache, and not sent */
};

/* Who an address means in the end. */
enum directory_target_kind {
    TARGET_MAILBOX, /* address: a user of ours, key form */
    TARGET_REMOTE,  /* address: elsewhere (alias or group member outside our domains) */
    TARGET_UNKNOWN, /* address: ours by domain, but no such user: report 5.1.1 */
    TARGET_LOOP, /* an alias or group that contains itself, or is nested too deep: report 5.4.6 */
    TARGET_REFUSED,   /* its mail is not for this sender or not so large, or can't be told apart:
                       * report `status` and `reason` */
    TARGET_EXPAND_AT, /* a group whose members another host of ours knows: `host` gets it */
};
struct directory_target {
    enum directory_target_kind kind;
    struct text address;
    unsigned recipient;     /* index of the address asked about */
    unsigned group;         /* the innermost it is reached by: groups[group - 1]; 0: none */
    struct text status;     /* "5.7.1" */
    struct text reason;     /* or host */
    uint64_t receive_bytes; /* of a mailbox: its own limit; DIRECTORY_NO_LIMIT: none of its own */
};
/* What holds for those who are reached by a group. */
struct directory_group {
    struct text address; /* key */
    struct text owner;   /* reports go to him; "": to the sender */
    bool nobody_hears;   /* or to nobody */
    bool hides_members;  /* this one, or one that it is in */
};
#define DIRECTORY_NO_LIMIT UINT64_MAX
enum { DIRECTORY_TARGETS_MAX = 10000, DIRECTORY_GROUPS_MAX = 10000 };

struct directory_question {
    const struct text *keys; /* those outside our domains come back TARGET_REMOTE as they are */
    unsigned count;
    const struct directory_facts *facts; /* NULL: who is meant, whoever asks */
    /* Or NULL. For the cache, and not sent: addresses of none of its domains need no asking. */
    const struct settings *settings;
};
struct directory_answer {
    struct directory_target *targets;
    unsigned target_count;
    struct directory_group *groups;
    unsigned group_count;
    bool depends; /* with other facts it would be another */
    /* Of the sender, when he is a user of ours; DIRECTORY_NO_LIMIT: no limits of his own. */
    struct text user;
    uint64_t send_bytes, recipients;
};

/* Expand these addresses (key form). Duplicates are found here: an address comes back once, for the
 * first recipient that leads to it. TRY_LATER: hold the mail, never bounce. YIELDS. */
enum status directory_expand(struct rpc_channel *auth, const struct directory_question *question,
                             struct arena *arena, struct directory_answer *out);

/* What a user may do on a server, and how much. */
struct directory_rights {
    bool may_submit, may_relay;      /* by the lists of the server */
    uint64_t send_bytes, recipients; /* DIRECTORY_NO_LIMIT: no limits of his own */
};
/* Of a canonical user, logged in at the server. YIELDS. */
enum status directory_rights(struct rpc_channel *auth, struct text user, struct text server,
                             struct directory_rights *out);

/* A sender (canonical, not of ours) as mail that a domain of ours forwards goes out (mail/srs.h).
 * The key stays in auth, which also expands what comes back. REFUSED: it can't be rewritten, or the
 * domain is not ours. YIELDS. */
enum status directory_forward(struct rpc_channel *auth, struct text sender, struct text domain,
                              struct arena *arena, struct text *out);

struct directory_login {
    struct text user,
        password; /* user as typed: "alice@example.test", or "alice" in the first domain */
    enum service service;
    uint64_t session; /* id, for the log and the story */
    struct text peer; /* address text, for throttling guesses */
};
/* Check the password. OK: the user's canonical address in `user_out`. REFUSED "authentication
 * failed" (never which half was wrong); TRY_LATER. With hand_over_fd >= 0 (POP3: one end of a
 * socket pair; closed here in any case) auth also tells the store, which alone believes auth, to
 * serve this user's session on it; OK then means the store has it. Slow on purpose. YIELDS. */
enum { DIRECTORY_USER_MAX = 320 };
enum status directory_login(struct rpc_channel *auth, const struct directory_login *login,
                            int hand_over_fd, char user_out[DIRECTORY_USER_MAX]);

/* TRY_LATER of a login with this reason: who he is was proven, but the administrator does not let
 * him use the service (mailroot user set). */
#define DIRECTORY_SERVICE_OFF "the administrator does not let this user use the service"
bool directory_service_is_off(void);

/* SASL (RFC 4422), whatever the mechanism: front carries the messages between the client and auth,
 * which alone understands them and keeps what is said between two of them. An exchange that is not
 * gone on with is forgotten after DIRECTORY_SASL_MS. */
enum {
    DIRECTORY_SASL_MAX = 12288,
    DIRECTORY_BINDING_MAX = 64,
    DIRECTORY_MAILS_MAX = 4096,
    DIRECTORY_SASL_MS = 2 * 60 * 1000
};

/* What front knows of a session that wants to log in. */
struct directory_sasl_facts {
    enum mechanism mechanism;
    enum service service;
    uint64_t session; /* as in directory_login */
    struct text peer; /* as in directory_login */
    struct text host; /* the name by which the server greets */
    bool is_tls;
    /* RFC 9266 and RFC 5929 4; "" where the channel has none. */
    struct text tls_exporter, tls_server_end_point;
    /* RFC 5929 3, of TLS 1.2 alone. */
    struct text tls_unique;
    /* SHA-256 of the certificate that the client showed, or "". Its e-mail addresses, parted by LF:
     * only when it leads to an authority that is trusted for clients. */
    struct text certificate, certificate_mails;
};
enum directory_sasl_outcome {
    DIRECTORY_SASL_CHALLENGE, /* to be sent to the client, and its response brought here */
    DIRECTORY_SASL_DONE,      /* logged in */
    DIRECTORY_SASL_MALFORMED  /* not what the mechanism sends; the exchange is over */
};
struct directory_sasl_answer {
    enum directory_sasl_outcome outcome;
    uint64_t exchange;             /* for the steps that follow, and for the session */
    struct text challenge;         /* in the arena given */
    char user[DIRECTORY_USER_MAX]; /* when done: canonical address */
};
/* Begin. response NULL: none came with the command. REFUSED "authentication failed", TRY_LATER as
 * with directory_login; the exchange is then over. YIELDS. */
enum status directory_sasl_begin(struct rpc_channel *auth, const struct directory_sasl_facts *facts,
                                 const struct text *response, struct arena *arena,
                                 struct directory_sasl_answer *out);
/* Go on with the client's response. YIELDS. */
enum status directory_sasl_step(struct rpc_channel *auth, uint64_t exchange, struct text response,
                                struct arena *arena, struct directory_sasl_answer *out);
/* Forget it. Does not yield. */
void directory_sasl_cancel(struct rpc_channel *auth, uint64_t exchange);
/* After DONE, once, for a service with mailboxes: auth tells the store to serve the user's session
 * on fd, which is closed here in any case. YIELDS. */
enum status directory_sasl_session(struct rpc_channel *auth, uint64_t exchange, int fd);

#endif
