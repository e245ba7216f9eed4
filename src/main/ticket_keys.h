/* The keys of session tickets: made here, in the parent, given to every front, changed every hour.
 * They are in no file; a restart makes new ones, and clients then shake hands in full. */
#ifndef MAIN_TICKET_KEYS_H
#define MAIN_TICKET_KEYS_H

#include "base/text.h"
#include "net/tls.h"

/* The one that seals; the one that will (so that it opens everywhere before it seals anywhere); the
 * two that did, for as long as a ticket lives. */
enum { TICKET_KEYS = 4, TICKET_KEY_HOURS = 1 };

struct ticket_keys {
    unsigned char keys[TICKET_KEYS][TLS_TICKET_KEY_BYTES];
};

void ticket_keys_init(struct ticket_keys *keys);
/* One step on: the next seals, the oldest is forgotten. */
void ticket_keys_turn(struct ticket_keys *keys);
/* As tls_tickets_set takes them. */
struct text ticket_keys_text(const struct ticket_keys *keys);
void ticket_keys_forget(struct ticket_keys *keys);

#endif
