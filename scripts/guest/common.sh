# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# What the init scripts of the guests share; busybox sh.

export PATH=/bin

# Through the kernel's log, so that no line of ours is torn by one of printk.
say() { echo "kcas: $*" >/dev/kmsg; }

# A kernel without devtmpfs has to be given its devices.
make_devices() {
	mount -t devtmpfs dev /dev 2>/dev/null && return
	[ -e /dev/null ] || mknod /dev/null c 1 3
	[ -e /dev/kmsg ] || mknod /dev/kmsg c 1 11
	[ -e /dev/urandom ] || mknod /dev/urandom c 1 9
	[ -e /dev/ttyS1 ] || mknod /dev/ttyS1 c 4 65
}

setup_guest() {
	/bin/busybox --install -s /bin
	mount -t proc proc /proc
	mount -t sysfs sys /sys
	make_devices
	mount -t debugfs debug /sys/kernel/debug
	settle_clock
}

# The kernel goes over to its final clock in the first seconds, and stops all CPUs
# for that, which must not fall into a test that holds one of them.
settle_clock() {
	tries=100
	while [ $((tries -= 1)) -gt 0 ] && grep -qs early \
		/sys/devices/system/clocksource/clocksource0/current_clocksource; do
		sleep 0.1
	done
}

# No power management in a small kernel: it restarts, and QEMU was told to end
# on that. First the console must have got everything. UML would really restart.
end_guest() {
	sync
	sleep 1
	[ ! -e /no-reboot ] || busybox poweroff -f
	busybox reboot -f
	sleep 10
	busybox poweroff -f
}

# load FILE [PARAMETER...]
load() {
	ko=$1
	shift
	if ! message=$(insmod "/modules/$ko" "$@" 2>&1); then
		say "insmod $ko failed: $message"
		return 1
	fi
}

# unload FILE: by the name of its file.
unload() {
	if ! message=$(rmmod "${1%.ko}" 2>&1); then
		say "rmmod ${1%.ko} failed: $message"
		return 1
	fi
}

# unload_all LIST: in the reverse of the order of loading.
unload_all() {
	failed=0
	tac "/modules/$1" >/tmp/reverse
	while read -r ko; do
		unload "$ko" || failed=1
	done </tmp/reverse
	return $failed
}

load_debra_workload() {
	load debra_workload.ko target=1000000000 seconds=86400 stalled="$1"
}

# load_workloads STALLED: all of them at once, until they are unloaded.
load_workloads() {
	load_debra_workload "$1" &&
		load kcas_tokens.ko seconds=86400 && load kcas_bank.ko seconds=86400
}

unload_workloads() {
	unload kcas_bank.ko && unload kcas_tokens.ko && unload debra_workload.ko
}

TRACING=/sys/kernel/tracing

# Debugfs has it as well, but who looks for it there mounts it on the way.
mount_tracing() {
	[ -e $TRACING/events ] || mount -t tracefs tracefs $TRACING
}

# The workloads leave little of an emulated machine to anybody else.
go_first() { renice -n -20 -p $$ >/dev/null; }

# trace SECONDS EVENT...: what there is of the tracepoints, on stdout; the last of it, if that
# is more than fits into a small buffer.
trace() {
	seconds=$1
	shift
	echo 32 >$TRACING/buffer_size_kb && echo >$TRACING/trace || return
	for event in "$@"; do echo 1 >"$TRACING/events/$event/enable" || return; done
	sleep "$seconds"
	for event in "$@"; do echo 0 >"$TRACING/events/$event/enable"; done
	# Nothing at all is no failure.
	grep -v '^#' $TRACING/trace || :
}

# What is not for the eye goes to the host by a serial port of its own.
DATA_PORT=/dev/ttyS1

open_data_port() { stty -F $DATA_PORT raw -echo; }

kcas_counter() { sed -n "s/^$1: //p" /sys/kernel/debug/kcas/stats; }

# What operations did to each other while histories were recorded: without that they
# prove nothing.
count_history() {
	for counter in helps conflicts fallbacks cleaned displaced; do
		echo "$counter $(kcas_counter $counter)"
	done
}

# record_history [PARAMETER...]: records histories, and sends them to the host.
record_history() {
	count_history >/tmp/before
	load kcas_history.ko "$@" || return
	count_history >/tmp/after
	say "history: $(dmesg | sed -n 's/.*kcas_history: \(.* rounds, .*\)/\1/p' | tail -n 1)"
	say "history: $(paste -d ' ' /tmp/before /tmp/after |
		awk '{ printf "%s%s %d", (NR > 1 ? ", " : ""), $1, $4 - $2 }')"
	open_data_port && gzip -1 -c /sys/kernel/debug/kcas_history/histories >$DATA_PORT || return
	unload kcas_history.ko
}
