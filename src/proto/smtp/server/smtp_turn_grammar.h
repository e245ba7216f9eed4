/* The arguments of ETRN and ATRN, parsed strictly. Pure. */
#ifndef PROTO_SMTP_SERVER_SMTP_TURN_GRAMMAR_H
#define PROTO_SMTP_SERVER_SMTP_TURN_GRAMMAR_H

#include "base/arena.h"
#include "queue/turn/turn.h"

struct smtp_etrn {
    enum queue_etrn_kind kind;
    struct text node; /* in A-labels; of QUEUE_ETRN_CONNECTOR: a name as the settings have them */
};
/* RFC 1985 5: "domain", "@domain", "#name". In arena. */
bool smtp_parse_etrn(struct text arguments, struct arena *arena, struct smtp_etrn *out);

/* RFC 2645 5.2.1: nothing, or "domain[,domain...]", at most `most` of them; each comes out once, in
 * A-labels, in arena. */
bool smtp_parse_atrn(struct text arguments, unsigned most, struct arena *arena,
                     struct text **domains, unsigned *count);

#endif
