#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make trace: bpftrace and perf on a stock kernel under load. Each example of tools/bpftrace
# has to attach, and to show what it is for; so has perf, with the tracepoints of debra and
# kcas, and with contention, where the kernel lets modules report it.
#
# Environment: KVER, CPUS, TIMEOUT

. "$(dirname "$0")/lib.sh"

TOOLS_TRACE="bpftrace:bpftrace perf:linux-perf ldd:libc-bin"

# add_program ROOT NAME: with the libraries that it needs, in their places.
add_program() {
	local path library
	path=$(type -P "$2")
	cp -L "$path" "$1/bin/"
	for library in $(ldd "$path" | grep -o '/[^ ]*'); do
		mkdir -p "$1${library%/*}"
		cp -L "$library" "$1$library"
	done
}

make_guest() {
	local root=$TMP/root
	start_initramfs "$root" "$REPO/scripts/guest/trace-init.sh"
	add_built "$root" "$OUT" "${WORKLOADS[@]}"
	step "Packing bpftrace and perf"
	add_program "$root" bpftrace
	add_program "$root" perf
	mkdir "$root/scripts"
	cp "$REPO"/tools/bpftrace/*.bt "$root/scripts/"
	pack_initramfs "$root" "$TMP/initrd"
}

# expected NAME: extended regular expressions, each of which a line has to match. Not all
# that there can be: conflicts of single operations and starving transactions are rare here.
expected() {
	case $1 in
	debra-guards)
		cat <<-'END'
			debra_workload: guard of task [0-9]+ aborted in epoch [0-9]+$
			debra_workload: stalled for [0-9]+ ms: CPU -1, task [0-9]+; [0-9]+ objects
			^@noticed_after_us\[debra_workload\]:
			^@answered_after_us\[debra_workload\]:
		END
		;;
	debra-retire)
		cat <<-'END'
			^@retired\[debra_workload, 0\]: [0-9]+$
			^@retired\[debra_workload, stack_node_free\]: [0-9]+$
			^@from\[debra_workload, [a-z_]+\]: [0-9]+$
			^@freed_at_once\[debra_workload\]:
		END
		;;
	kcas-contention)
		cat <<-'END'
			^@words:
			^@outcome\[succeeded\]: [0-9]+$
			^@helped\[.*\]: [0-9]+$
			^@helpers\[kcas_.*\]: [0-9]+$
			^ +kcas_[a-z_]+\+[0-9]+$
		END
		;;
	kcas-tx)
		cat <<-'END'
			^@attempts\[committed, kcas_teller/[0-9]+\]: [0-9]+$
			^@attempts\[blocked, kcas_collector\]: [0-9]+$
			^@words_of_commits:
			^@failures_before_commit:
		END
		;;
	kcas-wait)
		cat <<-'END'
			^@waited_us:
			^@woken_by\[kcas_teller/[0-9]+\]: [0-9]+$
			^@after_wakeup\[commits\]: [0-9]+$
		END
		;;
	perf-lock) echo 'spinlock +(kcas|bank)_' ;;
	perf-events)
		printf '^ *[0-9]+ %s:$\n' debra:debra_{advance,retire,free} \
			kcas:kcas_{op,clean,tx,tx_wake}
		;;
	*) die "nobody has said what $1 has to show" ;;
	esac
}

# said NAME: what the guest has from it.
said() { plain_console "$LOG" | sed -n "s/^kcas: $1: //p"; }

# A key that is there twice has something behind the end of its string.
doubled() { grep -E '^@[a-z_]+(\[.*\])?: *$' "$1" | sort | uniq -d; }

# judge NAME: what it has shown.
judge() {
	local line lacks=0
	expected "$1" >"$TMP/expected"
	said "$1" >"$TMP/said"
	while IFS= read -r line; do
		grep -qE -e "$line" "$TMP/said" || { echo "      $1 has no line like: $line"; lacks=1; }
	done <"$TMP/expected"
	[[ -z $(doubled "$TMP/said") ]] || { doubled "$TMP/said"; lacks=1; }
	grep -qx 'status 0' "$TMP/said" || lacks=1
	report "$1" 0 $lacks
}

# Only some kernels let modules report contention.
reports_contention() { grep -q __tracepoint_contention_begin "$OUT/kernel/kcas/kcas.ko"; }

use_stock_kernel trace "$TOOLS_TRACE"

make_tmp TMP
make_guest
VM_MEM=2G
rc=0
vm_run "$kernel/boot/vmlinuz-$release" "$TMP/initrd" "$LOG" "$TIMEOUT" show_guest_lines "" || rc=1
report "the guest stops" 0 $rc
report "all is unloaded" ok "$(plain_console "$LOG" | sed -n 's/^kcas: final //p')"
for script in "$REPO"/tools/bpftrace/*.bt; do
	judge "$(basename "$script" .bt)"
done
judge perf-events
! reports_contention || judge perf-lock
report "splats" "" "$(STALLS_EXPECTED=1 find_splats "$LOG" | head -n 20)"
finish_reports trace
