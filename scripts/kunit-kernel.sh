#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Builds the kernel in which the KUnit suites run, once, into the cache.
#
# Usage: kunit-kernel.sh source            prints the kernel source directory
#        kunit-kernel.sh build [FLAVOUR]   prints the build directory
#        kunit-kernel.sh prepare FLAVOUR   the same, only for building modules
# FLAVOUR is plain, or the name of a fragment in kunit/configs that is added to
# base.config (kasan, kcsan, rt, clang). Environment: KSRC, a kernel source tree of the user's.

. "$(dirname "$0")/lib.sh"

SOURCE_PACKAGE=linux-source-$SOURCE_KVER
SOURCE=$CACHE/src/$SOURCE_PACKAGE
CONFIGS=$REPO/kunit/configs

# ---------------------------------------------------------------- the source

# The package's archive: from where it is installed, or else downloaded into
# DOWNLOAD and unpacked there.
find_archive() {
	ARCHIVE=/usr/src/$SOURCE_PACKAGE.tar.xz
	[[ -f $ARCHIVE ]] && return
	check_distribution
	have_package_lists || apt_update
	step "Fetching the kernel source, package $SOURCE_PACKAGE (about 140 MB)"
	make_tmp DOWNLOAD
	download_source || { apt_update && download_source; } ||
		die "the package $SOURCE_PACKAGE could not be downloaded"
	ARCHIVE=$DOWNLOAD/usr/src/$SOURCE_PACKAGE.tar.xz
}

download_source() {
	apt_download "$DOWNLOAD" "$SOURCE_PACKAGE" &&
		dpkg-deb -x "$DOWNLOAD"/*.deb "$DOWNLOAD"
}

fetch_source() {
	find_archive
	unpack_source "$ARCHIVE" "$SOURCE"
}

# A tree of the user's is left alone; but the build beside it works only if no
# build was ever run inside it.
check_ksrc() {
	[[ -d $KSRC ]] || die "KSRC=$KSRC: no such directory"
	SOURCE=$(cd "$KSRC" && pwd)
	[[ -f $SOURCE/Kbuild && -f $SOURCE/tools/testing/kunit/kunit.py ]] ||
		die "KSRC=$KSRC: that is no kernel source tree"
	[[ ! -f $SOURCE/.config && ! -d $SOURCE/include/config ]] ||
		die "KSRC=$KSRC: the tree was built in; make mrproper there first, please"
}

get_source() {
	if [[ -n ${KSRC:-} ]]; then
		check_ksrc
		return
	fi
	lock_dir "$CACHE/src"
	if [[ ! -f $SOURCE/.kcas-complete ]]; then
		ensure_tools "xz:xz-utils"
		fetch_source
	fi
	unlock_dir
}

# ---------------------------------------------------------------- the configuration

fragments() {
	echo "$CONFIGS/base.config"
	[[ $FLAVOUR == plain ]] || echo "$CONFIGS/$FLAVOUR.config"
}

flavours() { (cd "$CONFIGS" && printf '%s\n' ./*.config) | sed 's|^\./||; s|\.config$||; /^base$/d' | paste -sd ' '; }

# Everything that decides what the build gives; of a user's tree also where it
# is, and what is in it, make finds out each time.
key() {
	local -a files
	mapfile -t files < <(fragments)
	{ cat "${files[@]}"; gcc --version; ld --version; source_version "$SOURCE"; echo "${KSRC:+$SOURCE}"; } |
		sha256sum | cut -c 1-12
}

kmake() { make -C "$SOURCE" O="$TREE" "${LLVM[@]}" "$@"; }

configure() {
	local -a files
	mapfile -t files < <(fragments)
	{ kmake tinyconfig && cat "${files[@]}" >>"$TREE/.config" && kmake olddefconfig; } \
		>"$TREE/configure.log" 2>&1 ||
		{ tail -n 20 "$TREE/configure.log" >&2; die "the kernel could not be configured"; }
	check_config "$TREE/.config" "${files[@]}"
}

# ---------------------------------------------------------------- the build

build() {
	ensure_tools "$TOOLS_MODULES" "$TOOLS_KERNEL"
	mkdir -p "$TREE"
	step "Building the KUnit kernel $(source_version "$SOURCE"), $FLAVOUR, in $TREE (once; some minutes)"
	[[ -f $TREE/.configured ]] || { configure && touch "$TREE/.configured"; }
	with_progress "building the kernel" "$TREE/build.log" '^ +(CC|AS|HOSTCC|LD|AR) ' \
		make -C "$SOURCE" O="$TREE" "${LLVM[@]}" -j"$JOBS" bzImage modules ||
		{ tail -n 30 "$TREE/build.log" >&2; die "the kernel does not build (log: $TREE/build.log)"; }
	touch "$TREE/.complete"
}

# For building modules only: no kernel. Its symbols are those of the plain one.
prepare() {
	local plain
	plain=$("$0" build) || exit 1
	ensure_tools "$TOOLS_MODULES" "$TOOLS_KERNEL"
	mkdir -p "$TREE"
	step "Preparing $TREE for modules, $FLAVOUR (once; a minute)"
	[[ -f $TREE/.configured ]] || { configure && touch "$TREE/.configured"; }
	with_progress "preparing" "$TREE/prepare.log" - \
		make -C "$SOURCE" O="$TREE" "${LLVM[@]}" -j"$JOBS" modules_prepare ||
		{ tail -n 30 "$TREE/prepare.log" >&2; die "modules_prepare fails (log: $TREE/prepare.log)"; }
	cp "$plain/Module.symvers" "$TREE/"
	touch "$TREE/.prepared"
}

check_flavour() {
	[[ $FLAVOUR == plain ]] && return
	[[ $FLAVOUR =~ ^[a-z0-9_]+$ && $FLAVOUR != base && -f $CONFIGS/$FLAVOUR.config ]] ||
		die "DEBUG=$FLAVOUR: there is no such configuration; there are: $(flavours)"
}

check_paths
case ${1:-} in
source)
	get_source
	echo "$SOURCE"
	;;
build | prepare)
	FLAVOUR=${2:-plain}
	check_flavour
	ensure_tools "gcc:gcc ld:binutils"
	LLVM=()
	[[ $FLAVOUR != clang ]] || { ensure_tools "$TOOLS_CLANG"; LLVM=(LLVM=1); }
	get_source
	TREE=$CACHE/kunit-$(source_version "$SOURCE")-$FLAVOUR-$(key)
	lock_dir "$TREE"
	# make knows what changed in a tree of the user's; ours does not change.
	if [[ $1 == prepare ]]; then
		[[ -f $TREE/.complete || -f $TREE/.prepared ]] || prepare
	else
		[[ -f $TREE/.complete && -z ${KSRC:-} ]] || build
	fi
	unlock_dir
	echo "$TREE"
	;;
*) die "usage: kunit-kernel.sh source | build [FLAVOUR] | prepare FLAVOUR" ;;
esac
