#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make bench: what debra and kcas cost beside their peers.
#
#   uml              User Mode Linux with two CPUs: the machine's own time
#   uml-cpu          the same with one CPU, and not the time that it is but the time for which
#                    the process had a CPU: good on a busy machine, too
#   icount           6.12 with one CPU under qemu -icount: a nanosecond of the guest is
#                    an instruction, and rows are exact
#   qemu-overcommit  Debian's stock kernel with 8 CPUs on those of the machine
#
# Writes build/bench/results.tsv, index.html with plots, and summary.txt, which it shows
# and which says which rows miss their target.
#
# Environment: TIMEOUT, FULL=1 (more runs, longer ones, every k from 1 to 8), ENVIRONMENTS (some of the four)

. "$(dirname "$0")/lib.sh"

DIR=$BUILD/bench
RESULTS=$DIR/results.tsv
MACHINE=$DIR/machine.txt
TOOLS_REPORT="python3:python3 gnuplot:gnuplot-nox"
ALL="uml uml-cpu icount qemu-overcommit"
MODULES=("${MAIN_MODULES[@]}" tools/bench/debrascale.ko tools/bench/debraset.ko
	tools/bench/debrastall.ko tools/bench/kcasscale.ko)
# What the guests need not have.
LESS=(CONFIG_DEBRA_WORKLOAD=n CONFIG_KCAS_WORKLOAD=n CONFIG_DEBRA_TORTURE=n CONFIG_KCAS_TORTURE=n
	CONFIG_KCAS_LOCKED=n CONFIG_KCAS_HISTORY=n)

# ---------------------------------------------------------------- what is run

# plan ENVIRONMENT: modules with their parameters, quick and full.
plan() {
	case $1${FULL:+-full} in
	uml) echo "debrascale update_loops=50000
debraset
kcasscale runs=5 ms=50
debrastall stall_ms=1000" ;;
	uml-full) echo "debrascale runs=7
debraset runs=7 ms=200
kcasscale runs=7 ms=100 words=1,2,3,4,5,6,7,8
debrastall runs=5 stall_ms=4000" ;;
	icount) echo "debrascale
kcasscale threads=1 only=alone,log,stack-alone,queue-alone ms=20" ;;
	icount-full) echo "debrascale
kcasscale threads=1 only=alone,log,stack-alone,queue-alone ms=50 words=1,2,3,4,5,6,7,8" ;;
	qemu-overcommit) echo "debraset ms=200
kcasscale runs=5 ms=200 threads=8
debrastall runs=1 rate=20000" ;;
	qemu-overcommit-full) echo "debraset runs=5 ms=500
kcasscale runs=7 ms=300 threads=8
debrastall rate=20000 stall_ms=4000" ;;
	esac
}

# Of kcasscale: case, subject and number of words, and how often for how many ms.
CPU_ROWS="alone:raw:1 alone:kcas_cas:1 alone:raw:2 alone:kcas:2 alone:raw:4 alone:kcas:4
	alone:raw:8 alone:kcas:8 alone:bare:2 alone:bare:8 alone:spinlocks:2 alone:spinlocks:8 alone:spinlock:2
	alone:spinlock:8 alone:ww_mutex:2 alone:ww_mutex:8 alone:tx:1 alone:tx:2 alone:tx:4 alone:tx:8
	alone:tx-read:1 alone:tx-read:2 alone:tx-read:4 alone:tx-read:8 log:tx:100 log:tx:100000
	log:tx-read:100 log:tx-read:100000 stack-alone:tx stack-alone:spinlock queue-alone:tx
	queue-alone:spinlock"
CPU_ROUNDS=${FULL:+5}
CPU_MS=${FULL:+2000}

# make_guest ENVIRONMENT TREE [VARIABLE=VALUE...]: the modules, and the guest in TMP.
make_guest() {
	local environment=$1 tree=$2 out
	shift 2
	out=$BUILD/$(basename "$tree")
	step "Building modules in ${out#"$REPO"/}"
	build_modules "$tree" "$out" "${LESS[@]}" "$@"
	rm -rf "$TMP/root"
	start_initramfs "$TMP/root" "$REPO/scripts/guest/bench-init.sh"
	add_built "$TMP/root" "$out" "${MODULES[@]}"
	plan "$environment" >"$TMP/root/plan"
	[[ $environment != uml* ]] || : >"$TMP/root/no-reboot"
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

# children_ms: sets CHILDREN_MS to the CPU time of all that this shell has waited for.
children_ms() {
	times >"$TMP/times"
	CHILDREN_MS=$(awk -F '[ms ]+' 'NR == 2 { print int(($1 * 60 + $2 + $3 * 60 + $4) * 1000) }' "$TMP/times")
}

# cpu_run LOG TREE ROW MS: sets CPU_USED to the ms of CPU time of such a guest.
cpu_run() {
	local before name subject words
	IFS=: read -r name subject words <<<"$3"
	[[ $name != log ]] || words="1 length=$words"
	echo "kcasscale runs=1 ms=$4 only=$name threads=1 subject=$subject words=${words:-1}" >"$TMP/root/plan"
	pack_initramfs "$TMP/root" "$TMP/initrd"
	children_ms
	before=$CHILDREN_MS
	uml_run "$2/linux" "$TMP/initrd" "$1" "$TIMEOUT" show_nothing "" 2>/dev/null ||
		die "the guest did not end; its console is in $1"
	children_ms
	CPU_USED=$((CHILDREN_MS - before))
}

# idle_run LOG TREE: sets CPU_IDLE to what a guest takes that does next to nothing. The least of
# three: too much would be taken from all rows.
idle_run() {
	local i
	CPU_IDLE=
	for ((i = 0; i < 3; i++)); do
		cpu_run "$1" "$2" alone:raw:1 1
		[[ -n $CPU_IDLE ]] && ((CPU_IDLE <= CPU_USED)) || CPU_IDLE=$CPU_USED
	done
}

# Operations are those of the run with CPU_MS; what is not due to them, another run has.
run_uml-cpu() {
	local tree arguments row round ns
	tree=$("$REPO/scripts/uml-kernel.sh") || exit 1
	mapfile -t arguments <"$tree/kcas-make"
	make_guest uml-cpu "$tree" "${arguments[@]}"
	VM_CPUS=1
	for ((round = 1; round <= ${CPU_ROUNDS:-3}; round++)); do
		say "    round $round of ${CPU_ROUNDS:-3}"
		idle_run "$1" "$tree"
		for row in $CPU_ROWS; do
			cpu_run "$1" "$tree" "$row" "${CPU_MS:-1000}"
			ns=$(plain_console "$1" | awk '/^kcas: row/ && $7 == "median" { print $8 }')
			[[ -n $ns ]] || die "$row gave no row; the guest's console is in $1"
			awk -v r="$row" -v ns="$ns" -v used=$((CPU_USED - CPU_IDLE)) -v ms="${CPU_MS:-1000}" \
				'BEGIN { split(r, p, ":"); name = p[1] (p[3] ? "-" p[3] : "")
					printf "%s:%s %.3f\n", name, p[2], used * ns / ms }' >>"$TMP/cpu"
		done
	done
	cpu_rows >>"$1"
}

# In the form in which a guest writes them.
cpu_rows() {
	printf 'kcas: row suite\tcase\tsubject\tcpus\tmetric\tvalue\tunit\n'
	sort -k 1,1 -k 2,2n "$TMP/cpu" | awk '
		function row(m, v) { printf "kcas: row kcas\t%s\t%s\t1\t%s\t%s\tns\n", p[1], p[2], m, v }
		function flush_rows() {
			if (!n) return
			split(name, p, ":")
			row("min", v[1]); row("median", v[int((n + 1) / 2)]); row("max", v[n])
			n = 0
		}
		$1 != name { flush_rows(); name = $1 }
		{ v[++n] = $2 }
		END { flush_rows() }'
}

show_nothing() { cat >/dev/null; }

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

# Of uml-cpu, all rows but the last guest's own.
rows_of() {
	if [[ $1 == uml-cpu ]]; then
		sed -n '/^kcas: final/,$ s/^kcas: row //p'
	else
		sed -n 's/^kcas: row //p'
	fi
}

# measure ENVIRONMENT: its rows, with the environment as their last column.
measure() {
	local log=$BUILD/bench-$1-console.log
	step "$1$(load_warning)"
	"run_$1" "$log" || die "the guest did not end; its console is in $log"
	plain_console "$log" | grep -qx 'kcas: final ok' ||
		die "the guest did not end well; its console is in $log"
	plain_console "$log" | rows_of "$1" | awk -v OFS='\t' -v e="$1" \
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
rm -f "$DIR"/*.svg
: >"$RESULTS"
describe_machine >"$MACHINE"
for environment in $ENVIRONMENTS; do
	measure "$environment"
done
python3 "$REPO/tools/bench/report.py" "$DIR" | tee "$DIR/summary.txt"
echo "Results are in ${RESULTS#"$REPO"/}; plots in ${DIR#"$REPO"/}/index.html"
