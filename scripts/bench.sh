#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make bench: what debra and kcas cost beside their peers.
#
#   uml              User Mode Linux with two CPUs: the machine's own time
#   icount           6.12 with one CPU under qemu -icount: a nanosecond of the guest is
#                    an instruction, and rows are exact
#   qemu-overcommit  Debian's stock kernel with 8 CPUs on those of the machine
#
# Writes build/bench/results.tsv, index.html with plots, and summary.txt, which it shows
# and which says which rows miss their target.
#
# Environment: TIMEOUT, FULL=1 (longer, more cases), ENVIRONMENTS (some of the three)

. "$(dirname "$0")/lib.sh"

DIR=$BUILD/bench
RESULTS=$DIR/results.tsv
MACHINE=$DIR/machine.txt
TOOLS_REPORT="python3:python3 gnuplot:gnuplot-nox"
ALL="uml icount qemu-overcommit"
MODULES=(kernel/debra/debra.ko kernel/kcas/kcas.ko tools/bench/debrascale.ko tools/bench/debrastall.ko
	tools/bench/kcasscale.ko)
# What the guests need not have.
LESS=(CONFIG_DEBRA_WORKLOAD=n CONFIG_KCAS_WORKLOAD=n CONFIG_DEBRA_TORTURE=n CONFIG_KCAS_TORTURE=n
	CONFIG_KCAS_LOCKED=n CONFIG_KCAS_HISTORY=n)

# ---------------------------------------------------------------- what is run

# plan ENVIRONMENT: modules with their parameters, quick and full.
plan() {
	case $1${FULL:+-full} in
	uml) echo "debrascale update_loops=50000
kcasscale runs=5 ms=50
debrastall stall_ms=1000" ;;
	uml-full) echo "debrascale runs=9
kcasscale runs=9 ms=200 words=1,2,3,4,5,6,7,8
debrastall runs=5 stall_ms=4000" ;;
	icount) echo "debrascale
kcasscale threads=1 only=alone ms=20" ;;
	icount-full) echo "debrascale
kcasscale threads=1 only=alone ms=50 words=1,2,3,4,5,6,7,8" ;;
	qemu-overcommit) echo "kcasscale runs=5 ms=200 threads=8
debrastall runs=1 rate=20000" ;;
	qemu-overcommit-full) echo "kcasscale runs=9 ms=1000 threads=8
debrastall rate=20000 stall_ms=4000" ;;
	esac
}

# make_guest ENVIRONMENT TREE [VARIABLE=VALUE...]: the modules, and the guest in TMP.
make_guest() {
	local environment=$1 tree=$2 ko out
	shift 2
	out=$BUILD/$(basename "$tree")
	step "Building modules in ${out#"$REPO"/}"
	build_modules "$tree" "$out" "${LESS[@]}" "$@"
	rm -rf "$TMP/root"
	start_initramfs "$TMP/root" "$REPO/scripts/guest/bench-init.sh"
	for ko in "${MODULES[@]}"; do
		[[ -f $out/$ko ]] || die "$ko was not built (see $out/build.log)"
		add_modules "$TMP/root" base "$out/$ko"
	done
	plan "$environment" >"$TMP/root/plan"
	[[ $environment != uml ]] || : >"$TMP/root/no-reboot"
	pack_initramfs "$TMP/root" "$TMP/initrd"
}

show_bench() { show_guest_lines | stdbuf -oL grep -v '^    row '; }

# ---------------------------------------------------------------- the environments

run_uml() {
	local tree arguments
	tree=$("$REPO/scripts/uml-kernel.sh") || exit 1
	mapfile -t arguments <"$tree/kcas-make"
	make_guest uml "$tree" "${arguments[@]}"
	VM_CPUS=2
	uml_run "$tree/linux" "$TMP/initrd" "$1" "$TIMEOUT" show_bench ""
}

run_icount() {
	local tree
	tree=$("$REPO/scripts/kunit-kernel.sh" build plain) || exit 1
	make_guest icount "$tree"
	VM_CPUS=1
	KCAS_ACCEL=icount vm_run "$tree/arch/x86/boot/bzImage" "$TMP/initrd" "$1" "$TIMEOUT" show_bench ""
}

run_qemu-overcommit() {
	local kernel release
	kernel=$("$REPO/scripts/stock-kernel.sh" "$SOURCE_KVER") || exit 1
	release=${kernel##*/}
	ensure_tools "$TOOLS_STOCK"
	make_guest qemu-overcommit "$kernel/usr/src/linux-headers-$release"
	VM_CPUS=8
	vm_run "$kernel/boot/vmlinuz-$release" "$TMP/initrd" "$1" "$TIMEOUT" show_bench ""
}

# measure ENVIRONMENT: its rows, with the environment as their last column.
measure() {
	local log=$BUILD/bench-$1-console.log
	step "$1$(load_warning)"
	"run_$1" "$log" || die "the guest did not end; its console is in $log"
	plain_console "$log" | grep -qx 'kcas: final ok' ||
		die "the guest did not end well; its console is in $log"
	plain_console "$log" | sed -n 's/^kcas: row //p' | awk -v OFS='\t' -v e="$1" \
		'NR > 1 { print $0, e } NR == 1 && head { print $0, "environment" }' \
		head="$([[ -s $RESULTS ]] || echo 1)" >>"$RESULTS"
	echo "$1: $(plain_console "$log" | sed -n 's/^kcas: system //p')$(load_warning)" >>"$MACHINE"
}

# Others at work on the machine spoil times, though not counts.
load_warning() {
	awk -v cpus="$JOBS" '$1 > cpus / 2 { printf " (load of the machine before: %s)", $1 }' /proc/loadavg
}

describe_machine() {
	echo "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $JOBS CPUs," \
		"$([[ -c /dev/kvm ]] && echo "with /dev/kvm" || echo "no hardware virtualization")"
	echo "host: Linux $(uname -r); $(gcc --version | head -n 1);" \
		"$(qemu-system-x86_64 --version | head -n 1)"
	echo "kcas: $(git -C "$REPO" describe --always --dirty 2>/dev/null || echo "not from git")"
}

check_environments() {
	local environment
	for environment in $ENVIRONMENTS; do
		[[ " $ALL " == *" $environment "* ]] || die "ENVIRONMENTS=$environment: there are $ALL"
	done
}

need_number TIMEOUT "${TIMEOUT:=3600}" 1 100000
[[ ${FULL:-} != 0 ]] || FULL=
: "${ENVIRONMENTS:=$ALL}"
check_environments
check_paths
lock_command bench
ensure_tools "$TOOLS_MODULES" "$TOOLS_VM" "$TOOLS_REPORT"
make_tmp TMP
mkdir -p "$DIR"
: >"$RESULTS"
describe_machine >"$MACHINE"
for environment in $ENVIRONMENTS; do
	measure "$environment"
done
python3 "$REPO/tools/bench/report.py" "$DIR" | tee "$DIR/summary.txt"
echo "Results are in ${RESULTS#"$REPO"/}; plots in ${DIR#"$REPO"/}/index.html"
