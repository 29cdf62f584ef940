#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make torture: debratorture, kcastorture or txtorture in a virtual machine, for SECONDS.
#
# Environment: TORTURE (debra, kcas or tx), SECONDS_TO_RUN, DEBUG (plain, kasan, kcsan) or
# KVER (a stock kernel, 6.12-rt for PREEMPT_RT), CPUS, FAULTS, SLOW, BUST, TIMEOUT

. "$(dirname "$0")/lib.sh"

failed() {
	say "The console is in $LOG"
	echo "TORTURE: FAILURE $*"
	exit 1
}

# choose_kernel: leaves what to build against and what to boot in TREE and IMAGE.
choose_kernel() {
	local kernel
	if [[ -n ${KVER:-} ]]; then
		[[ -z ${DEBUG:-} ]] || die "DEBUG= and KVER= name two different kernels"
		check_distribution
		kernel=$("$REPO/scripts/stock-kernel.sh" "$KVER") || exit 1
		NAME=${kernel##*/}
		TREE=$kernel/usr/src/linux-headers-$NAME
		IMAGE=$kernel/boot/vmlinuz-$NAME
		OUT=$BUILD/$NAME
	else
		TREE=$("$REPO/scripts/kunit-kernel.sh" build "${DEBUG:-plain}") || exit 1
		NAME=${DEBUG:-plain}
		IMAGE=$TREE/arch/x86/boot/bzImage
		OUT=$BUILD/${TREE##*/}
	fi
}

make_guest() {
	start_initramfs "$TMP/root" "$REPO/scripts/guest/torture-init.sh"
	add_built "$TMP/root" "$OUT" "${MAIN_MODULES[@]}" "tools/torture/${TORTURE}torture.ko"
	{
		echo "seconds=$SECONDS_TO_RUN"
		echo "torture=$TORTURE"
		echo "faults=$FAULTS"
		echo "slow=$SLOW"
		echo "bust=${BUST:-}"
	} >"$TMP/root/modules/settings"
	pack_initramfs "$TMP/root" "$TMP/initrd"
}

judge() {
	local splats final
	# Readers stall here on purpose.
	splats=$(STALLS_EXPECTED=1 find_splats "$LOG")
	final=$(plain_console "$LOG" | sed -nE 's/^(debra|kcas|tx)torture: End of test: //p' | tail -n 1)
	if [[ -n $splats ]]; then
		say "The kernel complained:"
		say "$(head -n 20 <<<"$splats")"
		failed "splats on the console"
	fi
	[[ -n $final ]] || failed "the test did not come to its end"
	[[ $final == SUCCESS ]] || failed "${final#FAILURE: }"
	plain_console "$LOG" | grep -qx 'kcas: final ok' || failed "the guest did not end well"
	[[ $1 == 0 ]] || failed "the guest did not stop"
	echo "TORTURE: SUCCESS"
}

need_number SECONDS "${SECONDS_TO_RUN:=60}" 1 86400
need_number CPUS "${CPUS:=4}" 2 64
need_number TIMEOUT "${TIMEOUT:=$((SECONDS_TO_RUN * 4 + 240))}" 1 1000000
FAULTS=${FAULTS:-0}
SLOW=${SLOW:-0}
case ${TORTURE:=debra} in
debra | kcas | tx) ;;
*) die "TORTURE=$TORTURE: expected debra, kcas or tx" ;;
esac
check_paths
choose_kernel
LOG=$BUILD/torture-$TORTURE-$NAME-console.log
ensure_tools "$TOOLS_MODULES" "$TOOLS_VM"
lock_command torture
BUILD_ARGS=()
if [[ -n ${BUST:-} ]]; then
	OUT=$OUT-busted
	BUILD_ARGS=(DEBRA_BUSTED=1)
fi
# Some faults are made by debug builds alone.
if [[ $FAULTS != 0 ]]; then
	OUT=$OUT-faults
	BUILD_ARGS+=(DEBRA_DEBUG=1)
fi
step "Building modules in ${OUT#"$REPO"/}"
build_modules "$TREE" "$OUT" "${BUILD_ARGS[@]}"

make_tmp TMP
make_guest
# shellcheck disable=SC2034 # for vm_run
VM_CPUS=$CPUS VM_MEM=2G
rc=0
vm_run "$IMAGE" "$TMP/initrd" "$LOG" "$TIMEOUT" show_torture "" || rc=1
judge $rc
