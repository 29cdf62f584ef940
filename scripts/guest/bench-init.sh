#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The guest of `make bench`: loads the benchmark and prints what it found, each
# row behind "row ", between markers.

# shellcheck source=scripts/guest/common.sh
. /common.sh

idle_bytes() { sed -n 's/^overhead_bytes: //p' /sys/kernel/debug/debra/debrascale/stats; }

setup_guest
verdict=FAIL
# rows MODULE: but for their head, which is there once.
rows() { tail -n +2 "/sys/kernel/debug/$1/results" | while IFS= read -r line; do say "row $line"; done; }

if load debra.ko && load debrascale.ko; then
	say "row $(head -n 1 /sys/kernel/debug/debrascale/results)"
	rows debrascale
	# Idle by now: what the domain keeps for the next time.
	sleep 1
	say "row debra	memory	idle-domain	1	per-cpu	$(idle_bytes)	bytes"
	load kcas.ko && load kcasscale.ko threads=1 only=alone ms=20 && rows kcasscale
	unload debrascale.ko && unload kcasscale.ko && unload kcas.ko && unload debra.ko && verdict=ok
fi
say "final $verdict"
end_guest
