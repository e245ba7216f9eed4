/* The send role's part in SPF: it alone may ask DNS, and evaluates what the records say. */
#ifndef MAIN_SPF_ANSWERS_H
#define MAIN_SPF_ANSWERS_H

#include "main/peer_names.h"

/* Serves SEND_SPF by the resolver of names; receiver is our own name. YIELDS. */
void spf_answers_serve(struct peer_names *names, struct text receiver, struct rpc_call *call,
                       struct text request);

#endif
