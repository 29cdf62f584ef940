/* SPDX-License-Identifier: GPL-2.0-only */
/* explore: nobody traces. */
