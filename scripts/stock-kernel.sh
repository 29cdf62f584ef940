#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Fetches one of Debian's stock kernels with its headers, into the cache.
#
# Usage: stock-kernel.sh KVER          (6.12, 6.1: what this Debian release has;
#                                       6.12-rt: the one with PREEMPT_RT)
# Prints the directory: boot/vmlinuz-<release> and usr/src/linux-headers-<release>
# are in it. Nothing is installed: the packages of a kernel would change what
# the machine boots. They are downloaded by apt (which verifies them) and
# unpacked, so no root is needed either.

. "$(dirname "$0")/lib.sh"

KVER=${1:?usage: stock-kernel.sh KVER}
KERNELS=$CACHE/kernels
VERSION=${KVER%-rt}
SUFFIX=${KVER#"$VERSION"}	# -rt or nothing

# meta_package KIND: the package that always depends on the newest KVER. The
# release's own version has no number in its name.
meta_package() {
	local name
	for name in "linux-$1-$VERSION$SUFFIX-amd64" "linux-$1$SUFFIX-amd64"; do
		[[ -n $(concrete_package "$name" "$1") ]] && echo "$name" && return
	done
	return 0
}

concrete_package() {
	depends_on "$1" "^linux-$2-${VERSION//./\\.}[.+][^ -]*(-[0-9]+)?$SUFFIX-amd64\$" | head -n 1
}

# The release behind KVER, or nothing if apt does not know any.
resolve_release() {
	local meta image
	command -v apt-cache >/dev/null || return 0
	meta=$(meta_package image)
	[[ -n $meta ]] || return 0
	image=$(concrete_package "$meta" image)
	echo "${image#linux-image-}"
}

# The versions that apt could give, for the message.
known_versions() {
	apt-cache pkgnames linux-image- 2>/dev/null |
		sed -nE 's/^linux-image-([0-9]+\.[0-9]+)([.+][0-9][^ ]*)?-amd64$/\1/p' |
		sort -uV | tr '\n' ' '
}

# The newest kernel in the cache that is a KVER.
cached_release() {
	local dir
	for dir in "$KERNELS"/"$VERSION"[.+]*/; do
		[[ ! -f $dir/.complete ]] || basename "$dir"
	done | sed -nE "/[0-9]$SUFFIX-amd64\$/p" | sort -V | tail -n 1
}

header_packages() {
	local headers=linux-headers-$1
	echo "$headers"
	depends_on "$headers" '^linux-(headers-.*-common|kbuild-)'
}

# Only boot/ of the image: the guest needs none of its modules.
unpack_package() {
	case ${1##*/} in
	linux-image-*) dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" ./boot ;;
	*) dpkg-deb -x "$1" "$2" ;;
	esac
}

# The headers name one absolute path, that of their common part. And without
# vmlinux there is no BTF for the modules, which would need pahole and is of no
# use here.
fix_headers() {
	rm -f "$1/usr/src/linux-headers-$2/vmlinux" &&
		sed -i "s|^include /usr/src/|include $KERNELS/$2/usr/src/|" \
			"$1/usr/src/linux-headers-$2/Makefile"
}

# unpack RELEASE DIR: nothing is to be found in the cache unless it is complete.
unpack() {
	local release=$1 from=$2 dir=$KERNELS/$1.new deb
	rm -rf "$dir"
	mkdir -p "$dir" || return 1
	step "Unpacking $release"
	for deb in "$from"/*.deb; do
		unpack_package "$deb" "$dir" || return 1
	done
	fix_headers "$dir" "$release" && touch "$dir/.complete" || return 1
	rm -rf "${KERNELS:?}/$release"
	mv "$dir" "$KERNELS/$release"
}

# fetch RELEASE: called where a failure is not the end, so `set -e` is off.
fetch() {
	local release=$1 packages
	mapfile -t packages < <(header_packages "$release")
	((${#packages[@]} >= 3)) || { say "apt does not know the headers of $release"; return 1; }
	make_tmp DOWNLOAD
	apt_download "$DOWNLOAD" "linux-image-$release" "${packages[@]}" &&
		unpack "$release" "$DOWNLOAD"
}

fetch_newest() {
	step "Fetching Debian's stock kernel $release (about 110 MB)"
	fetch "$release" && return
	# Package lists that are too old name files that are gone.
	apt_update
	release=$(resolve_release)
	fetch "$release"
}

# What apt offers comes first, so that everyone tries the same kernel.
choose_release() {
	release=$(resolve_release)
	if [[ -n $release ]]; then
		[[ -f $KERNELS/$release/.complete ]] && return
		fetch_newest && return
		say "the stock kernel could not be downloaded"
	fi
	release=$(cached_release)
	[[ -n $release ]] || no_kernel
	say "taking $release from the cache"
}

no_kernel() {
	have_package_lists || die "there are no package lists; run apt-get update as root"
	die "KVER=$KVER: no such stock kernel, neither from apt (which has: $(known_versions)) nor in the cache"
}

[[ $KVER =~ ^[0-9]+\.[0-9]+(-rt)?$ ]] || die "KVER=$KVER: expected a version such as 6.12, 6.1 or 6.12-rt"
check_paths
check_distribution
lock_dir "$KERNELS"
have_package_lists || apt_update
choose_release
unlock_dir
echo "$KERNELS/$release"
