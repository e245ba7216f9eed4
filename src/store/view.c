#include "store/view.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "store/internal.h"

void view_open(struct view *view, struct mailbox *box)
{
    mailbox_open(box);
    *view = (struct view){.box = box, .uid_next = box->uid_next, .modseq = box->modseq};
    list_append(&box->views, &view->link);
}

void view_close(struct view *view)
{
    if (view->box == NULL)
        return;
    list_remove(&view->link);
    mailbox_close(&view->box);
    free(view->gone_room);
    *view = (struct view){.box = NULL};
}

/* How many of the gone ones lie below. */
static unsigned gone_below(const struct view *view, uint32_t uid)
{
    unsigned low = 0, high = view->gone_count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (view->gone[middle] < uid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_gone(const struct view *view, uint32_t uid)
{
    unsigned at = gone_below(view, uid);
    return at < view->gone_count && view->gone[at] == uid;
}

/* Known entries that are still there. */
static unsigned present(const struct view *view)
{
    return mailbox_place(view->box, view->uid_next);
}

unsigned view_count(const struct view *view)
{
    return present(view) + view->gone_count;
}

uint32_t view_uid(const struct view *view, unsigned number)
{
    if (number == 0 || number > view_count(view))
        return 0;
    /* The rank of an entry among all known is its place and the gone ones below: it rises. */
    unsigned low = 0, high = present(view), wanted = number - 1;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (middle + gone_below(view, view->box->entries[middle].uid) < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < present(view) && low + gone_below(view, view->box->entries[low].uid) == wanted)
        return view->box->entries[low].uid;
    check(wanted >= low && wanted - low < view->gone_count);
    return view->gone[wanted - low];
}

unsigned view_number(const struct view *view, uint32_t uid)
{
    unsigned at = mailbox_place(view->box, uid);
    bool is_there = at < view->box->count && view->box->entries[at].uid == uid;
    if (uid >= view->uid_next || (!is_there && !is_gone(view, uid)))
        return 0;
    return at + gone_below(view, uid) + 1;
}

uint32_t view_last_uid(const struct view *view)
{
    return view_uid(view, view_count(view));
}

const struct mailbox_entry *view_next(const struct view *view, uint32_t uid)
{
    unsigned at = mailbox_place(view->box, uid);
    return at < present(view) ? &view->box->entries[at] : NULL;
}

bool view_has_gone(const struct view *view, uint32_t first, uint32_t last)
{
    unsigned at = gone_below(view, first);
    return at < view->gone_count && view->gone[at] <= last;
}

bool view_has_new(const struct view *view)
{
    return present(view) < view->box->count;
}

uint32_t view_tell_new(struct view *view)
{
    uint32_t first = view->uid_next;
    view->uid_next = view->box->uid_next;
    return first;
}

bool view_tell_gone(struct view *view, unsigned *number, uint32_t *uid)
{
    if (view->gone_count == 0)
        return false;
    /* All below were told before, so only what is there counts. */
    *uid = view->gone[0];
    *number = mailbox_place(view->box, *uid) + 1;
    view->gone++;
    view->gone_count--;
    return true;
}

static void make_room(struct view *view, unsigned more)
{
    unsigned told = (unsigned)(view->gone - view->gone_room);
    if (view->gone_capacity - told - view->gone_count >= more)
        return;
    unsigned capacity = view->gone_count + more + view->gone_count / 2;
    uint32_t *room = malloc(capacity * sizeof(*room));
    check(room != NULL);
    if (view->gone_count > 0)
        memcpy(room, view->gone, view->gone_count * sizeof(*room));
    free(view->gone_room);
    view->gone = view->gone_room = room;
    view->gone_capacity = capacity;
}

/* Merge what ascends into what ascends, from the end. */
static void note_gone(struct view *view, const uint32_t *uids, unsigned count)
{
    while (count > 0 && uids[count - 1] >= view->uid_next)
        count--; /* never told of, so never to be told as gone */
    make_room(view, count);
    unsigned from = view->gone_count, to = from + count;
    view->gone_count = to;
    while (count > 0)
        view->gone[--to] =
            from > 0 && view->gone[from - 1] > uids[count - 1] ? view->gone[--from] : uids[--count];
}

void views_note_gone(struct mailbox *box, const uint32_t *uids, unsigned count)
{
    list_each(link, &box->views) note_gone(list_entry(link, struct view, link), uids, count);
}

void view_each(struct mailbox *box, view_visit *visit, void *context)
{
    list_each(link, &box->views) visit(context, list_entry(link, struct view, link));
}

void views_wake(struct mailbox *box)
{
    list_each(link, &box->views)
    {
        struct view *view = list_entry(link, struct view, link);
        if (view->wake != NULL)
            view->wake(view->context);
    }
}
