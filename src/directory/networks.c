#include "directory/networks.h"

#include "base/clock.h"
#include "base/logline.h"
#include "base/wire.h"
#include "directory/state.h"

static bool read_seen(struct text value, int64_t *seen_ms)
{
    struct wire_reader in = wire_reader_of(value);
    *seen_ms = (int64_t)wire_get_u64(&in);
    return wire_end(&in);
}

/* When he was last seen there; 0: never. */
static int64_t seen_at(struct directory *directory, struct text user, struct text network)
{
    struct buffer key, value;
    int64_t seen_ms = 0;
    if (directory->index == NULL)
        return 0;
    buffer_init(&key, INDEX_KEY_MAX);
    buffer_init(&value, sizeof(uint64_t));
    directory_index_network(&key, user, network);
    if (!index_get(directory->index, buffer_text(&key), &value) ||
        !read_seen(buffer_text(&value), &seen_ms))
        seen_ms = 0;
    buffer_finish(&key);
    buffer_finish(&value);
    return seen_ms;
}

static bool is_within(int64_t seen_ms, int64_t days)
{
    return seen_ms > 0 && clock_wall_ms() - seen_ms < days * DAY;
}

bool network_is_known(struct directory *directory, struct text user, struct text peer)
{
    char network[THROTTLE_NETWORK_BYTES];
    return directory_key_is_valid(user) &&
           is_within(seen_at(directory, user, text_from(throttle_network(peer, network))),
                     NETWORK_FORGET_DAYS);
}

struct oldest {
    char network[THROTTLE_NETWORK_BYTES];
    int64_t seen_ms;
    unsigned count;
};

static void find_oldest(void *context, struct text network, int64_t seen_ms)
{
    struct oldest *oldest = context;
    if (oldest->count++ > 0 && seen_ms >= oldest->seen_ms)
        return;
    text_copy(network, oldest->network, sizeof(oldest->network));
    oldest->seen_ms = seen_ms;
}

static enum status record_network(struct directory *directory, struct text user,
                                  struct text network)
{
    struct oldest oldest = {0};
    enum status status = directory_change_begin(directory);
    if (status != OK)
        return status;
    bool is_new = seen_at(directory, user, network) == 0;
    network_list(directory, user, find_oldest, &oldest);
    struct directory_record record = {
        .type = RECORD_NETWORK, .key = user, .network = network, .seen_ms = clock_wall_ms()};
    if (is_new && oldest.count >= NETWORKS_OF_USER_MAX)
        record.forgets = text_from(oldest.network);
    status = directory_commit(directory, &record);
    directory_change_end(directory);
    return status;
}

void network_note(struct directory *directory, struct text user, struct text peer)
{
    char text[THROTTLE_NETWORK_BYTES];
    struct text network = text_from(throttle_network(peer, text));
    if (network.length > DIRECTORY_NETWORK_MAX ||
        is_within(seen_at(directory, user, network), NETWORK_AGAIN_DAYS))
        return;
    if (record_network(directory, user, network) != OK)
        log_warning("directory.network_not_noted", "user=%s network=%s reason=%s", log_text(user),
                    log_text(network), log_text(text_from(fail_reason())));
}

struct listing {
    size_t prefix_length;
    network_visit *visit;
    void *context;
};

static bool list_one(void *context, struct text key, struct text value)
{
    const struct listing *listing = context;
    int64_t seen_ms;
    if (read_seen(value, &seen_ms))
        listing->visit(listing->context, text_from_position(key, listing->prefix_length), seen_ms);
    return true;
}

void network_list(struct directory *directory, struct text user, network_visit *visit,
                  void *context)
{
    struct buffer prefix;
    if (directory->index == NULL)
        return;
    buffer_init(&prefix, INDEX_KEY_MAX);
    directory_index_network(&prefix, user, TEXT(""));
    struct listing listing = {prefix.length, visit, context};
    index_scan(directory->index, buffer_text(&prefix), TEXT(""), list_one, &listing);
    buffer_finish(&prefix);
}
