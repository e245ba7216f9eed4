/* The bytes of queue/client.h's calls: written by one side, read as from a stranger by the other.
 * Texts that are read are lent by the bytes; arrays live in the arena. */
#ifndef QUEUE_WIRE_H
#define QUEUE_WIRE_H

#include "base/wire.h"
#include "queue/client.h"

enum {
    QUEUE_RECIPIENTS_MAX = 10000,
    QUEUE_FACT_MAX = 1024,        /* one fact of an envelope */
    QUEUE_JOBS_MAX = 64,          /* in one lease */
    QUEUE_INLINE_MAX = 256 << 10, /* a body that travels inside the commit; also a chunk */
};

/* A commit the server could not take for lack of space has a reason that begins so. */
#define QUEUE_FULL_REASON "insufficient storage"
/* One that a recipient's script refused, for the reason behind it. */
#define QUEUE_REJECTED_REASON "rejected by the recipient: "
/* One that says by which status (RFC 3463): "status 5.2.3 larger than ...". */
#define QUEUE_STATUS_REASON "status "

/* QUEUE_APPEND: id, bytes. QUEUE_ABANDON: id. QUEUE_COMMIT: appended before?, envelope, rest. */
struct queue_commit_request {
    struct queue_envelope envelope;
    uint64_t appended; /* bytes sent by QUEUE_APPEND before */
    struct text body;
};
/* All but the bytes of the body, which follow. */
void queue_commit_encode_head(const struct queue_commit_request *request, struct buffer *out);
void queue_commit_encode(const struct queue_commit_request *request, struct buffer *out);
bool queue_commit_decode(struct text bytes, struct arena *arena, struct queue_commit_request *out);

/* The body is last: job.c reads it to where it then stands. */
void queue_job_encode(const struct queue_job *job, struct buffer *out);
bool queue_job_decode(struct wire_reader *in, struct arena *arena, struct queue_job *out);

/* The answer to a lease: how many, and the jobs, in arena. TRY_LATER: it is malformed. */
enum status queue_jobs_decode(struct text bytes, struct arena *arena, struct queue_job **jobs,
                              unsigned *count);

void queue_claims_encode(const struct queue_claim *claims, unsigned count, struct buffer *out);
bool queue_claims_decode(struct text bytes, struct arena *arena, struct queue_claim **claims,
                         unsigned *count);

void queue_url_encode(const struct queue_url_question *question, struct buffer *out);
bool queue_url_decode(struct text bytes, struct queue_url_question *out);
void queue_url_answer_encode(const struct queue_url_answer *answer, struct buffer *out);
/* out->bytes: a copy. */
bool queue_url_answer_decode(struct text bytes, struct queue_url_answer *out);

struct queue_report_request {
    uint64_t lease;
    struct queue_outcome *outcomes;
    unsigned count;
};
void queue_report_encode(uint64_t lease, const struct queue_outcome *outcomes, unsigned count,
                         struct buffer *out);
bool queue_report_decode(struct text bytes, struct arena *arena, struct queue_report_request *out);

#endif
