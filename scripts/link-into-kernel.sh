#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Links this tree into a kernel source tree, as lib/kcas, or takes it out again.
#
# Usage: link-into-kernel.sh [--undo] /path/to/linux

. "$(dirname "$0")/lib.sh"

KCONFIG_LINE='source "lib/kcas/Kconfig"'
MAKE_LINE='obj-y += kcas/'

# add_line FILE LINE: at the end, unless it is there.
add_line() {
	grep -qxF "$2" "$1" || printf '%s\n' "$2" >>"$1"
}

remove_line() {
	local rest
	rest=$(grep -vxF "$2" "$1" || true)
	[[ $rest == "$(cat "$1")" ]] || printf '%s\n' "$rest" >"$1"
}

link_it() {
	[[ ! -e $TREE/lib/kcas || -L $TREE/lib/kcas ]] ||
		die "$TREE/lib/kcas is there already, and is no link"
	ln -sfn "$REPO" "$TREE/lib/kcas"
	add_line "$TREE/lib/Kconfig" "$KCONFIG_LINE"
	add_line "$TREE/lib/Makefile" "$MAKE_LINE"
	say "$REPO is linked into $TREE as lib/kcas. To run the tests there:"
	say "  cd $TREE && ./tools/testing/kunit/kunit.py run \\"
	say "    --kunitconfig=lib/kcas/kunit/configs/kunitconfig --arch=x86_64 --qemu_args='-smp 4'"
}

unlink_it() {
	[[ ! -L $TREE/lib/kcas ]] || rm "$TREE/lib/kcas"
	remove_line "$TREE/lib/Kconfig" "$KCONFIG_LINE"
	remove_line "$TREE/lib/Makefile" "$MAKE_LINE"
	say "lib/kcas is taken out of $TREE."
}

action=link_it
if [[ ${1:-} == --undo ]]; then
	action=unlink_it
	shift
fi
[[ -n ${1:-} ]] || die "usage: link-into-kernel.sh [--undo] /path/to/linux" \
	"(make link-in-tree KSRC_TREE=/path/to/linux)"
TREE=$1
[[ -f $TREE/Kbuild && -f $TREE/lib/Kconfig && -f $TREE/lib/Makefile ]] ||
	die "$TREE: that is no kernel source tree"
TREE=$(cd "$TREE" && pwd)
$action
