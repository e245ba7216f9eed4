/* What a diagnosis found, and what a test expects of it. */
#ifndef TESTS_UNIT_FOUND_H
#define TESTS_UNIT_FOUND_H

#include "decide/finding.h"
#include "test.h"

static struct arena found_arena;
static struct findings found; /* by the latest */

static inline void found_end(void)
{
    arena_finish(&found_arena);
}

static inline void found_begin(void)
{
    found_end();
    arena_init(&found_arena);
    findings_init(&found, &found_arena);
}

static inline bool found_has(struct text text, const char *part)
{
    return *part == 0 || text_find_text(text, text_from(part)) < text.length;
}

/* Of this step, with this among its words; or NULL. */
static inline const struct finding *found_find(const char *step, const char *words)
{
    for (unsigned i = 0; i < found.count; i++)
        if (text_equals(found.list[i].step, text_from(step)) &&
            found_has(found.list[i].words, words))
            return &found.list[i];
    return NULL;
}

static inline void found_expect(enum finding_level level, const char *step, const char *words,
                                const char *remedy)
{
    const struct finding *finding = found_find(step, words);
    if (finding == NULL || finding->level != level || !found_has(finding->remedy, remedy)) {
        for (unsigned i = 0; i < found.count; i++)
            print_error("%s %.*s: %.*s -> %.*s\n", finding_level_name(found.list[i].level),
                        TEXT_ARG(found.list[i].step), TEXT_ARG(found.list[i].words),
                        TEXT_ARG(found.list[i].remedy));
        fail_msg("not so: %s %s: %s -> %s", finding_level_name(level), step, words, remedy);
    }
}

static inline unsigned found_count(const char *step)
{
    unsigned count = 0;
    for (unsigned i = 0; i < found.count; i++)
        count += text_equals(found.list[i].step, text_from(step));
    return count;
}

#endif
