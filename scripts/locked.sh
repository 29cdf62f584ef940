#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make locked: how many locked instructions each operation of kcas executes. The
# emulator writes down all blocks of code of our modules as it runs them, and
# tools/locked/count.py counts from the call of an operation to its return.
#
# Environment: TIMEOUT

. "$(dirname "$0")/lib.sh"

LOG=$BUILD/locked-console.log
RESULTS=$BUILD/locked.txt

# What each operation must not exceed: none to read or compare, one for one word, one
# more than words that are written for several. Transactions of more than four words
# attach a log to their guard, which is one more.
LIMITS="nothing 0
read 0
cas 1
failed_cas 0
xchg 1
set 1
add 1
write_1 1
write_2 3
write_3 4
write_4 5
write_8 9
mixed_8 3
compare_1 0
compare_2 0
compare_8 0
tx_nothing 0
tx_read_1 0
tx_read_2 0
tx_read_8 1
tx_write_1 1
tx_write_2 3
tx_write_4 5
tx_write_8 10"

# Modules are far above all the rest of the kernel.
MODULES=0xffffffffa0000000..0xfffffffffeffffff

make_guest() {
	start_initramfs "$TMP/root" "$REPO/scripts/guest/locked-init.sh"
	add_built "$TMP/root" "$OUT" "${MAIN_MODULES[@]}" tools/locked/kcas_locked.ko
	pack_initramfs "$TMP/root" "$TMP/initrd"
}

# check_limit NAME LIMIT
check_limit() {
	local row name=$1 limit=$2
	read -ra row < <(grep "^$name " "$RESULTS") || { echo "FAIL  $name: not counted"; return 1; }
	printf '%-12s %s of %s locked, %s instructions' "$name" "${row[1]}" "$limit" "${row[3]}"
	if ((row[1] > limit)); then echo "  FAIL: too many"; return 1; fi
	# What runs elsewhere is not seen.
	if ((row[4])); then echo "  FAIL: calls functions of the kernel"; return 1; fi
	if ((row[5] < 50)); then echo "  FAIL: seen ${row[5]} times only"; return 1; fi
	echo
}

need_number TIMEOUT "${TIMEOUT:=600}" 1 100000
check_paths
TREE=$("$REPO/scripts/kunit-kernel.sh" build plain) || exit 1
ensure_tools "$TOOLS_MODULES" "$TOOLS_VM" "python3:python3"
lock_command locked
OUT=$BUILD/${TREE##*/}
step "Building modules in ${OUT#"$REPO"/}"
build_modules "$TREE" "$OUT"
make_tmp TMP
make_guest
VM_CPUS=1
VM_EXTRA=(-d "in_asm,exec,nochain" -dfilter "$MODULES" -D "$TMP/executed")
export KCAS_ACCEL=tcg
# Else the kernel takes the prefixes out when it finds one CPU.
vm_run "$TREE/arch/x86/boot/bzImage" "$TMP/initrd" "$LOG" "$TIMEOUT" show_guest_lines \
	"noreplace-smp" ||
	die "the guest did not end; its console is in $LOG"
plain_console "$LOG" | grep -qx 'kcas: final ok' || die "the guest did not end well; its console is in $LOG"
plain_console "$LOG" | sed -n 's/^kcas: symbol //p' >"$TMP/symbols"
python3 "$REPO/tools/locked/count.py" "$TMP/executed" "$TMP/symbols" >"$RESULTS"
rc=0
while read -r name limit; do
	check_limit "$name" "$limit" || rc=1
done <<<"$LIMITS"
((rc == 0)) || { echo "LOCKED: FAILURE"; exit 1; }
echo "LOCKED: SUCCESS"
