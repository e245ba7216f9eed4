/* Clients who are served by a front that lives, and have nothing else to suffer from, notice
 * nothing of the death of another front. */
#ifndef TESTS_SIM_WITNESS_H
#define TESTS_SIM_WITNESS_H

#include "ledger.h"
#include "net/stream.h"

/* An epoch begins. */
void witness_begin(struct ledger *ledger);
/* On this connection of a client (its own end) an answer should have come: perhaps it is over. */
void witness_silence(struct ledger *ledger, int fd, const struct stream *stream);
/* And there the client was asked to come later. */
void witness_put_off(struct ledger *ledger, int fd, struct text answer);

#endif
