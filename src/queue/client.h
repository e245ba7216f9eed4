/* The door into mailroot, and the way out: what front and send ask of the queue in the store role.
 *
 *     queue_begin ... queue_append ... queue_commit        every message enters so
 *     queue_lease ... queue_read_body ... queue_report     every delivery attempt
 *
 * The bodies of small messages travel inside the commit; larger ones are appended in chunks, each
 * acknowledged, so that memory stays bounded on both sides. */
#ifndef QUEUE_CLIENT_H
#define QUEUE_CLIENT_H

#include "base/arena.h"
#include "decide/spf_record.h"
#include "mail/terms.h"
#include "proc/rpc.h"
#include "settings/settings.h"

/* Methods the store role serves; numbers are stable. */
enum queue_method {
    QUEUE_APPEND = 1,   /* from front: a chunk of a large body */
    QUEUE_COMMIT = 2,   /* from front: envelope and the (rest of the) body */
    QUEUE_ABANDON = 3,  /* from front, one way */
    QUEUE_STORY = 4,    /* from front, send, auth; one way: something that happened, for `trace` */
    QUEUE_LEASE = 5,    /* from send: parks until a delivery is due */
    QUEUE_BODY = 6,     /* from send */
    QUEUE_ROOM = 8,     /* from front: has a recipient's mailbox room? */
    QUEUE_FILTERED = 9, /* from front; one way: a filter acted */
    QUEUE_CHECKED = 10, /* from front; one way: SPF came to a result */
    QUEUE_REPORT = 7,   /* from send: what became of each recipient */
    QUEUE_CLAIM = 11,   /* from send: what it has in hand by leases of the store before this one */
    QUEUE_URL = 12,     /* from front: what does a URL of a message lead to? */
    QUEUE_ETRN = 24,    /* from front; these four: turn.h */
    QUEUE_TURN_LEASE = 25,  /* from send */
    QUEUE_TURN_END = 26,    /* from send */
    STORE_TURN = 27,        /* from auth, with fd */
    QUEUE_RECEIVE = 28,     /* from send, with fd: turn.h */
    QUEUE_LINK_ANSWER = 40, /* from front; these two: links.h */
    QUEUE_LINK_SAY = 41,    /* from send */
    STORE_SESSION = 16,     /* from auth, with fd: serve this user's POP3 session */
};

/* RFC 3461 NOTIFY; none set means the default: FAILURE (and DELAY). */
enum notify { NOTIFY_NEVER = 1, NOTIFY_SUCCESS = 2, NOTIFY_FAILURE = 4, NOTIFY_DELAY = 8 };

struct queue_recipient {
    struct text address;            /* as accepted, canonical, without brackets */
    struct text original_recipient; /* ORCPT as given, or "" */
    unsigned notify;
};

/* Facts about a message and how it came; recorded with it. */
struct queue_envelope {
    uint64_t id;        /* id_new; unique */
    uint64_t session;   /* id of the session it came by */
    struct text sender; /* canonical, "" for the null path */
    struct mail_terms terms;
    enum service service;
    struct text server; /* virtual server's name */
    struct text peer;   /* "192.0.2.1:4711" */
    struct text helo;
    struct text login;               /* canonical user, or "" */
    struct text tls;                 /* "TLSv1.3 ..." or "" */
    struct text message_id, subject; /* from the header, for listings */
    struct text checked; /* "spf=pass sender-id=none": what was found out of its sender, or "" */
    uint64_t settings_version;
    bool is_unwanted; /* a filter has it archived, and nobody gets it */
    struct queue_recipient *recipients;
    unsigned recipient_count;
};

struct queue_message;

/* Start a message; no round trip. envelope must stay until commit or abandon. */
struct queue_message *queue_begin(struct rpc_channel *store, const struct queue_envelope *envelope);
/* Add body bytes (any cutting). YIELDS when a chunk is full. TRY_LATER: it failed and so will the
 * commit; keep swallowing. */
enum status queue_append(struct queue_message *message, struct text bytes);
/* What became of one recipient. */
struct queue_result {
    enum status status;
    struct text reason; /* of REFUSED */
};
/* OK: the message is on stable storage and in the local mailboxes. TRY_LATER (452 when
 * queue_commit_is_full: no space or queue full, else 451); REFUSED (554, or 550 in the recipient's
 * own words, see queue_rejection): nothing was kept. Frees *message. results, when not NULL,
 * receives one per recipient in order (LMTP: local recipients that turned out unknown, or do not
 * want it, are REFUSED while others are OK), with reasons in arena. YIELDS. */
enum status queue_commit(struct queue_message **message, struct arena *arena,
                         struct queue_result *results);
/* A reason for REFUSED is the recipient's own (RFC 5429): *words, borrowed. */
bool queue_rejection(struct text reason, struct text *words);
/* A reason for REFUSED comes with a status of its own (RFC 3463): *status and *words, borrowed. */
bool queue_status_reason(struct text reason, struct text *status, struct text *words);
void queue_abandon(struct queue_message **message);
/* The reason of the last failed commit on this task said that space is lacking. */
bool queue_commit_is_full(void);

/* What is known at RCPT of a message. */
struct queue_room_question {
    struct text recipient;     /* key */
    struct text sender, login; /* key, or ""; canonical, or "" */
    uint64_t bytes;            /* as declared; 0: not known yet */
    bool is_stranger;          /* neither is of a domain of ours; for the cache, and not sent */
};
struct queue_room_answer {
    bool is_open;         /* he takes whatever a stranger sends, until FRONT_ROOM_CHANGED */
    struct reason reason; /* of a refusal; see queue_status_reason */
};
/* Does the recipient take mail from him, so large, and has his mailbox room? REFUSED or TRY_LATER,
 * with the reason. OK also while the store does not answer: then the commit tells. YIELDS. */
enum status queue_room(struct rpc_channel *store, const struct queue_room_question *question,
                       struct queue_room_answer *answer);

/* A part of a message that is to be sent, named by a URL to its mailbox (RFC 4468). */
struct queue_url_question {
    struct text url;
    struct text login; /* who sends it, canonical */
    uint64_t offset;   /* what comes before is known already */
};
enum queue_url_way {
    QUEUE_URL_FOUND,
    QUEUE_URL_NOWHERE,   /* there is nothing that he may send */
    QUEUE_URL_ELSEWHERE, /* it is of another server */
    QUEUE_URL_WAYS
};
struct queue_url_answer {
    enum queue_url_way way;
    struct reason reason; /* of those that are not FOUND; not for who asks */
    uint64_t size;        /* of all that the URL names */
    struct buffer bytes;  /* from the offset on, at most QUEUE_BODY_CHUNK; "" only at the end */
};
/* TRY_LATER: it can't be told now. The caller finishes answer->bytes, whatever the status. YIELDS.
 */
enum status queue_read_url(struct rpc_channel *store, const struct queue_url_question *question,
                           struct queue_url_answer *answer);

/* Record something that happened under an id: a refusal (its case id), a connection's end. Cheap,
 * one way, durable with the next batch. event: "smtp.refused"; text: key=value facts. */
void queue_story(struct rpc_channel *store, uint64_t id, struct text event, struct text text);

/* What a filter did, to be counted. */
enum queue_filtered {
    FILTERED_ACCEPTED, /* connections */
    FILTERED_DENIED,
    FILTERED_SENDER,
    FILTERED_RECIPIENT,
    FILTERED_LISTED,
    FILTERED_SPF, /* messages: refused, put off or discarded */
    FILTERED_SENDER_ID,
    FILTERED_KINDS
};
/* One more. Cheap, one way. */
void queue_count_filtered(struct rpc_channel *store, enum queue_filtered what);
/* The same for an outcome of SPF, or of Sender ID, whatever becomes of the message. */
void queue_count_checked(struct rpc_channel *store, bool is_sender_id, enum spf_result result);

/* One message to one next hop. */
struct queue_job {
    uint64_t id;           /* of the message */
    uint64_t lease;        /* names this job in the report */
    uint32_t item;         /* with id: names it to another store */
    struct text connector; /* name in the settings, or "": by MX of domain */
    struct text domain;    /* A-labels, or an address literal with brackets */
    struct text sender;
    struct mail_terms terms; /* to be passed on; by_ms is the instant, not what is left */
    uint64_t size;
    struct text body; /* whole when size <= QUEUE_BODY_INLINE_MAX, else empty */
    const struct queue_job_recipient {
        uint32_t number; /* names it in the report */
        struct text address, original_recipient;
        unsigned notify;
    } * recipients;
    unsigned recipient_count;
};
enum { QUEUE_BODY_INLINE_MAX = 64 << 10, QUEUE_BODY_CHUNK = 256 << 10 };

/* What is leased at a time; bodies of jobs are in the sender's memory. */
enum { QUEUE_LEASES_MOST = 1000 };
/* Up to max jobs that are due, for different hops before more for the same, and never so many for
 * slow ones that none are left for others; waits until there is one. Jobs live in arena. The lease
 * ends with the report, or with this process, or with the store's unless it is claimed. YIELDS. */
enum status queue_lease(struct rpc_channel *store, unsigned max, struct arena *arena,
                        struct queue_job **jobs, unsigned *count);
/* Body bytes [offset, offset+length) appended to out; length <= QUEUE_BODY_CHUNK. YIELDS. */
enum status queue_read_body(struct rpc_channel *store, const struct queue_job *job, uint64_t offset,
                            uint32_t length, struct buffer *out);

/* A lease of the store before this one. */
struct queue_claim {
    uint64_t id, lease;
    uint64_t turn; /* that it was given to (queue/turn/turn.h), and ends with; 0: none */
    uint32_t item;
};
enum { QUEUE_CLAIMS_MOST = 2 * QUEUE_LEASES_MOST };
/* Before anything is leased from a store that has just started: these jobs are in hand, so it must
 * not give them out again. They go on by the leases they have; what is in the queue no more is
 * passed over, and its report will be REFUSED. count <= QUEUE_CLAIMS_MOST. TRY_LATER: it is not
 * open yet. YIELDS. */
enum status queue_claim(struct rpc_channel *store, const struct queue_claim *claims,
                        unsigned count);

struct queue_outcome {
    uint32_t number;    /* of the recipient */
    enum status status; /* OK delivered; TRY_LATER; REFUSED */
    bool no_connection; /* TRY_LATER before any dialogue: counts as glitch, for the whole hop */
    bool peer_reports_success; /* OK: the peer offered DSN (RFC 3461) and was told NOTIFY */
    bool peer_keeps_time;      /* OK: the peer offered DELIVERBY (RFC 2852) and was told BY */
    struct text remote_host;   /* "mx.example.net[192.0.2.1]:25", or "" */
    struct text
        tls; /* how the connection's came out: "TLSv1.3 ... dane", "none"; "" no connection */
    struct text enhanced; /* "4.4.1", "5.1.1"; "" unknown */
    struct text reply;    /* the peer's words, or our reason */
};
/* Tell what became of each recipient of the job. OK: recorded durably. TRY_LATER: not recorded, or
 * being recorded: ask again. REFUSED: its lease has ended. YIELDS. */
enum status queue_report(struct rpc_channel *store, const struct queue_job *job,
                         const struct queue_outcome *outcomes, unsigned count);

#endif
