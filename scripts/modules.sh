#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make modules, modules_install and clean
#
# Usage: modules.sh build|install|clean
# Environment: KDIR, DEBRA_DEBUG, DEBRA_BUSTED, INSTALL_MOD_PATH

. "$(dirname "$0")/lib.sh"

# The build directory of the running kernel, or the one that the user gave.
find_kdir() {
	local release
	if [[ -n ${KDIR:-} ]]; then
		[[ -d $KDIR ]] || die "KDIR=$KDIR: no such directory"
		KDIR=$(cd "$KDIR" && pwd)
		return
	fi
	release=$(uname -r)
	KDIR=/lib/modules/$release/build
	[[ -d $KDIR ]] && return
	say "The headers of the running kernel $release are not installed ($KDIR is missing)."
	say "On Debian they are in the package linux-headers-$release: apt-get install linux-headers-$release"
	die "no kernel to build for; or give another kernel's build directory with KDIR="
}

# A variant has objects of its own: the same ones built otherwise would be
# taken for up to date by nobody, but the .ko of the last build would be found.
variant() {
	[[ -z ${DEBRA_DEBUG:-} ]] || printf -- '-debug%s' "$DEBRA_DEBUG"
	[[ -z ${DEBRA_BUSTED:-} ]] || printf -- '-busted%s' "$DEBRA_BUSTED"
}

build() {
	local out
	find_kdir
	check_kdir "$KDIR"
	out=$BUILD/$(kdir_release "$KDIR")$(variant)
	step "Building modules for $(kdir_release "$KDIR") in ${out#"$REPO"/}"
	build_modules "$KDIR" "$out" DEBRA_DEBUG="${DEBRA_DEBUG:-}" DEBRA_BUSTED="${DEBRA_BUSTED:-}"
	OUT=$out
}

install_them() {
	local release
	build
	ensure_tools "depmod:kmod"
	release=$(kdir_release "$KDIR")
	step "Installing below ${INSTALL_MOD_PATH:-}/lib/modules/$release"
	# Nobody but Debian has the key with which its kernels sign.
	make -C "$KDIR" M="$OUT" INSTALL_MOD_PATH="${INSTALL_MOD_PATH:-}" \
		CONFIG_MODULE_SIG_ALL= modules_install >"$OUT/install.log" 2>&1 ||
		{ cat "$OUT/install.log" >&2; die "the modules could not be installed"; }
	sed -n 's/^  INSTALL  *//p' "$OUT/install.log"
	# Headers have no System.map, and without that kbuild leaves this out.
	depmod ${INSTALL_MOD_PATH:+-b "$INSTALL_MOD_PATH"} "$release"
}

check_flag() {
	[[ -z $2 || $2 == [01] ]] || die "$1=$2: expected 0 or 1"
}

check_flag DEBRA_DEBUG "${DEBRA_DEBUG:-}"
check_flag DEBRA_BUSTED "${DEBRA_BUSTED:-}"

case ${1:-} in
build)
	check_paths
	build
	list_modules "$OUT" | sed "s|^$REPO/||"
	;;
install)
	check_paths
	install_them
	;;
clean) rm -rf "$BUILD" ;;
*) die "usage: modules.sh build|install|clean" ;;
esac
