#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make bpftrace: the examples of tools/bpftrace on a stock kernel under load, each for some
# seconds. They have to attach, and to come back with something in each map of theirs.
#
# Environment: KVER, CPUS, TIMEOUT

. "$(dirname "$0")/lib.sh"

TOOLS_BPFTRACE="bpftrace:bpftrace ldd:libc-bin"

# add_program ROOT FILE: with the libraries that it needs, in their places.
add_program() {
	local file
	for file in "$2" $(ldd "$2" | grep -o '/[^ ]*'); do
		mkdir -p "$1${file%/*}"
		cp -L "$file" "$1$file"
	done
}

make_guest() {
	local ko root=$TMP/root
	start_initramfs "$root" "$REPO/scripts/guest/bpftrace-init.sh"
	for ko in kernel/debra/debra.ko kernel/kcas/kcas.ko \
		tools/workload/{debra_workload,kcas_tokens,kcas_bank}.ko; do
		add_modules "$root" base "$OUT/$ko"
	done
	step "Packing bpftrace"
	add_program "$root" "$(type -P bpftrace)"
	mkdir "$root/scripts"
	cp "$REPO"/tools/bpftrace/*.bt "$root/scripts/"
	pack_initramfs "$root" "$TMP/initrd"
}

# said NAME: what an example has said, after it was attached.
said() { plain_console "$LOG" | sed -n "s/^kcas: $1: //p"; }

# maps NAME: those that the example shows at its end.
maps() {
	grep -oE '@[a-z_]+' "$REPO/tools/bpftrace/$1.bt" | sort -u | while read -r map; do
		[[ " $HELPERS " == *" $map "* || " $SELDOM " == *" $map "* ]] || echo "$map"
	done
}

# Maps that are for the program itself, and what this load need not have.
HELPERS="@name @since @woken @aborted"
SELDOM="@held_others_back @conflicts @round_us @noticed_after_us @kept_for_hazards"

judge_example() {
	local name=$1 map absent=
	for map in $(maps "$name"); do
		said "$name" | grep -qE "^$map(:|\\[)" || absent="$absent $map"
	done
	if [[ -z $absent ]] && said "$name" | grep -q '^status 0$'; then
		echo "ok    $name"
	else
		echo "FAIL  $name${absent:+: nothing in$absent}"
		FAILED=$((FAILED + 1))
	fi
}

need_number CPUS "${CPUS:=4}" 1 64
need_number TIMEOUT "${TIMEOUT:=300}" 1 100000
: "${KVER:=$SOURCE_KVER}"
check_paths
check_distribution
kernel=$("$REPO/scripts/stock-kernel.sh" "$KVER") || exit 1
release=${kernel##*/}
ensure_tools "$TOOLS_MODULES" "$TOOLS_STOCK" "$TOOLS_VM" "$TOOLS_BPFTRACE"
lock_command bpftrace
OUT=$BUILD/$release
LOG=$BUILD/bpftrace-$release-console.log
step "Building modules for $release in ${OUT#"$REPO"/}"
build_modules "$kernel/usr/src/linux-headers-$release" "$OUT"
make_tmp TMP
make_guest
VM_CPUS=$CPUS
VM_MEM=3G
FAILED=0
vm_run "$kernel/boot/vmlinuz-$release" "$TMP/initrd" "$LOG" "$TIMEOUT" show_guest_lines "" || FAILED=1
for script in "$REPO"/tools/bpftrace/*.bt; do
	judge_example "$(basename "$script" .bt)"
done
splats=$(STALLS_EXPECTED=1 find_splats "$LOG")
[[ -z $splats ]] || { say "$splats"; FAILED=$((FAILED + 1)); }
plain_console "$LOG" | grep -q '^kcas: final ok' || FAILED=$((FAILED + 1))
((FAILED == 0)) || { echo "bpftrace: FAILURE"; exit 1; }
echo "bpftrace: SUCCESS"
