/* The profile's few tables; normalisation and bidirectional classes are libunistring's. */
#include "sasl/saslprep.h"

#include <stdlib.h>
#include <string.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

enum { PREPARED_MAX = 4096 }; /* code points */

struct range {
    ucs4_t first, last;
};

/* RFC 3454 B.1: commonly mapped to nothing. U+200B is a space first. */
static const struct range to_nothing[] = {
    {0x00ad, 0x00ad}, {0x034f, 0x034f}, {0x1806, 0x1806}, {0x180b, 0x180d},
    {0x200c, 0x200d}, {0x2060, 0x2060}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff},
};

/* RFC 3454 C.1.2: spaces that are not ASCII's. */
static const struct range spaces[] = {
    {0x00a0, 0x00a0}, {0x1680, 0x1680}, {0x2000, 0x200b},
    {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000},
};

/* RFC 3454 C.2.1 to C.9, without those that normalisation leaves none of. */
static const struct range prohibited[] = {
    {0x0000, 0x001f},   {0x007f, 0x009f},   {0x0340, 0x0341},   {0x06dd, 0x06dd},
    {0x070f, 0x070f},   {0x180e, 0x180e},   {0x200c, 0x200f},   {0x2028, 0x202e},
    {0x2060, 0x2063},   {0x206a, 0x206f},   {0x2ff0, 0x2ffb},   {0xd800, 0xf8ff},
    {0xfdd0, 0xfdef},   {0xfeff, 0xfeff},   {0xfff9, 0xffff},   {0x1d173, 0x1d17a},
    {0xe0001, 0xe0001}, {0xe0020, 0xe007f}, {0xf0000, 0xffffd}, {0x100000, 0x10ffff},
};

#define IS_IN(ranges, c) is_in(ranges, sizeof(ranges) / sizeof((ranges)[0]), c)

static bool is_in(const struct range *ranges, size_t count, ucs4_t c)
{
    for (size_t i = 0; i < count; i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    return false;
}

/* U+nFFFE and U+nFFFF are no characters in any plane. */
static bool is_prohibited(ucs4_t c)
{
    return IS_IN(prohibited, c) || (c & 0xfffe) == 0xfffe;
}

static bool is_plain_ascii(struct text text)
{
    for (size_t i = 0; i < text.length; i++)
        if ((unsigned char)text.data[i] < ' ' || (unsigned char)text.data[i] >= 0x7f)
            return false;
    return true;
}

/* RFC 3454 6: what has a right-to-left letter has no left-to-right one, and begins and ends with
 * right-to-left ones. */
static bool is_bidi_sound(const uint32_t *points, size_t count)
{
    bool has_right = false, has_left = false;
    bool edges[2] = {false, false};
    for (size_t i = 0; i < count; i++) {
        int class = uc_bidi_class(points[i]);
        bool is_right = class == UC_BIDI_R || class == UC_BIDI_AL;
        has_right = has_right || is_right;
        has_left = has_left || class == UC_BIDI_L;
        if (i == 0)
            edges[0] = is_right;
        edges[1] = is_right;
    }
    return !has_right || (!has_left && edges[0] && edges[1]);
}

/* Map, RFC 4013 2.1. Returns how many are left. */
static size_t map_points(uint32_t *points, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        ucs4_t c = points[i];
        if (!IS_IN(to_nothing, c))
            points[kept++] = IS_IN(spaces, c) ? ' ' : c;
    }
    return kept;
}

static bool append_points(const uint32_t *points, size_t count, struct buffer *out)
{
    for (size_t i = 0; i < count; i++)
        if (is_prohibited(points[i]))
            return false;
    if (!is_bidi_sound(points, count))
        return false;
    uint8_t utf8[4];
    for (size_t i = 0; i < count; i++) {
        int length = u8_uctomb(utf8, points[i], sizeof(utf8));
        if (length <= 0 || !buffer_append(out, text_of(utf8, (size_t)length)))
            return false;
    }
    return true;
}

static void forget(uint32_t *points, size_t count)
{
    if (points != NULL)
        explicit_bzero(points, count * sizeof(*points));
    free(points);
}

bool saslprep(struct text text, struct buffer *out)
{
    if (is_plain_ascii(text))
        return buffer_append(out, text);
    size_t count = 0, normal_count = 0;
    if (text.length > PREPARED_MAX)
        return false;
    uint32_t *points = u8_to_u32((const uint8_t *)text.data, text.length, NULL, &count);
    if (points == NULL)
        return false;
    size_t kept = map_points(points, count);
    uint32_t *normal = u32_normalize(UNINORM_NFKC, points, kept, NULL, &normal_count);
    bool good = normal != NULL && append_points(normal, normal_count, out);
    forget(points, count);
    forget(normal, normal_count);
    return good;
}
