#include "decide/spf_name.h"

enum { LABEL_MAX_BYTES = 63 };

bool spf_name_is_valid(struct text name)
{
    struct text label;
    if (!text_is_empty(name) && name.data[name.length - 1] == '.')
        name.length--;
    if (text_is_empty(name) || name.length > SPF_NAME_MAX || name.data[name.length - 1] == '.' ||
        name.data[0] == '[')
        return false;
    for (size_t i = 0; i < name.length; i++)
        if (name.data[i] <= ' ' || name.data[i] > '~' || name.data[i] == '\\')
            return false;
    while (text_split(&name, '.', &label))
        if (text_is_empty(label) || label.length > LABEL_MAX_BYTES)
            return false;
    return true;
}

bool spf_name_is_within(struct text name, struct text domain)
{
    if (!text_is_empty(domain) && domain.data[domain.length - 1] == '.')
        domain.length--;
    size_t above = name.length - domain.length;
    return text_ends_with_nocase(name, domain) && (above == 0 || name.data[above - 1] == '.');
}

struct text spf_name_shortened(struct text name)
{
    size_t end = name.length > 0 && name.data[name.length - 1] == '.' ? 1 : 0;
    while (name.length > SPF_NAME_MAX + end && text_find(name, '.') < name.length)
        name = text_after(name, '.');
    return name;
}
