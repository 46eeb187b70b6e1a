/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which labels are read again, and which are remembered. */
#include <criterion/criterion.h>

#include "support/storage.h"

TestSuite(storage_reuse, .init = storage_open, .fini = storage_close);

/* A disk with a partition, and another. */
static struct storage two_disks(const char *seq, const char *size)
{
    return STORAGE(disk("sda", 0, NAA,
                        arena_printf(a,
                                     "%s\nsda1/partition = 1\nsda1/size = %s\nsda1/start = 8\n"
                                     "sda1/dev = 8:1\nsda1/",
                                     seq, size)),
                   disk("sdb", 16, NAB, "diskseq = 12"), disk("sdc", 32, NAB, "diskseq = 13"));
}

/* After all of two_disks("diskseq = 11", "64") were read, and once more if `unsettled`. */
static void all_read(struct storage *s, const struct use *uses, size_t n)
{
    storage_uses(s, uses, n);
    storage_identify(s, tree);
    the(s, NAA)->answer = with_table();
    the(s, NAA "-part1")->answer = the(s, NAB)->answer = with_ext4();
    next_worker(s);
}

/* "a1b": of sda, its partition and the other the remembered answer is taken. */
static const char *reused(const struct storage *before, struct storage *s, struct storage_hint h,
                          const struct use *uses, size_t n)
{
    static char out[4];
    char *p = out;

    s->before = before->before;
    storage_uses(s, uses, n);
    storage_identify(s, tree);
    storage_reuse(s, &h);
    if (the(s, NAA)->answer != NULL)
        *p++ = 'a';
    if (the(s, NAA "-part1")->answer != NULL)
        *p++ = '1';
    if (the(s, NAB)->answer != NULL)
        *p++ = 'b';
    *p = '\0';
    return out;
}

#define HINT(...) ((struct storage_hint){ __VA_ARGS__ })

static const char *after_hint(const struct storage *before, const char *name)
{
    struct storage s = two_disks("diskseq = 11", "64");

    return reused(before, &s, HINT(.touched = { &name, 1 }), NULL, 0);
}

Test(storage_reuse, a_label_is_read_again_when_its_device_was_announced)
{
    struct storage s = two_disks("diskseq = 11", "64"), again = two_disks("diskseq = 11", "64");
    const struct label *l;

    all_read(&s, NULL, 0);
    cr_assert_str_eq(reused(&s, &again, HINT(.whole = false), NULL, 0), "a1b");
    l = &the(&again, NAB)->answer->label;
    cr_assert_str_eq(l->type, "ext4");
    cr_assert_str_eq(l->label, "data");
    cr_assert(the(&again, NAB)->answer->remembered);
    cr_assert_eq(the(&again, NAA)->answer->label.partition_count, 2);
    cr_assert_str_eq(after_hint(&s, "sdx"), "a1b");
    cr_assert_str_eq(after_hint(&s, "sda"), "b", "and what is in it");
    cr_assert_str_eq(after_hint(&s, "sda1"), "ab");
    cr_assert_str_eq(after_hint(&s, "sda2"), "b", "in which nobody knows what is");
    cr_assert_str_eq(after_hint(&s, "sdaa"), "a1b");
    cr_assert_str_eq(after_hint(&s, "sdb"), "a1");
    cr_assert_str_eq(after_hint(&s, "sdc"), "a1", "its other path");
    cr_assert_str_eq(after_hint(&s, "sdc7"), "a1");
    again = two_disks("diskseq = 11", "64");
    cr_assert_str_eq(reused(&s, &again, HINT(.whole = true), NULL, 0), "");
}

Test(storage_reuse, a_label_is_read_again_when_its_device_may_be_another)
{
    struct storage s = two_disks("diskseq = 11", "64"), other;

    all_read(&s, NULL, 0);
    other = two_disks("diskseq = 14", "64");
    cr_assert_str_eq(reused(&s, &other, HINT(.whole = false), NULL, 0), "b");
    other = two_disks("diskseq = 11", "128");
    cr_assert_str_eq(reused(&s, &other, HINT(.whole = false), NULL, 0), "ab");
    other = two_disks("", "64");
    cr_assert_str_eq(reused(&s, &other, HINT(.whole = false), NULL, 0), "b");
    other = STORAGE(disk("sda", 0, NAB, "diskseq = 11"));
    other.before = s.before;
    storage_uses(&other, NULL, 0);
    storage_identify(&other, tree);
    storage_reuse(&other, &HINT(.whole = false));
    cr_assert_null(the(&other, NAB)->answer, "another LUN under this name");
}

Test(storage_reuse, a_label_without_a_sequence_number_is_always_read)
{
    struct storage s = two_disks("", "64"), again = two_disks("", "64");

    all_read(&s, NULL, 0);
    cr_assert_str_eq(reused(&s, &again, HINT(.whole = false), NULL, 0), "b");
}

/* A superblock is written after the mount is gone. */
Test(storage_reuse, a_label_is_read_again_when_its_uses_change_and_once_more)
{
    struct storage s = two_disks("diskseq = 11", "64"), again;
    struct use mount = { .present = 0 };

    REC_SET(&mount, use, key, "mount/8:1//srv");
    REC_SET(&mount, use, container, NAA "-part1");
    all_read(&s, NULL, 0);
    for (int i = 0; i < 3; i++) {
        again = two_disks("diskseq = 11", "64");
        cr_assert_str_eq(reused(&s, &again, HINT(.whole = false), &mount, 1), i < 2 ? "ab" : "a1b");
        if (i < 2) {
            the(&again, NAA "-part1")->answer = with_ext4();
            next_worker(&again);
            s.before = again.before;
        }
    }
    REC_SET(&mount, use, read_only, true);
    again = two_disks("diskseq = 11", "64");
    cr_assert_str_eq(reused(&s, &again, HINT(.whole = false), &mount, 1), "ab");
}

Test(storage_reuse, a_scan_is_no_reason_to_read_a_label_again)
{
    struct storage s = two_disks("diskseq = 11", "64"), again = two_disks("diskseq = 11", "64");
    struct use scan = { .present = 0 };

    REC_SET(&scan, use, key, "scan/8:1//4711");
    REC_SET(&scan, use, container, NAA "-part1");
    REC_SET(&scan, use, kind, "scan");
    all_read(&s, NULL, 0);
    cr_assert_str_eq(reused(&s, &again, HINT(.whole = false), &scan, 1), "a1b");
    REC_SET(&scan, use, kind, "loop");
    again = two_disks("diskseq = 11", "64");
    cr_assert_str_eq(reused(&s, &again, HINT(.whole = false), &scan, 1), "ab");
}

Test(storage_reuse, what_did_not_answer_well_is_asked_again)
{
    struct storage s = two_disks("diskseq = 11", "64"), again = two_disks("diskseq = 11", "64");

    all_read(&s, NULL, 0);
    storage_uses(&again, NULL, 0);
    storage_identify(&again, tree);
    again.before = s.before;
    the(&again, NAA)->answer = answer(LABEL_STUCK);
    the(&again, NAA "-part1")->answer = answer(LABEL_FAILED);
    the(&again, NAB)->answer = with_ext4();
    next_worker(&again);
    s = again;
    again = two_disks("diskseq = 11", "64");
    cr_assert_str_eq(reused(&s, &again, HINT(.whole = false), NULL, 0), "b");
    cr_assert_not_null(storage_memory_label(&s.before, NAA), "what it was is known all the same");
    /* One that does not answer for a part of it. */
    s.before.stuck->v[s.before.stuck->n++] =
        (struct label_stuck){ .devnum = storage_dev(the(&s, NAB)->devnum) };
    again = two_disks("diskseq = 11", "64");
    cr_assert_str_eq(reused(&s, &again, HINT(.whole = false), NULL, 0), "");
}

Test(storage_reuse, lvm_wants_pvs_that_have_answered_now)
{
    struct storage s = two_disks("diskseq = 11", "64"), again;
    struct label_answer *pv = answer(LABEL_READ);

    storage_uses(&s, NULL, 0);
    storage_identify(&s, tree);
    pv->label.type = "LVM2_member";
    pv->label.uuid = "AAAAAA-BBBB-CCCC-DDDD-EEEE-FFFF-GGGGGG";
    the(&s, NAA)->answer = with_table();
    the(&s, NAA "-part1")->answer = with_ext4();
    the(&s, NAB)->answer = pv;
    next_worker(&s);
    again = two_disks("diskseq = 11", "64");
    cr_assert_str_eq(reused(&s, &again, HINT(.pvs = false), NULL, 0), "a1b");
    again = two_disks("diskseq = 11", "64");
    cr_assert_str_eq(reused(&s, &again, HINT(.pvs = true), NULL, 0), "a1");
}

/* Whose name ends with a digit. */
static bool sd1_is_reused(const struct storage *before, const char *touched)
{
    struct storage s = STORAGE(disk("sd1", 0, NAA, "diskseq = 5"));

    s.before = before->before;
    storage_uses(&s, NULL, 0);
    storage_identify(&s, tree);
    storage_reuse(&s, &HINT(.touched = { &touched, 1 }));
    return the(&s, NAA)->answer != NULL;
}

Test(storage_reuse, partitions_of_a_disk_that_has_a_number)
{
    struct storage s = STORAGE(disk("sd1", 0, NAA, "diskseq = 5"));

    storage_uses(&s, NULL, 0);
    storage_identify(&s, tree);
    the(&s, NAA)->answer = with_ext4();
    next_worker(&s);
    cr_assert(sd1_is_reused(&s, "sd2"));
    cr_assert(sd1_is_reused(&s, "sd12"));
    cr_assert_not(sd1_is_reused(&s, "sd1"));
    cr_assert_not(sd1_is_reused(&s, "sd1p2"));
}
