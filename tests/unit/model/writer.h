/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What test_json.c has the writer write. A file of its own: jansson and the writer both have a
 * json_object, so that no file can include both. */
#ifndef MUSTER_TESTS_MODEL_WRITER_H
#define MUSTER_TESTS_MODEL_WRITER_H

#include "base/buf.h"
#include "model/record.h"

void write_record(struct buf *b, const struct record_desc *d, const void *rec);
void write_text(struct buf *b, const char *text);
void write_structure(struct buf *b); /* everything that can be in an object or an array */
void write_nested(struct buf *b, int depth);

#endif
