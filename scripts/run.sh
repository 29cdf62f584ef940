#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make run: a stock kernel in a virtual machine, debra, kcas and its transactions
# in it, each with a workload. With INTERACTIVE=1 a shell beside them.
#
# Environment: KVER, CPUS, TIMEOUT, WORKLOAD_ARGS, TOKENS_ARGS, BANK_ARGS, INTERACTIVE

. "$(dirname "$0")/lib.sh"

LOG=$BUILD/run-console.log	# until the kernel is known

# failed REASON: the last line of `make run` when it did not go well.
failed() {
	say "The console is in $LOG"
	echo "RUN: FAILURE $*"
	exit 1
}

# make_guest INIT
make_guest() {
	start_initramfs "$TMP/root" "$REPO/scripts/guest/$1"
	cp "$REPO/tools/kcasstat/kcasstat" "$TMP/root/bin/"
	add_built "$TMP/root" "$OUT" "${WORKLOADS[@]}"
	printf '%s\n' "${WORKLOAD_ARGS:-}" >"$TMP/root/modules/params"
	printf '%s\n' "${TOKENS_ARGS:-}" >"$TMP/root/modules/tokens-params"
	printf '%s\n' "${BANK_ARGS:-}" >"$TMP/root/modules/bank-params"
	pack_initramfs "$TMP/root" "$TMP/initrd"
}

# The guest's terminal is this one.
describe_terminal() {
	local size
	size=$(stty size 2>/dev/null) || size="0 0"
	printf 'TERM=%q\nrows=%q\ncolumns=%q\n' "${TERM:-vt100}" "${size% *}" "${size#* }"
}

# watch_terminal PID: ends the process when the terminal goes away.
watch_terminal() {
	while [[ -t 1 ]]; do
		sleep 1
		kill -0 "$1" 2>/dev/null || return 0
	done
	kill "$1" 2>/dev/null || true
}

# QEMU takes no notice of a terminal that is gone if hang-ups are ignored, as under nohup.
run_on_terminal() {
	(
		pid=$BASHPID
		watch_terminal "$pid" &
		exec "${QEMU[@]}"
	) 8>&- 9>&-
}

look_around() {
	mkdir -p "$TMP/root/modules"
	describe_terminal >"$TMP/root/modules/terminal"
	make_guest shell-init.sh
	choose_accel "$KERNEL"
	VM_CONSOLE=terminal
	qemu_command "$ACCEL" "$KERNEL" "$TMP/initrd" "$LOG" "quiet loglevel=4"
	step "Booting $release with $CPUS CPUs ($ACCEL); exit ends it, Ctrl-A x at once"
	run_on_terminal || failed "QEMU failed"
	grep -q '^kcas: final ok' <(plain_console "$LOG") || failed "the guest did not come to its end"
	echo "RUN: SUCCESS"
}

judge() {
	local splats final screen
	# The workload has readers that stall, and debra says so.
	splats=$(STALLS_EXPECTED=1 find_splats "$LOG")
	final=$(plain_console "$LOG" | sed -n 's/^kcas: final //p' | tail -n 1)
	if [[ -n $splats ]]; then
		say "The kernel complained:"
		say "$(head -n 20 <<<"$splats")"
		failed "splats on the console"
	fi
	[[ -n $final ]] || failed "the guest did not come to its end"
	[[ $final == ok ]] || failed "${final#FAIL }"
	[[ $1 == 0 ]] || failed "the guest did not stop"
	screen=$("$REPO/tools/kcasstat/check_screen.py" "$VM_DATA" 2>&1) ||
		{ say "$screen"; failed "kcasstat does not say what it should"; }
	say "$screen"
	echo "RUN: SUCCESS"
}

case ${INTERACTIVE:-0} in
0 | 1) ;;
*) die "INTERACTIVE=$INTERACTIVE: expected 0 or 1" ;;
esac
[[ ${INTERACTIVE:-0} == 0 || -t 0 && -t 1 ]] ||
	die "INTERACTIVE=1 is for a terminal; standard input and output are none"
use_stock_kernel run "python3:python3"

make_tmp TMP
KERNEL=$kernel/boot/vmlinuz-$release
if [[ ${INTERACTIVE:-0} == 1 ]]; then
	look_around
	exit
fi
make_guest run-init.sh
VM_DATA=$TMP/screen
rc=0
vm_run "$KERNEL" "$TMP/initrd" "$LOG" "$TIMEOUT" show_guest_lines "" || rc=1
judge $rc
