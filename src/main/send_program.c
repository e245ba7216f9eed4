/* The role `send`: what it is made of. It asks the store for work, and takes from it peers that
 * want their mail over a connection of theirs. */
#include "main/programs.h"

#include "proto/smtp/smtp_send.h"

static void *new_state(struct role_context *context)
{
    return smtp_send_new(context);
}

static enum status start(void *state)
{
    return smtp_send_start(state);
}

static void stop(void *state)
{
    struct smtp_send *send = state;
    smtp_send_stop(&send);
}

const struct role_program send_program = {
    .kind = ROLE_SEND,
    .methods = {[ROLE_STORE] = smtp_send_methods},
    .method_count = {[ROLE_STORE] = SMTP_SEND_METHODS},
    .new_state = new_state,
    .start = start,
    .stop = stop,
};
