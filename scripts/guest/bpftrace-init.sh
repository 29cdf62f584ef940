#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The guest of `make bpftrace`: loads everything, and runs each example for some seconds.

# shellcheck source=scripts/guest/common.sh
. /common.sh

# Under emulation it takes long until bpftrace has compiled its program.
run_example() {
	name=$(basename "$1" .bt)
	: >/tmp/out
	bpftrace "$1" >/tmp/out 2>&1 &
	tries=600
	while [ $((tries -= 1)) -gt 0 ] && ! [ -s /tmp/out ] && kill -0 $! 2>/dev/null; do
		sleep 0.1
	done
	[ "$name" != debra-guards ] || unload_and_load
	sleep 3
	kill -INT $!
	wait $!
	echo "status $?" >>/tmp/out
	while IFS= read -r line; do say "$name: $line"; done </tmp/out
}

# Readers that stall, once more, and one that is reported.
unload_and_load() {
	unload debra_workload.ko && load_debra_workload 2
	sleep 2
}

run() {
	go_first
	load debra.ko && load kcas.ko && load_workloads 2 || return
	for script in /scripts/*.bt; do run_example "$script"; done
	unload_workloads && unload kcas.ko && unload debra.ko
}

setup_guest
mount_tracing
# bpftrace of Debian 12 looks for it there.
mount -t tracefs tracefs /sys/kernel/debug/tracing 2>/dev/null
verdict=FAIL
run && verdict=ok
say "final $verdict"
end_guest
