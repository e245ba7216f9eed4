/* MTA-STS: a policy, and the TXT record that announces one. Oracle: a policy that is taken has what
 * a policy must have, its patterns match themselves, and written anew it reads the same. */
#include "base/buffer.h"
#include "base/check.h"
#include "net/sts_policy.h"

static void write(const struct sts_policy *policy, struct buffer *out)
{
    static const char *const modes[] = {"none", "testing", "enforce"};
    buffer_printf(out, "version: STSv1\nmode: %s\nmax_age: %u\n", modes[policy->mode],
                  policy->max_age_s);
    for (unsigned i = 0; i < policy->mx_count; i++)
        buffer_printf(out, "mx: %.*s\n", TEXT_ARG(policy->mx[i]));
}

static void expect_same(const struct sts_policy *policy, struct arena *arena)
{
    struct buffer out;
    struct sts_policy again;
    buffer_init(&out, STS_POLICY_MAX);
    write(policy, &out);
    check(sts_policy_parse(buffer_text(&out), arena, &again));
    check(again.mode == policy->mode && again.max_age_s == policy->max_age_s &&
          again.mx_count == policy->mx_count);
    for (unsigned i = 0; i < policy->mx_count; i++)
        check(text_equals(again.mx[i], policy->mx[i]));
    buffer_finish(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct sts_policy policy;
    struct text input = text_of(data, size), id;
    arena_init(&arena);
    if (sts_policy_parse(input, &arena, &policy)) {
        check(policy.max_age_s <= STS_AGE_MAX && policy.mx_count <= STS_MX_MAX);
        check(policy.mode == STS_POLICY_NONE || policy.mx_count > 0);
        for (unsigned i = 0; i < policy.mx_count; i++)
            check(text_starts_with(policy.mx[i], TEXT("*.")) ||
                  sts_policy_names(&policy, policy.mx[i]));
        expect_same(&policy, &arena);
    }
    if (sts_record_id(&input, 1, &id))
        check(id.length > 0 && id.length <= STS_ID_MAX && id.data >= input.data &&
              id.data + id.length <= input.data + input.length);
    arena_finish(&arena);
    return 0;
}
