#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make history: operations of kcas on the same words, recorded in a virtual machine: are
# they linearizable?
#
# Environment: ROUNDS, HISTORY_ARGS, DEBUG (plain, kasan, kcsan), CPUS, BUST, TIMEOUT
# With BUST, kcas is broken on purpose, and the checker must notice.

. "$(dirname "$0")/lib.sh"

failed() {
	say "The console is in $LOG, the histories in $DATA.txt"
	echo "HISTORY: FAILURE $*"
	exit 1
}

make_guest() {
	start_initramfs "$TMP/root" "$REPO/scripts/guest/history-init.sh"
	add_built "$TMP/root" "$OUT" "${MAIN_MODULES[@]}" tools/history/kcas_history.ko
	{
		echo "bust=${BUST:-}"
		echo "parameters='rounds=$ROUNDS ${HISTORY_ARGS:-}'"
	} >"$TMP/root/modules/settings"
	pack_initramfs "$TMP/root" "$TMP/initrd"
}

judge() {
	local splats rc=0 expected=$((${BUST:-0} != 0))
	splats=$(find_splats "$LOG")
	if [[ -n $splats ]]; then
		say "The kernel complained:"
		say "$(head -n 20 <<<"$splats")"
		failed "splats on the console"
	fi
	plain_console "$LOG" | grep -qx 'kcas: final ok' || failed "the guest did not end well"
	check_history "$DATA" || rc=$?
	((rc < 2)) || failed "there is nothing to check"
	((rc >= expected)) || failed "kcas is broken, and the checker did not notice"
	((rc == expected)) || failed "not linearizable"
	echo "HISTORY: SUCCESS"
}

need_number ROUNDS "${ROUNDS:=5000}" 1 999999
need_number BUST "${BUST:-0}" 0 99
need_number CPUS "${CPUS:=4}" 1 16
need_number TIMEOUT "${TIMEOUT:=$((ROUNDS / 10 + 240))}" 1 999999
[[ ${HISTORY_ARGS:-} != *[\'\"]* ]] || die "HISTORY_ARGS=$HISTORY_ARGS: no quotes, please"
check_paths
TREE=$("$REPO/scripts/kunit-kernel.sh" build "${DEBUG:-plain}") || exit 1
LOG=$BUILD/history-${DEBUG:-plain}-console.log
DATA=$BUILD/history-${DEBUG:-plain}
OUT=$BUILD/${TREE##*/}-debug1
BUILD_ARGS=(DEBRA_DEBUG=1)
if ((${BUST:-0})); then
	OUT=$BUILD/${TREE##*/}-busted
	BUILD_ARGS=(DEBRA_BUSTED=1)
fi
ensure_tools "$TOOLS_MODULES" "$TOOLS_VM" "python3:python3"
lock_command history
step "Building modules in ${OUT#"$REPO"/}"
build_modules "$TREE" "$OUT" "${BUILD_ARGS[@]}"

make_tmp TMP
make_guest
# shellcheck disable=SC2034 # for vm_run
VM_CPUS=$CPUS VM_MEM=2G VM_DATA=$DATA
vm_run "$TREE/arch/x86/boot/bzImage" "$TMP/initrd" "$LOG" "$TIMEOUT" show_guest_lines "" || true
judge
