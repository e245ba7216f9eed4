#include "sasl/json.h"

static bool is_shallow(struct text json)
{
    unsigned depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < json.length; i++) {
        char c = json.data[i];
        if (in_string) {
            if (c == '\\')
                i++;
            in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > JSON_DEPTH_MAX)
                return false;
        } else if ((c == ']' || c == '}') && depth > 0) {
            depth--;
        }
    }
    return true;
}

json_t *json_object_read(struct text json)
{
    json_error_t error;
    if (json.length == 0 || !is_shallow(json))
        return NULL;
    json_t *value = json_loadb(json.data, json.length, JSON_REJECT_DUPLICATES, &error);
    if (json_is_object(value))
        return value;
    json_decref(value);
    return NULL;
}

struct text json_member(const json_t *object, const char *name)
{
    const json_t *member = json_object_get(object, name);
    return json_is_string(member) ? text_of(json_string_value(member), json_string_length(member))
                                  : TEXT("");
}
