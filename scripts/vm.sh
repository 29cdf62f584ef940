#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Boots a kernel with some modules, for use by hand.
#
# Usage: vm.sh KERNEL MODULE.ko...
#   KERNEL  a bzImage, or the build directory of a kernel
# The modules are loaded in the order given and removed in the reverse order;
# the console is shown and kept in build/vm.log.
# Environment: CPUS, TIMEOUT, APPEND (more for the kernel's command line)

. "$(dirname "$0")/lib.sh"

(($#)) || { sed -n '5,11s/^# \{0,1\}//p' "$0" >&2; exit 2; }
check_paths
need_number CPUS "${CPUS:=4}" 1 64
need_number TIMEOUT "${TIMEOUT:=600}" 1 100000
VM_CPUS=$CPUS
VM_MEM=2G

kernel=$1
shift
[[ ! -d $kernel ]] || kernel=$kernel/arch/x86/boot/bzImage
[[ -f $kernel ]] || die "$kernel: no such kernel"
ensure_tools "$TOOLS_VM"

make_tmp TMP
start_initramfs "$TMP/root" "$REPO/scripts/guest/test-init.sh"
add_modules "$TMP/root" base "$@"
pack_initramfs "$TMP/root" "$TMP/initrd"
mkdir -p "$BUILD"
rc=0
vm_run "$kernel" "$TMP/initrd" "$BUILD/vm.log" "$TIMEOUT" show_everything \
	"kunit.enable=1 panic_on_warn=0 ${APPEND:-}" || rc=1
splats=$(find_splats "$BUILD/vm.log")
[[ -z $splats ]] || { say "Splats:"; say "$splats"; rc=1; }
exit $rc
