/* An IMAP client's side of a conversation, which believes what it is told and holds it against the
 * rules of message numbers and what all clients know of the mailbox (shelf.h). */
#ifndef TESTS_SIM_TALK_H
#define TESTS_SIM_TALK_H

#include "base/buffer.h"
#include "ledger.h"
#include "net/stream.h"

struct talk {
    struct ledger *ledger;
    struct stream *stream;
    int fd;
    struct shelf *shelf;         /* the open mailbox, or NULL */
    struct shelf_memory *memory; /* of it */
    bool hears_vanished;         /* QRESYNC is enabled; else CONDSTORE */
    uint8_t learns;              /* a mark that nobody else changes, nor anything still under way */
    uint32_t asked;              /* the moment of the command that is being answered */
    bool numbers_hold; /* it is FETCH, STORE or SEARCH by number: nothing may go (RFC 9051 7.5.1) */
    /* What was told before it: to anybody, to this session. */
    uint64_t modseq_then, modseq_told;
    uint32_t next_then;
    uint64_t highest; /* as SELECT told it */
    uint64_t resumed; /* the memory was taken up until this mod-sequence; 0: it was not */
    bool recalls;     /* it is being taken up: numbers are not known yet */
    unsigned count;
    uint32_t uids[SHELF_UIDS]; /* by number - 1; 0: not told */
    char code[512];            /* the last response code, but for HIGHESTMODSEQ */
    struct buffer response;
    unsigned tags;
};

enum answer { ANSWER_OK, ANSWER_NO, ANSWER_NONE /* the connection is over */ };

/* fd: connected. Freed by talk_end. */
struct talk *talk_begin(struct ledger *ledger, int fd);
void talk_end(struct talk **talk);
/* The greeting. YIELDS, as all that follow. */
bool talk_greeted(struct talk *talk);

/* One command, without tag and CRLF. */
enum answer talk_ask(struct talk *talk, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* "{n}" and these bytes follow the command. */
enum answer talk_ask_with(struct talk *talk, struct text literal, const char *command);
/* IDLE for so long. */
enum answer talk_idle(struct talk *talk, int64_t milliseconds);

/* memory: what this client knows of the mailbox from before, and will know. */
enum answer talk_select(struct talk *talk, struct shelf *shelf, struct shelf_memory *memory,
                        const char *command);
void talk_unselected(struct talk *talk);
/* Everything in the mailbox; NOOP: what happened. Then what is shown is held against what all
 * clients know. */
enum answer talk_look(struct talk *talk);
enum answer talk_noop(struct talk *talk);
/* Number the messages as the memory has them. Does not yield. */
void talk_recall(struct talk *talk);
/* Its number, or 0. */
unsigned talk_number(const struct talk *talk, uint32_t uid);
/* The words of the last response code behind its name: false when it has another name. */
bool talk_code(const struct talk *talk, const char *name, struct text *words);
/* Numbers of a set "1:3,7", at most `most`, in out. */
unsigned talk_set(struct text set, uint32_t *out, unsigned most);

#endif
