/* Every message is a node, and with REFERENCES every id that is only referred to (a dummy). All the
 * steps change nothing but nodes' parents; the lists of children are made once at the end, sorted
 * because the messages are. Nothing here recurses: a thread may be as deep as it is long. */
#include "proto/imap/search/imap_threads.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/check.h"
#include "base/map.h"

/* A link whose place is deeper than this is not made: else hostile references could make each
 * search for loops as long as the mailbox. */
enum { DEPTH_MAX = 1000 };

struct node {
    struct node *parent;
    struct node *children, *last_child, *next; /* at the end */
    unsigned child_count;                      /* of a dummy at the top, and at the end of all */
    uint32_t uid;                              /* 0: a dummy */
    bool is_reply, is_listed;
    int64_t sent_ms;
    struct text subject;
};

struct imap_threads {
    enum imap_threading threading;
    struct arena arena;
    struct map *ids;     /* id: node */
    struct node **nodes; /* the messages */
    size_t count, dummies;
    struct node top; /* the parent of roots, at the end */
};

struct imap_threads *imap_threads_new(enum imap_threading threading)
{
    struct imap_threads *threads = calloc(1, sizeof(*threads));
    check(threads != NULL);
    threads->threading = threading;
    threads->ids = map_new();
    arena_init(&threads->arena);
    return threads;
}

void imap_threads_free(struct imap_threads **threads)
{
    if (*threads == NULL)
        return;
    map_free(&(*threads)->ids);
    arena_finish(&(*threads)->arena);
    free((*threads)->nodes);
    free(*threads);
    *threads = NULL;
}

static struct node *node_new(struct imap_threads *threads)
{
    return arena_alloc(&threads->arena, sizeof(struct node));
}

/* The node of an id, new when nothing had it yet. */
static struct node *node_of(struct imap_threads *threads, struct text id)
{
    struct node *node = map_get(threads->ids, id);
    if (node == NULL) {
        node = node_new(threads);
        map_put(threads->ids, id, node);
        threads->dummies++;
    }
    return node;
}

/* No loop, and not too deep. */
static bool may_link(const struct node *parent, const struct node *child)
{
    unsigned depth = 0;
    for (; parent != NULL; parent = parent->parent)
        if (parent == child || ++depth > DEPTH_MAX)
            return false;
    return true;
}

/* Step 1 of REFERENCES. Of messages with the same id, only the first has it. */
static struct node *link_message(struct imap_threads *threads, const struct imap_facts *facts)
{
    struct node *parent = NULL, *node = NULL;
    struct text rest = facts->references;
    for (; rest.length > 0; rest = text_from_position(rest, FACT_ID_BYTES)) {
        struct node *child = node_of(threads, text_head(rest, FACT_ID_BYTES));
        if (parent != NULL && child->parent == NULL && may_link(parent, child))
            child->parent = parent;
        parent = child;
    }
    if (facts->id.length > 0)
        node = node_of(threads, facts->id);
    if (node == NULL || node->uid != 0)
        node = node_new(threads);
    else
        threads->dummies--;
    node->parent = NULL;
    if (may_link(parent, node))
        node->parent = parent;
    return node;
}

bool imap_threads_add(struct imap_threads *threads, uint32_t uid, const struct imap_facts *facts)
{
    if (threads->count + threads->dummies + FACT_REFERENCES_MAX > IMAP_THREADS_MAX)
        return false;
    bool by_references = threads->threading == THREAD_REFERENCES;
    struct node *node = by_references ? link_message(threads, facts) : node_new(threads);
    node->uid = uid;
    node->is_reply = facts->is_reply;
    node->sent_ms = facts->sent_ms;
    node->subject = arena_copy(&threads->arena, facts->texts[FACT_SUBJECT]);
    threads->nodes = array_grow(threads->nodes, threads->count, sizeof(*threads->nodes));
    threads->nodes[threads->count++] = node;
    return true;
}

static int by_date(const void *a, const void *b)
{
    const struct node *left = *(struct node *const *)a, *right = *(struct node *const *)b;
    if (left->sent_ms != right->sent_ms)
        return left->sent_ms < right->sent_ms ? -1 : 1;
    return left->uid < right->uid ? -1 : left->uid > right->uid;
}

/* Step 3: a dummy below the top goes, its children come in its place. */
static struct node *real_parent(struct node *node)
{
    struct node *parent = node->parent, *end = parent;
    while (end != NULL && end->uid == 0 && end->parent != NULL)
        end = end->parent;
    /* Leave a short way for the next that comes along. */
    while (parent != end) {
        struct node *above = parent->parent;
        parent->parent = end;
        parent = above;
    }
    return end;
}

/* And a dummy at the top with one child goes too. */
static void prune(struct imap_threads *threads)
{
    for (size_t i = 0; i < threads->count; i++) {
        struct node *node = threads->nodes[i];
        node->parent = real_parent(node);
        if (node->parent != NULL)
            node->parent->child_count++;
    }
    for (size_t i = 0; i < threads->count; i++) {
        struct node *parent = threads->nodes[i]->parent;
        if (parent != NULL && parent->uid == 0 && parent->child_count == 1)
            threads->nodes[i]->parent = NULL;
    }
}

/* What stands at the top for this message, if it is the first to say so: itself, or a dummy, which
 * takes its place among the others from its first child (step 4). */
static struct node *root_of(struct node *node)
{
    struct node *root = node->parent;
    if (root == NULL)
        return node;
    if (root->uid != 0 || root->is_listed)
        return NULL;
    root->is_listed = true;
    root->sent_ms = node->sent_ms;
    root->subject = node->subject;
    return root;
}

/* Step 5B: whom others of this subject join. */
static void offer_subject(struct map *subjects, struct node *root)
{
    struct node *there = map_get(subjects, root->subject);
    if (there == NULL ||
        (there->uid != 0 && (root->uid == 0 || (there->is_reply && !root->is_reply))))
        map_put(subjects, root->subject, root);
}

/* Step 5C */
static void join_subject(struct imap_threads *threads, struct map *subjects, struct node *root)
{
    struct node *there = map_get(subjects, root->subject);
    if (there == root)
        return;
    /* A dummy below another is none any more: its children go up to that one. */
    if (there->uid != 0 && (!root->is_reply || there->is_reply)) {
        struct node *dummy = node_new(threads);
        dummy->subject = root->subject;
        there->parent = dummy;
        map_put(subjects, dummy->subject, dummy);
        there = dummy;
    }
    root->parent = there;
}

/* Step 5. roots: in the order of their dates. */
static void join_subjects(struct imap_threads *threads, struct node **roots, size_t count)
{
    struct map *subjects = map_new();
    for (size_t i = 0; i < count; i++)
        if (roots[i]->subject.length > 0)
            offer_subject(subjects, roots[i]);
    for (size_t i = 0; i < count; i++)
        if (roots[i]->subject.length > 0)
            join_subject(threads, subjects, roots[i]);
    map_free(&subjects);
}

static void by_references(struct imap_threads *threads)
{
    size_t root_count = 0;
    struct node **roots = calloc(threads->count + 1, sizeof(*roots));
    check(roots != NULL);
    prune(threads);
    for (size_t i = 0; i < threads->count; i++) {
        struct node *root = root_of(threads->nodes[i]);
        if (root != NULL)
            roots[root_count++] = root;
    }
    join_subjects(threads, roots, root_count);
    free(roots);
    for (size_t i = 0; i < threads->count; i++)
        threads->nodes[i]->parent = real_parent(threads->nodes[i]);
}

/* The first of a subject has the others below it. */
static void by_subject(struct imap_threads *threads)
{
    struct map *subjects = map_new();
    for (size_t i = 0; i < threads->count; i++) {
        struct node *node = threads->nodes[i];
        node->parent = map_get(subjects, node->subject);
        if (node->parent == NULL)
            map_put(subjects, node->subject, node);
    }
    map_free(&subjects);
}

static void append_child(struct node *parent, struct node *child)
{
    if (parent->children == NULL)
        parent->children = child;
    else
        parent->last_child->next = child;
    parent->last_child = child;
    parent->child_count++;
    child->parent = parent;
}

/* Step 6: the messages come by date, and so do the children of each. */
static void list_children(struct imap_threads *threads)
{
    for (size_t i = 0; i < threads->count; i++) {
        struct node *node = threads->nodes[i], *parent = node->parent;
        node->child_count = 0;
        if (parent != NULL && parent->uid == 0)
            parent->is_listed = false;
    }
    for (size_t i = 0; i < threads->count; i++) {
        struct node *node = threads->nodes[i], *parent = node->parent;
        if (parent == NULL) {
            append_child(&threads->top, node);
            continue;
        }
        if (parent->uid == 0 && !parent->is_listed) {
            parent->is_listed = true;
            parent->child_count = 0;
            append_child(&threads->top, parent);
        }
        append_child(parent, node);
    }
}

size_t imap_threads_bytes_wanted(const struct imap_threads *threads)
{
    /* A root, a slot of the map of subjects and its growth, a dummy for the subject,
     * "(4294967295)". */
    enum { EACH = sizeof(struct node *) + 128 + sizeof(struct node) + 13 };
    return threads->count * EACH;
}

void imap_threads_end(struct imap_threads *threads)
{
    if (threads->count > 0)
        qsort(threads->nodes, threads->count, sizeof(struct node *), by_date);
    if (threads->threading == THREAD_REFERENCES)
        by_references(threads);
    else
        by_subject(threads);
    list_children(threads);
}

/* The only child of a message goes on in its list; all others begin one. */
static bool begins_list(const struct node *node)
{
    return node->parent->uid == 0 || node->parent->child_count > 1;
}

void imap_threads_put(const struct imap_threads *threads, struct buffer *out,
                      uint32_t (*number)(void *context, uint32_t uid), void *context)
{
    const struct node *node = threads->top.children;
    while (node != NULL) {
        bool is_inner = node->parent->uid != 0 && node->parent->children == node;
        if (is_inner)
            buffer_append_byte(out, ' ');
        if (begins_list(node))
            buffer_append_byte(out, '(');
        if (node->uid != 0)
            buffer_printf(out, "%u", number(context, node->uid));
        if (node->children != NULL) {
            node = node->children;
            continue;
        }
        /* Up to where there is something beside. */
        while (node != &threads->top) {
            if (begins_list(node))
                buffer_append_byte(out, ')');
            if (node->next != NULL)
                break;
            node = node->parent;
        }
        node = node->next;
    }
}
