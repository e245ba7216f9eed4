/* Sender rewriting: mail that is forwarded goes out in the name of the domain that forwards it, so
 * that the next hop, which asks the sender's domain who may send for it (RFC 7208), gets an answer
 * that fits; and what bounces finds its way back. The form is the one forwarders share:
 *
 *     SRS0=HASH=DAY=theirs.example=local@ours.example         of local@theirs.example
 *     SRS1=HASH=first.example==HASH=DAY=...@ours.example      of SRS0=HASH=DAY=...@first.example
 *
 * SRS1 leads back to the first forwarder, past those between. The hash is keyed: nobody else can
 * make an address that we would send mail on from. Pure. */
#ifndef MAIL_SRS_H
#define MAIL_SRS_H

#include "base/arena.h"
#include "base/status.h"

enum { SRS_DAYS_MOST = 21 }; /* how long a rewritten sender is good for */

/* The sender (canonical, not the null path) as it goes out from domain. REFUSED: it is longer than
 * an address may be (RFC 5321 4.5.3.1.1). */
enum status srs_rewrite(struct text key, struct text sender, struct text domain, int64_t now_ms,
                        struct arena *arena, struct text *out);
/* It looks like a rewritten address; whether it is one of ours, srs_reverse says. */
bool srs_is_rewritten(struct text address);
/* Who was rewritten, canonical. Any case of letters is fine. REFUSED: it is not one that this key
 * made, or too old. */
enum status srs_reverse(struct text key, struct text address, int64_t now_ms, struct arena *arena,
                        struct text *out);
/* The same without the question whether it is genuine, for who had it answered already. */
bool srs_read(struct text address, struct arena *arena, struct text *out);

#endif
