#include "witness.h"

#include <string.h>

#include "network.h"

/* What no client of a site has to notice, but that its own front dies. */
static bool is_harmless(enum weather_kind kind)
{
    return kind == WEATHER_GREYLISTED || kind == WEATHER_UNKNOWN || kind == WEATHER_ANSWER_LOST ||
           kind == WEATHER_SHORT_WRITE || kind == WEATHER_LARGE || kind == WEATHER_ORDER ||
           kind == WEATHER_ROLL || kind == WEATHER_KILL_FRONT;
}

void witness_begin(struct ledger *ledger)
{
    memcpy(ledger->happened_before, ledger->happened, sizeof(ledger->happened));
}

/* In this epoch nothing else has happened. */
static bool is_calm(const struct ledger *ledger)
{
    for (enum weather_kind kind = 0; kind < WEATHER_KINDS; kind++)
        if (!is_harmless(kind) && ledger->happened[kind] > ledger->happened_before[kind])
            return false;
    return true;
}

void witness_silence(struct ledger *ledger, int fd, const struct stream *stream)
{
    enum stream_end end = stream_end(stream);
    if ((end == STREAM_CLOSED || end == STREAM_BROKEN) && is_calm(ledger) &&
        network_server_lives(fd))
        ledger_wrong(ledger, WRONG_HURT, "a client was cut off, and its front lives");
}

void witness_put_off(struct ledger *ledger, int fd, struct text answer)
{
    if (is_calm(ledger) && network_server_lives(fd))
        ledger_wrong(ledger, WRONG_HURT, "for no reason that was: %.*s", TEXT_ARG(answer));
}
