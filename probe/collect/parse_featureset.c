/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Xen's featuresets as text and by name. */
#include <ctype.h>
#include <stdio.h>

#include "collect/parse_xen.h"

enum { WORD_BITS = 32, NAME_BYTES = 32 };

/* Included so, Xen's public header calls this for each feature: word * 32 + bit. */
#define XEN_CPUFEATURE(name, bit) [bit] = #name,
static const char *const names[] = {
#include <xen/arch-x86/cpufeatureset.h>
};
#undef XEN_CPUFEATURE

const char *featureset_text(struct rows *r, const struct xen_featureset *f)
{
    char text[XEN_WORDS_MAX * 9 + 1], *at = text;

    for (size_t i = 0; i < f->n && i < XEN_WORDS_MAX; i++)
        at += snprintf(at, 10, "%s%08x", i == 0 ? "" : ":", f->words[i]);
    return f->n == 0 ? NULL : rows_text(r, bytes_of(text));
}

/* As Xen's command line has it: avx512_ifma is avx512-ifma. */
static const char *name_of(struct rows *r, size_t bit)
{
    char out[NAME_BYTES];
    size_t n = 0;

    if (bit >= ARRAY_LEN(names) || names[bit] == NULL)
        return rows_printf(r, "%zu.%zu", bit / WORD_BITS, bit % WORD_BITS);
    for (const char *p = names[bit]; *p != '\0' && n + 1 < sizeof out; p++)
        out[n++] = *p == '_' ? '-' : (char)tolower((unsigned char)*p);
    out[n] = '\0';
    return rows_text(r, bytes_of(out));
}

struct strs featureset_names(struct rows *r, const struct xen_featureset *f)
{
    const char **v = rows_array(r, XEN_WORDS_MAX * WORD_BITS, sizeof *v);
    size_t n = 0;

    for (size_t bit = 0; v != NULL && bit < f->n * WORD_BITS; bit++) {
        if ((f->words[bit / WORD_BITS] >> (bit % WORD_BITS) & 1u) != 0)
            v[n++] = name_of(r, bit);
    }
    return v == NULL ? (struct strs){ NULL, 0 } : rows_strs(v, n);
}
