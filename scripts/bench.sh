#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make bench: what debra and kcas cost beside their peers, in exact instruction counts.
#
# One CPU under qemu -icount, where a nanosecond of the guest is an instruction.
# Writes build/bench/results.tsv and says which rows miss their target.
#
# Environment: TIMEOUT

. "$(dirname "$0")/lib.sh"

LOG=$BUILD/bench-console.log
RESULTS=$BUILD/bench/results.tsv

make_guest() {
	local ko
	start_initramfs "$TMP/root" "$REPO/scripts/guest/bench-init.sh"
	for ko in kernel/debra/debra.ko kernel/kcas/kcas.ko tools/bench/debrascale.ko \
		tools/bench/kcasscale.ko; do
		[[ -f $OUT/$ko ]] || die "$ko was not built (see $OUT/build.log)"
		add_modules "$TMP/root" base "$OUT/$ko"
	done
	pack_initramfs "$TMP/root" "$TMP/initrd"
}

# The rows of the console, with the environment as their last column.
write_results() {
	mkdir -p "${RESULTS%/*}"
	plain_console "$LOG" | sed -n 's/^kcas: row //p' |
		awk -v OFS='\t' '{ print $0, NR == 1 ? "environment" : "icount" }' >"$RESULTS"
	[[ $(wc -l <"$RESULTS") -gt 1 ]] || die "the guest left no results; its console is in $LOG"
}

# value CASE SUBJECT: the median.
value() {
	awk -F '\t' -v c="$1" -v s="$2" '$2 == c && $3 == s && $5 ~ /median|per-cpu/ { print $6 }' "$RESULTS"
}

# target TEXT VALUE LIMIT
target() {
	if awk -v v="$2" -v l="$3" 'BEGIN { exit !(v != "" && l != "" && v <= l) }'; then
		printf 'holds   %-48s %10s <= %s\n' "$1" "$2" "$3"
	else
		printf 'MISSED  %-48s %10s >  %s\n' "$1" "$2" "$3"
	fi
}

# minus CASE SUBJECT CASE SUBJECT: how much more the first takes.
minus() { awk -v a="$(value "$1" "$2")" -v b="$(value "$3" "$4")" 'BEGIN { print a - b }'; }
half() { awk -v v="$1" 'BEGIN { print v / 2 }'; }

need_number TIMEOUT "${TIMEOUT:=900}" 1 100000
check_paths
lock_command bench
TREE=$("$REPO/scripts/kunit-kernel.sh" build plain) || exit 1
ensure_tools "$TOOLS_MODULES" "$TOOLS_VM"
OUT=$BUILD/${TREE##*/}
step "Building modules in ${OUT#"$REPO"/}"
build_modules "$TREE" "$OUT"
make_tmp TMP
make_guest
VM_CPUS=1
export KCAS_ACCEL=icount
vm_run "$TREE/arch/x86/boot/bzImage" "$TMP/initrd" "$LOG" "$TIMEOUT" show_guest_lines "" ||
	die "the guest did not end; its console is in $LOG"
write_results
echo "Results are in ${RESULTS#"$REPO"/}; instructions, median:"
awk -F '\t' '$5 ~ /median|per-cpu|at-end/ { printf "  %-8s %-16s %10s %s\n", $2, $3, $6, $7 }' "$RESULTS"
target "debra_pin + debra_unpin, beside RCU" "$(value reader debra)" "$(value reader rcu)"
target "a hop of a guard, over rcu_dereference" "$(minus hop guard hop rcu)" 4.1
target "kmalloc + debra_kfree, beside half of kfree_rcu" \
	"$(value update debra_kfree)" "$(half "$(value update kfree_rcu)")"
target "bytes per CPU of an idle domain" "$(value memory idle-domain)" 65536
