#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The guest of `make torture`: loads debratorture, kcastorture or txtorture, takes CPUs away and gives
# them back, reads debugfs meanwhile, and unloads everything when the time is over.

# shellcheck source=scripts/guest/common.sh
. /common.sh

DEBRA=/sys/kernel/debug/debra

# set_parameter NAME VALUE [MODULE]
set_parameter() {
	echo "$2" >"/sys/module/${3:-debra}/parameters/$1" && return
	say "parameter $1=$2 was refused"
	refused=1
}

# Transactions are part of kcas.
layer() { if [ "$torture" = debra ]; then echo debra; else echo kcas; fi; }

# Memory presses all the time, and patience is short.
press() {
	set_parameter batch 64
	set_parameter guard_ms 1
	set_parameter limit 20000
	set_parameter throttle_ms 5000
	# What is not to be broken is so from the beginning, if it was built for that.
	[ ! -e /sys/module/debra/parameters/busted ] || set_parameter busted 0
	[ -z "$bust" ] || set_parameter busted "$bust" "$(layer)"
}

# Paths that are taken seldom are taken all the time.
slow_down() {
	set_parameter max_blocks 2 kcas
	set_parameter patience 0 kcas
}

counters() {
	for counter in neutralized unpinged restarts escalations guards_spilled stalls orphaned \
		rounds_ipi rounds_timeout overflow throttled; do
		say "$(grep "^$counter:" "$DEBRA/debratorture_domain/stats")"
	done
}

kcas_counters() {
	cat /sys/kernel/debug/kcas/stats /sys/kernel/debug/kcas/transactions |
		while IFS= read -r line; do say "$line"; done
}

# Whether nothing was taken over from a CPU that went, though some should have gone by then.
went_unnoticed() {
	[ "$torture" = debra ] && [ "$seconds" -ge 5 ] && [ -e /sys/devices/system/cpu/cpu1/online ] &&
		grep -q '^orphaned: 0$' "$DEBRA/debratorture_domain/stats"
}

ended() { dmesg | grep -q 'torture: End of test'; }

# Another CPU each time, but the first.
toggle_cpus() {
	while ! [ -e /tmp/stop ]; do
		for online in /sys/devices/system/cpu/cpu[1-9]*/online; do
			[ -e /tmp/stop ] && return
			echo 0 >"$online" 2>/dev/null
			sleep 0.3
			echo 1 >"$online" 2>/dev/null
			sleep 0.2
		done
	done
}

read_everything() {
	while ! [ -e /tmp/stop ]; do
		cat "$DEBRA"/*/* "$DEBRA"/ipis /sys/kernel/debug/kcas/* >/dev/null 2>&1
		sleep 0.1
	done
}

# Allocations that may fail do, now and then, where the kernel can do that; and accesses and
# allocations of transactions, where kcas can.
inject_failures() {
	set_parameter lose_ipis 3
	if [ -e /sys/module/kcas ]; then
		set_parameter tx_inject 97 kcas
		set_parameter tx_fail 61 kcas
	fi
	if ! [ -d /sys/kernel/debug/failslab ]; then
		say "this kernel has no failslab: allocations of debra do not fail (they do with DEBUG=kasan)"
		return
	fi
	echo 0 >/sys/kernel/debug/failslab/verbose
	echo -1 >/sys/kernel/debug/failslab/times
	# Blocks of bags, logs, and blocks of descriptors.
	for cache in debra_block kcas_log kmalloc-8k; do
		[ ! -e /sys/kernel/slab/$cache/failslab ] || echo 1 >/sys/kernel/slab/$cache/failslab
	done
	echo Y >/sys/kernel/debug/failslab/cache-filter
	echo N >/sys/kernel/debug/failslab/ignore-gfp-wait
	echo 20 >/sys/kernel/debug/failslab/probability
}

unload_all_of_it() {
	unload "${torture}torture.ko" && unload kcas.ko && unload debra.ko
}

run() {
	load debra.ko && load kcas.ko || return
	press
	[ "$slow" = 0 ] || slow_down
	off=0
	few=
	# As many words as fit into a block.
	[ "$slow" = 0 ] || [ "$torture" = debra ] || few=many=200
	if [ "$faults" = 1 ]; then
		off=40
		inject_failures
	fi
	# shellcheck disable=SC2086 # none, or one
	load "${torture}torture.ko" seconds="$seconds" stat_interval=5 irqs_off_ms=$off $few || return
	toggle_cpus &
	toggler=$!
	read_everything &
	reader=$!
	until ended; do
		sleep 1
	done
	touch /tmp/stop
	wait $toggler $reader
	if [ "$(layer)" = kcas ]; then kcas_counters; else counters; fi
	if went_unnoticed; then
		say "a CPU went and left nothing, or none went"
		return 1
	fi
	unload_all_of_it && [ "$refused" = 0 ]
}

setup_guest
mkdir -p /tmp
seconds=60 torture=debra faults=0 slow=0 refused=0 bust=
# shellcheck disable=SC1091 # written for this run
. /modules/settings
say "Linux $(uname -r), $(nproc) CPUs"
if run; then say "final ok"; else say "final FAIL"; fi
end_guest
