#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Builds User Mode Linux with several CPUs, once, into the cache: a kernel that is a
# process of this machine, whose threads run on its CPUs at their own speed.
#
# Usage: uml-kernel.sh          prints the build directory; the kernel is "linux" in it,
#                               arguments to make for modules are in kcas-make, one a line
#
# From 6.19 on UML has SMP. The machine's own Debian release has no such source, so it
# is taken from UML_SUITE, the newest there is, unless the cache has one. What UML does
# much slower than x86 for no good reason, tools/bench/uml-native.h and uml-late-ipi.patch
# correct; and calls are direct (-mcmodel=small), since kernel and modules are below 2 GB.
# Environment: KSRC, a kernel source tree of the user's; UML_SUITE (default: unstable)

. "$(dirname "$0")/lib.sh"

OLDEST=6.19
SUITE=${UML_SUITE:-unstable}
SOURCES=$CACHE/src
CONFIG=$REPO/tools/bench/uml.config
NATIVE=$REPO/tools/bench/uml-native.h
LATE_IPI=$REPO/tools/bench/uml-late-ipi.patch

new_enough() { printf '%s\n' "$OLDEST" "$1" | sort -C -V; }

# The newest source in the cache that is new enough, or nothing.
cached_source() {
	local dir found=
	while read -r dir; do
		[[ -f $dir/.kcas-complete ]] && new_enough "${dir##*-}" && found=$dir
	done < <(printf '%s\n' "$SOURCES"/linux-source-[0-9]* | sort -V)
	printf '%s' "$found"
}

newest_package() {
	apt-cache -c "$APT/apt.conf" pkgnames linux-source- | grep -E '^linux-source-[0-9.]+$' |
		sort -V | tail -n 1
}

apt_failed() {
	tail -n 5 "$APT/log" >&2
	die "Debian's suite $SUITE gives no kernel source; KSRC= takes a tree of $OLDEST or newer"
}

fetch_source() {
	local package
	check_distribution
	have_package_lists || apt_update
	make_tmp APT
	configure_apt "$APT" "$SUITE"
	with_progress "reading the package list of $SUITE" "$APT/log" - \
		apt-get -c "$APT/apt.conf" update || apt_failed
	package=$(newest_package) || apt_failed
	new_enough "${package##*-}" || die "the newest source in $SUITE is $package; $OLDEST is needed"
	step "Fetching the kernel source, package $package of $SUITE (about 160 MB, once)"
	with_progress "downloading $package" "$APT/log" - \
		env -C "$APT/debs" apt-get -c "$APT/apt.conf" download "$package" || apt_failed
	dpkg-deb -x "$APT"/debs/*.deb "$APT/debs"
	SOURCE=$SOURCES/$package
	unpack_source "$APT/debs/usr/src/$package.tar.xz" "$SOURCE"
}

check_ksrc() {
	SOURCE=$(cd "$KSRC" 2>/dev/null && pwd) || die "KSRC=$KSRC: no such directory"
	[[ -d $SOURCE/arch/um ]] || die "KSRC=$KSRC: that is no kernel source tree"
	new_enough "$(source_version "$SOURCE")" ||
		die "KSRC=$KSRC: UML with several CPUs needs $OLDEST; this is $(source_version "$SOURCE")"
}

apply_late_ipi() { patch -d "$SOURCE" -p1 --force --silent --no-backup-if-mismatch "$@" <"$LATE_IPI" >/dev/null; }

has_late_ipi() { apply_late_ipi --reverse --dry-run; }

# Once, and only if it fits.
add_late_ipi() { has_late_ipi || ! apply_late_ipi --forward --dry-run || apply_late_ipi --forward; }

get_source() {
	if [[ -n ${KSRC:-} ]]; then
		check_ksrc
		return
	fi
	lock_dir "$SOURCES"
	SOURCE=$(cached_source)
	if [[ -z $SOURCE ]]; then
		ensure_tools "xz:xz-utils"
		fetch_source
	fi
	add_late_ipi
	unlock_dir
}

# LATE says that interrupts are disabled without a system call. Rows are good without it, too, but
# for what disables them.
check_late() {
	LATE=
	if has_late_ipi; then LATE=1; return; fi
	say "    ${LATE_IPI#"$REPO"/} is not in $SOURCE: each disabling of interrupts is a system call"
}

# A kernel whose UML has x86's barriers of its own wants none of ours.
check_barriers() {
	! grep -q '__smp_load_acquire' "$SOURCE/arch/x86/um/asm/barrier.h" ||
		die "this source defines the barriers itself: ${NATIVE#"$REPO"/} has to be looked at"
}

key() {
	{ grep -hv "^#" "$CONFIG"; grep -h "^\s*[#a-z]" "$NATIVE"; declare -f set_kmake; gcc --version; ld --version
		[[ -z $LATE ]] || grep "^+" "$LATE_IPI"
		echo "${KSRC:+$SOURCE}"; } |
		sha256sum | cut -c 1-12
}

# set_kmake AT: how make is called, for a kernel with the number of the CPU at AT from the
# thread pointer. The header is copied, so that the tree does not depend on this checkout.
set_kmake() {
	cmp -s "$NATIVE" "$TREE/kcas-native.h" || cp "$NATIVE" "$TREE/kcas-native.h"
	FLAGS=(ARCH=um "KCPPFLAGS=-include $TREE/kcas-native.h -DKCAS_UML_CPU_AT=$1"
		KCFLAGS=-mcmodel=small)
	KMAKE=(make -C "$SOURCE" "O=$TREE" "${FLAGS[@]}")
	printf '%s\n' "${FLAGS[@]}" >"$TREE/kcas-make"
}

# Where the linker has put it: thread-local data ends at the thread pointer.
cpu_at() {
	local symbol size align
	symbol=$(nm "$TREE/linux" | sed -n 's/ [bBdD] __curr_cpu$//p')
	read -r size align < <(readelf -lW "$TREE/linux" | awk '$1 == "TLS" { print $6, $NF }')
	[[ -n $symbol && -n ${align:-} ]] || die "this UML keeps the number of the CPU elsewhere"
	echo $((16#$symbol - (size + align - 1) / align * align))
}

# allnoconfig of this architecture is for 32 bits unless told otherwise.
configure() {
	{ KCONFIG_ALLCONFIG=$CONFIG "${KMAKE[@]}" allnoconfig && "${KMAKE[@]}" olddefconfig; } \
		>"$TREE/configure.log" 2>&1 ||
		{ tail -n 20 "$TREE/configure.log" >&2; die "the kernel could not be configured"; }
	check_config "$TREE/.config" "$CONFIG"
}

compile() {
	with_progress "building the kernel" "$TREE/build.log" '^ +(CC|AS|HOSTCC|LD|AR) ' \
		"${KMAKE[@]}" -j"$JOBS" all ||
		{ tail -n 30 "$TREE/build.log" >&2; die "the kernel does not build (log: $TREE/build.log)"; }
	[[ -x $TREE/linux && -f $TREE/Module.symvers ]] || die "the build left no kernel in $TREE"
}

build() {
	local at=-8
	ensure_tools "$TOOLS_MODULES" "$TOOLS_KERNEL"
	step "Building User Mode Linux $(source_version "$SOURCE") in $TREE (once; some minutes)"
	check_barriers
	set_kmake "$at"
	[[ -f $TREE/.configured ]] || { configure && touch "$TREE/.configured"; }
	compile
	# Where it is depends on nothing that we compile with.
	if [[ $(cpu_at) != "$at" ]]; then
		at=$(cpu_at)
		set_kmake "$at"
		compile
		[[ $(cpu_at) == "$at" ]] || die "the number of the CPU does not stay where it is"
	fi
	touch "$TREE/.complete"
}

check_paths
ensure_tools "gcc:gcc ld:binutils patch:patch"
get_source
check_late
TREE=$CACHE/uml-$(source_version "$SOURCE")-$(key)
lock_dir "$TREE"
[[ -f $TREE/.complete ]] || build
unlock_dir
echo "$TREE"
