#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The guest of `make run`: loads debra and the workload, shows debugfs while
# the workload runs, then its summary, and unloads both.

# shellcheck source=scripts/guest/common.sh
. /common.sh

DEBRA=/sys/kernel/debug/debra
SUMMARY=/sys/kernel/debug/debra_workload/summary

# show FILE LINES: no more than that, whatever the file has.
show() {
	[ -r "$1" ] || return
	head -n "$2" "$1" | while IFS= read -r line; do
		say "  $line"
	done
}

show_domains() {
	for dir in "$DEBRA"/*/; do
		[ -d "$dir" ] || continue
		# Nobody uses it here.
		[ "${dir%debra_default/}" = "$dir" ] || continue
		say "--- ${dir#/sys/kernel/debug/}stats, cpus, guards, bags, retired (first lines)"
		show "${dir}stats" 50
		show "${dir}cpus" 20
		show "${dir}guards" 20
		show "${dir}bags" 20
		show "${dir}retired" 10
	done
	say "--- ipis"
	show "$DEBRA/ipis" 20
}

result() { sed -n 's/^result: //p' "$SUMMARY" 2>/dev/null; }

# Waits for the end of the workload; the host limits how long that may take.
wait_for_result() {
	ticks=0
	while [ "$(result)" = RUNNING ]; do
		sleep 1
		ticks=$((ticks + 1))
		# Soon after the beginning, for a fast machine is done in seconds.
		[ $((ticks % 4)) = 1 ] || continue
		say "=== after $ticks s"
		show_domains
	done
}

# Writers wait while there is more garbage than that.
LIMIT=32768
STALLED=2

# What they retire before they look again, and the hazards of the stalled readers.
bound() { echo $((LIMIT + $(nproc) * 16 + STALLED * 6)); }

run() {
	load debra.ko limit=$LIMIT || return
	# shellcheck disable=SC2046 # one word for each parameter
	load debra_workload.ko stalled=$STALLED bound="$(bound)" $(cat /modules/params) || return
	[ -r "$SUMMARY" ] || { say "$SUMMARY is missing"; return 1; }
	say "debra and debra_workload are loaded; the workload runs"
	wait_for_result
	say "=== at the end"
	show_domains
	say "=== what debra said of the readers that stalled"
	dmesg | sed -n 's/.*\(debra: stall: .*\)/\1/p' >/stalls
	show /stalls 10
	say "=== summary"
	show "$SUMMARY" 100
	verdict=$(result)
	unload debra_workload.ko && unload debra.ko || return
	[ -z "$(lsmod | tail -n +2)" ] || { say "modules are left"; return 1; }
	say "both modules are unloaded"
	[ "$verdict" = SUCCESS ]
}

setup_guest
say "Linux $(uname -r), $(nproc) CPUs"
verdict="FAILURE"
if run; then
	say "final ok"
else
	say "final FAIL ${verdict#FAILURE}"
fi
end_guest
