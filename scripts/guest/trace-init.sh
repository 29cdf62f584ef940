#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The guest of `make trace`: runs each example of bpftrace for some seconds, with a workload
# that it is for, then perf with all of them.

# shellcheck source=scripts/guest/common.sh
. /common.sh

# tell NAME STATUS: what it has said is for the host.
tell() {
	while IFS= read -r line; do say "$1: $line"; done </tmp/out
	say "$1: status $2"
}

# workload_for EXAMPLE
workload_for() {
	case $1 in
	debra-*) echo debra_workload ;;
	kcas-contention) echo kcas_tokens ;;
	*) echo kcas_bank ;;
	esac
}

load_workload() {
	case $1 in
	debra_workload) load_debra_workload 2 ;;
	*) load "$1.ko" seconds=86400 ;;
	esac
}

# The second line is the example's own: then all of it is attached.
wait_for_example() {
	tries=600
	while [ $((tries -= 1)) -gt 0 ] && [ "$(wc -l </tmp/out)" -lt 2 ] &&
		kill -0 "$1" 2>/dev/null; do
		sleep 0.1
	done
}

# Under emulation bpftrace would take minutes to compile and attach beside a workload.
run_example() {
	name=$(basename "$1" .bt)
	workload=$(workload_for "$name")
	bpftrace "$1" >/tmp/out 2>&1 &
	pid=$!
	wait_for_example $pid
	load_workload "$workload" || return
	sleep 6
	# Readers that were aborted notice when they have to go.
	[ "$name" != debra-guards ] || { unload "$workload.ko" && load_workload "$workload"; } || return
	kill -INT $pid
	wait $pid
	tell "$name" $?
	unload "$workload.ko"
}

# As somebody would use it.
measure_contention() {
	perf lock record -a -o /tmp/data sleep 3 &&
		perf lock contention -i /tmp/data && perf lock contention -t -i /tmp/data
}

count_events() {
	perf record -a -o /tmp/data -e 'debra:*' -e 'kcas:*' sleep 0.3 &&
		perf script -F event -i /tmp/data 2>/dev/null | tr -d ' ' | sort | uniq -c
}

run_perf() {
	measure_contention >/tmp/out 2>&1
	tell perf-lock $?
	count_events >/tmp/out 2>&1
	tell perf-events $?
}

run() {
	go_first
	load debra.ko && load kcas.ko || return
	for script in /scripts/*.bt; do run_example "$script" || return; done
	load_workloads 2 || return
	run_perf
	unload_workloads && unload kcas.ko && unload debra.ko
}

setup_guest
mount_tracing
verdict=FAIL
run && verdict=ok
say "final $verdict"
end_guest
