/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <uuid/uuid.h>

static const char hex_digits[] = "0123456789abcdef";

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char *uuid_text(uuid128 id, char *out)
{
    char *p = out;

    for (size_t i = 0; i < sizeof id.b; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = hex_digits[id.b[i] >> 4];
        *p++ = hex_digits[id.b[i] & 15];
    }
    *p = '\0';
    return out;
}

bool uuid128_parse(const char *s, uuid128 *out)
{
    uuid128 id;
    bool braces = *s == '{';

    s += braces;
    for (size_t i = 0; i < sizeof id.b; i++) {
        int high, low;

        if ((i == 4 || i == 6 || i == 8 || i == 10) && *s++ != '-')
            return false;
        high = hex_value(s[0]);
        low = high < 0 ? -1 : hex_value(s[1]);
        if (low < 0)
            return false;
        id.b[i] = (uint8_t)(high << 4 | low);
        s += 2;
    }
    if (braces && *s++ != '}')
        return false;
    if (*s != '\0')
        return false;
    *out = id;
    return true;
}

uuid128 uuid_v5(uuid128 ns, const void *name, size_t n)
{
    uuid128 id;

    uuid_generate_sha1(id.b, ns.b, name, n);
    return id;
}

uuid128 uuid_v4_from(const uint8_t random[16])
{
    uuid128 id;

    memcpy(id.b, random, sizeof id.b);
    id.b[6] = (uint8_t)((id.b[6] & 0x0f) | 0x40);
    id.b[8] = (uint8_t)((id.b[8] & 0x3f) | 0x80);
    return id;
}

char *key_text(pubkey k, char *out)
{
    for (size_t i = 0; i < sizeof k.b; i++) {
        out[2 * i] = hex_digits[k.b[i] >> 4];
        out[2 * i + 1] = hex_digits[k.b[i] & 15];
    }
    out[KEY_TEXT - 1] = '\0';
    return out;
}

bool key_parse(const char *s, pubkey *out)
{
    pubkey k;

    if (strnlen(s, KEY_TEXT) != KEY_TEXT - 1)
        return false;
    for (size_t i = 0; i < sizeof k.b; i++) {
        int high = hex_value(s[2 * i]), low = hex_value(s[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        k.b[i] = (uint8_t)(high << 4 | low);
    }
    *out = k;
    return true;
}

char *wall_rfc3339(wall_ms t, char *out)
{
    int64_t ms = t.v % 1000, s = t.v / 1000;
    struct tm tm;

    if (ms < 0) {
        ms += 1000;
        s--;
    }
    if (gmtime_r(&s, &tm) == NULL || tm.tm_year > 9999 - 1900 || tm.tm_year < -1900) {
        snprintf(out, TIME_TEXT, "0000-00-00T00:00:00.000Z");
        return out;
    }
    snprintf(out, TIME_TEXT, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
             (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)(tm.tm_mon + 1) % 100,
             (unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
             (unsigned)tm.tm_sec % 100, (unsigned)ms % 1000);
    return out;
}

static bool digits(const char **s, int count, int *out)
{
    int v = 0;

    for (int i = 0; i < count; i++) {
        if (**s < '0' || **s > '9')
            return false;
        v = v * 10 + (*(*s)++ - '0');
    }
    *out = v;
    return true;
}

static bool fraction(const char **s, int *ms)
{
    int scale = 100;

    *ms = 0;
    if (**s != '.')
        return true;
    (*s)++;
    if (**s < '0' || **s > '9')
        return false;
    for (; **s >= '0' && **s <= '9'; (*s)++) {
        *ms += (**s - '0') * scale;
        scale /= 10;
    }
    return true;
}

static bool offset(const char **s, int *minutes)
{
    int sign, h, m;

    *minutes = 0;
    if (**s == 'Z' || **s == 'z') {
        (*s)++;
        return true;
    }
    if (**s != '+' && **s != '-')
        return false;
    sign = *(*s)++ == '+' ? 1 : -1;
    if (!digits(s, 2, &h) || *(*s)++ != ':' || !digits(s, 2, &m) || h > 23 || m > 59)
        return false;
    *minutes = sign * (h * 60 + m);
    return true;
}

static int days_of(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return days[month - 1] + (month == 2 && leap);
}

bool wall_parse(const char *s, wall_ms *out)
{
    struct tm tm = { 0 };
    int year, month, ms, minutes;

    if (!digits(&s, 4, &year) || *s++ != '-' || !digits(&s, 2, &month) || *s++ != '-' ||
        !digits(&s, 2, &tm.tm_mday) || (*s != 'T' && *s != 't' && *s != ' '))
        return false;
    s++;
    if (!digits(&s, 2, &tm.tm_hour) || *s++ != ':' || !digits(&s, 2, &tm.tm_min) || *s++ != ':' ||
        !digits(&s, 2, &tm.tm_sec) || !fraction(&s, &ms) || !offset(&s, &minutes) || *s != '\0')
        return false;
    if (month < 1 || month > 12 || tm.tm_mday < 1 || tm.tm_mday > days_of(year, month) ||
        tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
        return false;
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    out->v = ((int64_t)timegm(&tm) - minutes * 60) * 1000 + ms;
    return true;
}

char *bytes_text(uint64_t n, char *out)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    double v = (double)n;
    size_t u = 0;

    while (v >= 1023.5 && u + 1 < ARRAY_LEN(units)) {
        v /= 1024;
        u++;
    }
    if (u == 0)
        snprintf(out, 24, "%u B", (unsigned)n);
    else
        snprintf(out, 24, v < 10 ? "%.1f %s" : "%.0f %s", v, units[u]);
    return out;
}

char *duration_text(int64_t ms, char *out)
{
    int64_t s = ms / 1000;

    if (ms < 0)
        snprintf(out, 24, "0 ms");
    else if (ms < 1000)
        snprintf(out, 24, "%d ms", (int)ms);
    else if (s < 60)
        snprintf(out, 24, "%.1f s", (double)ms / 1000);
    else if (s < 3600)
        snprintf(out, 24, s % 60 ? "%d min %d s" : "%d min", (int)(s / 60), (int)(s % 60));
    else if (s < 86400)
        snprintf(out, 24, s % 3600 / 60 ? "%d h %d min" : "%d h", (int)(s / 3600),
                 (int)(s % 3600 / 60));
    else
        snprintf(out, 24, "%" PRId64 " d", s / 86400);
    return out;
}

/* The digits that are there. False: none, or more than INT64_MAX. */
static bool whole_number(const char **s, uint64_t *out)
{
    const char *from = *s;
    uint64_t v = 0;

    for (; **s >= '0' && **s <= '9'; (*s)++) {
        unsigned digit = (unsigned)(**s - '0');

        if (v > ((uint64_t)INT64_MAX - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *out = v;
    return *s > from;
}

/* What follows a point, if there is one. */
static bool decimals(const char **s, double *out)
{
    double v = 0, scale = 1;

    *out = 0;
    if (**s != '.')
        return true;
    for ((*s)++; **s >= '0' && **s <= '9'; (*s)++) {
        if (scale < 1e15) { /* a double knows no more */
            v = v * 10 + (**s - '0');
            scale *= 10;
        }
    }
    *out = v / scale;
    return scale > 1;
}

bool bytes_parse(const char *s, uint64_t *out)
{
    static const char letters[] = "bkmgtpe";
    const char *unit = letters;
    unsigned shift;
    uint64_t whole;
    double part;

    if (!whole_number(&s, &whole) || !decimals(&s, &part))
        return false;
    if (*s != '\0') {
        unit = strchr(letters, *s | 0x20);
        if (unit == NULL || s[1] != '\0')
            return false;
    }
    shift = (unsigned)(unit - letters) * 10;
    if (whole > (uint64_t)INT64_MAX >> shift || (shift == 0 && part > 0))
        return false;
    *out = (whole << shift) + (uint64_t)(part * (double)(UINT64_C(1) << shift));
    return true;
}

bool duration_parse(const char *s, int64_t *out)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 } };
    char *end;
    long long v;

    if (*s < '0' || *s > '9')
        return false;
    errno = 0;
    v = strtoll(s, &end, 10);
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (strcmp(end, units[i].name) == 0) {
            if (errno != 0 || v > INT64_MAX / units[i].ms)
                return false;
            *out = v * units[i].ms;
            return true;
        }
    }
    return false;
}

bool glob_match(const char *pattern, const char *text)
{
    const char *star = NULL, *from = NULL;

    while (*text != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            from = text;
        } else if (*pattern == '?' || (*pattern != '\0' && *pattern == *text)) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star + 1;
            text = ++from;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

/* Length of the UTF-8 sequence at `p` (RFC 3629), 0 if it is none. */
static size_t sequence(const unsigned char *p, size_t left)
{
    static const struct {
        unsigned char lowest, highest, second_lowest, second_highest;
        uint8_t length;
    } forms[] = {
        { 0x00, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
        { 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
        { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
    };

    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        if (p[0] < forms[i].lowest || p[0] > forms[i].highest)
            continue;
        if (left < forms[i].length)
            return 0;
        if (forms[i].length > 1 &&
            (p[1] < forms[i].second_lowest || p[1] > forms[i].second_highest))
            return 0;
        for (size_t k = 2; k < forms[i].length; k++) {
            if ((p[k] & 0xc0) != 0x80)
                return 0;
        }
        return forms[i].length;
    }
    return 0;
}

/* Eight bytes that are certainly ASCII without control characters. May say false of such bytes,
 * never true of others. */
static bool all_plain(uint64_t w)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);

    return ((w | (w - 0x20 * ones) | ((w ^ 0x7f * ones) - ones)) & 0x80 * ones) == 0;
}

static uint64_t eight_bytes(const unsigned char *p)
{
    uint64_t w;

    memcpy(&w, p, sizeof w);
    return w;
}

/* The same of a whole text. Nearly all are, and this is most of what decoding a message costs; so
 * the last bytes are looked at together with some before them a second time, not one by one. */
static bool text_is_plain(const unsigned char *p, size_t n)
{
    uint32_t first, last;

    if (n >= 8) {
        for (size_t i = 0; i + 8 < n; i += 8) {
            if (!all_plain(eight_bytes(p + i)))
                return false;
        }
        return all_plain(eight_bytes(p + n - 8));
    }
    if (n >= 4) {
        memcpy(&first, p, sizeof first);
        memcpy(&last, p + n - 4, sizeof last);
        return all_plain((uint64_t)first << 32 | last);
    }
    return n == 0 || all_plain(UINT64_C(0x2020202020000000) | (uint64_t)p[0] << 16 |
                               (uint64_t)p[n / 2] << 8 | p[n - 1]);
}

bool text_is_clean(const char *s, size_t n)
{
    const unsigned char *p = (const unsigned char *)s;

    if (text_is_plain(p, n))
        return true;
    while (n > 0) {
        size_t length = 1;

        if (*p < 0x20 || *p == 0x7f)
            return false;
        if (*p > 0x7f) {
            length = sequence(p, n);
            /* C1 control characters, U+0080 to U+009F, are control characters too. */
            if (length == 0 || (p[0] == 0xc2 && p[1] < 0xa0))
                return false;
        }
        p += length;
        n -= length;
    }
    return true;
}

/* FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/ */
uint64_t text_mark(const char *s)
{
    uint64_t mark = UINT64_C(0xcbf29ce484222325);

    if (s == NULL || *s == '\0')
        return 0;
    for (; *s != '\0'; s++)
        mark = (mark ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
    mark = (mark ^ mark >> 63) & INT64_MAX;
    return mark == 0 ? 1 : mark;
}

void text_trim(char *s)
{
    size_t n = strlen(s), back = 1;

    while (back < n && back < 4 && ((unsigned char)s[n - back] & 0xc0) == 0x80)
        back++;
    if (n > 0 && sequence((const unsigned char *)s + n - back, back) == 0)
        s[n - back] = '\0';
}
