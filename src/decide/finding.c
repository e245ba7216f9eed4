#include "decide/finding.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/wire.h"

void findings_init(struct findings *findings, struct arena *arena)
{
    *findings = (struct findings){.arena = arena};
    findings->list = arena_array(arena, FINDINGS_MAX, sizeof(*findings->list));
}

void findings_add(struct findings *findings, enum finding_level level, const char *step,
                  struct text remedy, const char *format, ...)
{
    char words[FINDING_WORDS_MAX];
    if (findings->count == FINDINGS_MAX)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof(words), format, arguments);
    va_end(arguments);
    findings->list[findings->count++] =
        (struct finding){.level = level,
                         .step = text_from(step),
                         .words = arena_copy(findings->arena, text_from(words)),
                         .remedy = remedy};
}

void findings_append(struct findings *findings, const struct findings *others)
{
    for (unsigned i = 0; i < others->count && findings->count < FINDINGS_MAX; i++)
        findings->list[findings->count++] = others->list[i];
}

const struct finding *findings_first(const struct findings *findings, enum finding_level level)
{
    for (unsigned i = 0; i < findings->count; i++)
        if (findings->list[i].level >= level)
            return &findings->list[i];
    return NULL;
}

const char *finding_level_name(enum finding_level level)
{
    static const char *const names[] = {
        [FINDING_OK] = "ok", [FINDING_WARNING] = "warn", [FINDING_FAULT] = "FAIL"};
    return names[level];
}

void findings_encode(const struct findings *findings, struct buffer *out)
{
    wire_put_u32(out, findings->count);
    for (unsigned i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->list[i];
        wire_put_u8(out, (uint8_t)finding->level);
        wire_put_text(out, finding->step);
        wire_put_text(out, finding->words);
        wire_put_text(out, finding->remedy);
    }
}

bool findings_decode(struct text bytes, struct findings *out)
{
    struct wire_reader in = wire_reader_of(bytes);
    uint32_t count = wire_get_u32(&in);
    if (count > FINDINGS_MAX)
        return false;
    for (uint32_t i = 0; i < count && !in.bad; i++) {
        uint8_t level = wire_get_u8(&in);
        struct finding finding = {.level = (enum finding_level)level};
        finding.step = wire_get_text(&in);
        finding.words = wire_get_text(&in);
        finding.remedy = wire_get_text(&in);
        if (level >= FINDING_LEVELS || finding.words.length > FINDING_WORDS_MAX)
            return false;
        if (out->count < FINDINGS_MAX)
            out->list[out->count++] = finding;
    }
    return wire_end(&in);
}
