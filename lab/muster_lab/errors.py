# SPDX-License-Identifier: GPL-2.0-or-later
"""What can go wrong in a way that a person can mend: one sentence."""


class LabError(Exception):
    """Said by the command line as one sentence on standard error; exit status 1."""


class Unavailable(LabError):
    """This machine cannot run the lab at all (a program or the packages are lacking): tests skip on it."""
