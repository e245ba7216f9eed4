/* THREAD and UID THREAD (RFC 5256). */
#include "base/memory.h"
#include "proto/imap/imap_commands.h"
#include "proto/imap/search/imap_search.h"
#include "proto/imap/search/imap_threads.h"

static const struct {
    const char *name;
    enum imap_threading threading;
} algorithms[] = {
    {"ORDEREDSUBJECT", THREAD_ORDEREDSUBJECT},
    {"REFERENCES", THREAD_REFERENCES},
};
enum { ALGORITHMS = sizeof(algorithms) / sizeof(*algorithms) };

/* False when answered. YIELDS. */
static bool read_thread(struct imap_search *search, enum imap_threading *threading)
{
    struct imap_lex *lex = &search->session->lex;
    unsigned i = 0;
    imap_lex_space(lex);
    while (i < ALGORITHMS && !imap_lex_word(lex, algorithms[i].name))
        i++;
    if (i == ALGORITHMS)
        imap_lex_fail(lex, "Threading algorithm not known");
    else
        *threading = algorithms[i].threading;
    imap_lex_space(lex);
    struct text charset = imap_lex_astring(lex);
    imap_lex_space(lex);
    return imap_lex_criteria(search, charset);
}

/* YIELDS. */
static enum status add_message(void *context, struct imap_message *message)
{
    struct imap_facts facts;
    enum status status = imap_message_facts(message, &facts);
    if (status == OK)
        status = memory_ask(MEMORY_FOR_REST, FACT_REFERENCES_MAX * IMAP_THREADS_ID_BYTES);
    if (status == OK && !imap_threads_add(context, message->entry.uid, &facts))
        status = try_later("there is too much to thread at once");
    return status;
}

static uint32_t number_of(void *context, uint32_t uid)
{
    struct imap_session *session = context;
    return imap_is_by_uid(session) ? uid : view_number(&session->view, uid);
}

void imap_thread(struct imap_session *session)
{
    struct imap_search search;
    enum imap_threading threading = THREAD_REFERENCES;
    imap_search_init(&search, session);
    if (!read_thread(&search, &threading))
        return;
    struct imap_threads *threads = imap_threads_new(threading);
    enum status status = imap_search_run(&search, add_message, threads);
    if (status == OK)
        status = memory_ask(MEMORY_FOR_REST, imap_threads_bytes_wanted(threads));
    if (status == OK) {
        imap_threads_end(threads);
        size_t start = session->out.length;
        buffer_append(&session->out, TEXT("* THREAD "));
        imap_threads_put(threads, &session->out, number_of, session);
        if (session->out.length == start + 9) /* nothing was found */
            buffer_cut(&session->out, start + 8);
        buffer_append(&session->out, TEXT("\r\n"));
        imap_send(session);
        imap_ok(session, "", "Threaded");
    } else {
        imap_fail(session, status);
    }
    imap_threads_free(&threads);
}
