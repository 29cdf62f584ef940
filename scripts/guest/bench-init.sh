#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The guest of `make bench`: loads each benchmark that /plan names, with the parameters
# that are there, and prints what it found, each row behind "row ".

# shellcheck source=scripts/guest/common.sh
. /common.sh

head=

# rows MODULE: their head once, from the first module.
rows() {
	[ -n "$head" ] || { head=there; say "row $(head -n 1 "/sys/kernel/debug/$1/results")"; }
	tail -n +2 "/sys/kernel/debug/$1/results" | while IFS= read -r line; do say "row $line"; done
}

# one_row ROW VALUE UNIT: fails without a value.
one_row() { [ -n "$2" ] && say "row debra	$1	$2	$3"; }

# Idle by now: what a domain keeps for the next time.
idle_row() {
	sleep 1
	one_row "memory	idle-domain	1	per-cpu" \
		"$(sed -n 's/^overhead_bytes: //p' /sys/kernel/debug/debra/debrascale/stats)" bytes
}

# Of all rounds, each is one IPI for each CPU at most.
rounds_row() {
	one_row "set	debra	$(nproc)	rounds-ipi" \
		"$(awk -v ns="$(cat /sys/kernel/debug/debraset/debra_ns)" \
		'/^rounds_ipi: / { printf "%.1f", $2 * 1e9 / (ns ? ns : 1) }' \
		/sys/kernel/debug/debra/debraset/stats)" 1/s
}

run_plan() {
	while read -r name arguments; do
		say "running $name $arguments"
		# shellcheck disable=SC2086 # parameters they are
		load "$name.ko" $arguments && rows "$name" || return
		[ "$name" != debrascale ] || idle_row || return
		[ "$name" != debraset ] || rounds_row || return
		unload "$name.ko" || return
	done </plan
}

setup_guest
verdict=FAIL
say "system $(uname -r), $(nproc) CPUs"
load debra.ko && load kcas.ko && run_plan && unload kcas.ko && unload debra.ko && verdict=ok
say "final $verdict"
end_guest
