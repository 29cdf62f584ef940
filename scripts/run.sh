#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make run: a stock kernel in a virtual machine, debra, kcas and its transactions
# in it, each with a workload.
#
# Environment: KVER, CPUS, TIMEOUT, WORKLOAD_ARGS, TOKENS_ARGS, BANK_ARGS

. "$(dirname "$0")/lib.sh"

LOG=$BUILD/run-console.log	# until the kernel is known

# failed REASON: the last line of `make run` when it did not go well.
failed() {
	say "The console is in $LOG"
	echo "RUN: FAILURE $*"
	exit 1
}

make_guest() {
	local ko
	start_initramfs "$TMP/root" "$REPO/scripts/guest/run-init.sh"
	for ko in kernel/debra/debra.ko kernel/kcas/kcas.ko \
		tools/workload/{debra_workload,kcas_tokens,kcas_bank}.ko; do
		[[ -f $OUT/$ko ]] || die "$ko was not built (see $OUT/build.log)"
		add_modules "$TMP/root" base "$OUT/$ko"
	done
	printf '%s\n' "${WORKLOAD_ARGS:-}" >"$TMP/root/modules/params"
	printf '%s\n' "${TOKENS_ARGS:-}" >"$TMP/root/modules/tokens-params"
	printf '%s\n' "${BANK_ARGS:-}" >"$TMP/root/modules/bank-params"
	pack_initramfs "$TMP/root" "$TMP/initrd"
}

judge() {
	local splats final
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
	echo "RUN: SUCCESS"
}

need_number CPUS "${CPUS:=4}" 1 64
need_number TIMEOUT "${TIMEOUT:=300}" 1 100000
: "${KVER:=$SOURCE_KVER}"
check_paths
check_distribution
kernel=$("$REPO/scripts/stock-kernel.sh" "$KVER") || exit 1
release=${kernel##*/}
ensure_tools "$TOOLS_MODULES" "$TOOLS_STOCK" "$TOOLS_VM"
lock_command run
OUT=$BUILD/$release
LOG=$BUILD/run-$release-console.log
step "Building modules for $release in ${OUT#"$REPO"/}"
build_modules "$kernel/usr/src/linux-headers-$release" "$OUT"

make_tmp TMP
make_guest
VM_CPUS=$CPUS
rc=0
vm_run "$kernel/boot/vmlinuz-$release" "$TMP/initrd" "$LOG" "$TIMEOUT" show_guest_lines "" || rc=1
judge $rc
