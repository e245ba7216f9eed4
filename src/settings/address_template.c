#include "settings/address_template.h"

#include <string.h>

enum { LOCAL_PART_MAX = 60 }; /* leaves room for a number behind it */

/* One step of a template. */
struct step {
    enum { STEP_BYTE, STEP_NAME, STEP_REPLACE, STEP_WRONG } kind;
    char byte;     /* as it stands, or the letter of the name */
    unsigned most; /* characters of the name; 0: all */
    char from, to; /* of %rxy */
};

static struct text local_of(struct text written)
{
    return text_head(written, text_find_last(written, '@'));
}

struct text address_template_domain(struct text written)
{
    return text_from_position(written, text_find_last(written, '@') + 1);
}

static char take(struct text *rest)
{
    char c = rest->length > 0 ? rest->data[0] : '\0';
    *rest = text_from_position(*rest, 1);
    return c;
}

/* Behind a per cent sign. */
static struct step take_code(struct text *rest)
{
    struct step step = {.kind = STEP_NAME};
    char c = take(rest);
    while (c >= '0' && c <= '9' && step.most < 100) {
        step.most = step.most * 10 + (unsigned)(c - '0');
        c = take(rest);
    }
    step.byte = c;
    if (c == 'r' && step.most == 0 && rest->length >= 2) {
        step.kind = STEP_REPLACE;
        step.from = take(rest);
        step.to = take(rest);
    } else if (c == '%' && step.most == 0) {
        step.kind = STEP_BYTE;
    } else if (c == '\0' || strchr("mgisd", c) == NULL) {
        step.kind = STEP_WRONG;
    }
    return step;
}

static struct step take_step(struct text *rest)
{
    char c = take(rest);
    return c == '%' ? take_code(rest) : (struct step){.kind = STEP_BYTE, .byte = c};
}

/* RFC 5322 3.2.3: atext and dots. */
static bool may_stand(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~.", c) != NULL);
}

enum status address_template_check(struct text written)
{
    struct text rest = local_of(written);
    if (written.length > ADDRESS_TEMPLATE_MAX)
        return refused("the template is too long");
    if (rest.length == written.length)
        return refused("the template has no @");
    while (rest.length > 0) {
        struct step step = take_step(&rest);
        if (step.kind == STEP_WRONG)
            return refused(
                "a %% is followed by m, g, i, s, d, a number and one of these, rxy, or %%");
        if (step.kind == STEP_BYTE && !may_stand(step.byte))
            return refused("'%c' cannot stand in an address", step.byte);
    }
    return OK;
}

static struct text name_of(const struct address_parts *parts, char letter)
{
    switch (letter) {
    case 'm':
        return parts->alias;
    case 'g':
        return parts->given;
    case 'i':
        return parts->initials;
    case 's':
        return parts->surname;
    case 'd':
        return parts->display;
    }
    return TEXT("");
}

/* What is built, and which bytes become which. */
struct building {
    char bytes[LOCAL_PART_MAX];
    size_t length;
    char table[256];
};

static void put(struct building *building, char c)
{
    c = building->table[(unsigned char)c];
    bool is_dot_too_many =
        c == '.' && (building->length == 0 || building->bytes[building->length - 1] == '.');
    if (may_stand(c) && !is_dot_too_many && building->length < sizeof(building->bytes))
        building->bytes[building->length++] = c;
}

static void replace(struct building *building, const struct step *step)
{
    building->table[(unsigned char)step->from] = step->from == step->to ? '\0' : step->to;
}

struct text address_template_expand(struct text written, const struct address_parts *parts,
                                    struct arena *arena)
{
    struct building building = {.length = 0};
    struct text rest = local_of(written);
    for (unsigned i = 0; i < sizeof(building.table); i++)
        building.table[i] = (char)i;
    if (rest.length == 0)
        rest = TEXT("%m");
    while (rest.length > 0) {
        struct step step = take_step(&rest);
        struct text name = name_of(parts, step.byte);
        if (step.kind == STEP_WRONG || (step.kind == STEP_NAME && name.length == 0))
            return TEXT("");
        if (step.kind == STEP_REPLACE)
            replace(&building, &step);
        if (step.kind == STEP_BYTE)
            put(&building, step.byte);
        if (step.kind != STEP_NAME)
            continue;
        if (step.most > 0)
            name = text_head(name, step.most);
        for (size_t i = 0; i < name.length; i++)
            put(&building, name.data[i]);
    }
    while (building.length > 0 && building.bytes[building.length - 1] == '.')
        building.length--;
    return arena_copy(arena, text_of(building.bytes, building.length));
}
