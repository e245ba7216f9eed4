/* The envelope of a message that lies in a folder: lines before its header.
 *
 *     x-sender: alice@example.org RET=HDRS ENVID=q42
 *     x-receiver: bob@example.net NOTIFY=NEVER ORCPT=rfc822;bob@example.net
 *     x-receiver: carol@example.net
 *
 * Microsoft's servers know them without the parameters, which are those of RFC 3461. Pure. */
#ifndef FOLDER_ENVELOPE_H
#define FOLDER_ENVELOPE_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/status.h"

enum { FOLDER_RECEIVERS_MAX = 10000 };

struct folder_receiver {
    struct text address;            /* as it was written, without brackets: may lack a domain */
    struct text original_recipient; /* ORCPT as given, or "" */
    struct text notify;             /* NOTIFY as given, or "" */
};
struct folder_envelope {
    bool has_sender;
    struct text sender; /* as it was written, "" for the null path */
    bool return_headers_only;
    struct text envelope_id; /* decoded */
    struct folder_receiver *receivers;
    unsigned receiver_count;
};

/* Take the lines, if there are any, off *rest. Texts live in arena. REFUSED with the reason. */
enum status folder_envelope_read(struct text *rest, struct arena *arena,
                                 struct folder_envelope *out);
/* REFUSED: there are FOLDER_RECEIVERS_MAX. Texts are borrowed. */
enum status folder_envelope_add(struct folder_envelope *envelope, struct arena *arena,
                                const struct folder_receiver *receiver);
/* The lines, appended; the sender's only when has_sender. */
void folder_envelope_write(const struct folder_envelope *envelope, struct buffer *out);

/* An address as somebody wrote it, in brackets or not, to its canonical text in arena; `domain`
 * stands for one that is missing. REFUSED with the reason. */
enum status folder_address(struct text written, struct text domain, struct arena *arena,
                           struct text *out);

/* RFC 3461 4.1: "NEVER", or of SUCCESS, FAILURE and DELAY what is wanted, with commas between. The
 * bits are those of queue/client.h. False for anything else. */
bool folder_notify_parse(struct text words, unsigned *out);

#endif
