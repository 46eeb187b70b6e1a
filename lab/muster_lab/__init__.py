# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab: virtual Xen hosts with real storage behind them, on one machine. lab/README.md has the tour."""
