# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here is for the other scripts
#
# What the scripts share: messages, checks of input, tools from the package
# archive, the cache, progress lines, module builds, initramfs, VM, splats.
# Messages go to stderr, so that a script's stdout can be its result.

set -euo pipefail

# apt and the kernel's tools must speak the language that we parse.
export LC_ALL=C.UTF-8
# kunit.py must not leave anything in a source tree of the user's.
export PYTHONDONTWRITEBYTECODE=1

# What the user said to make is for us: passed on through the environment or
# MAKEFLAGS it would change the kernel's own makefiles (DEBUG does).
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL KBUILD_OUTPUT O M ARCH CROSS_COMPILE
export -n DEBUG KVER CPUS KSRC KDIR TIMEOUT WORKLOAD_ARGS 2>/dev/null || true

# Some tools are where only root looks.
PATH=$PATH:/usr/sbin:/sbin

REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${KCAS_CACHE:-${HOME:-/root}/.cache/kcas}
BUILD=$REPO/build
JOBS=$(nproc)
SOURCE_KVER=6.12
CLEANUP=()

# ---------------------------------------------------------------- messages

say() { printf '%s\n' "$*" >&2; }
step() { printf '==> %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# A barrier's tag, as an extended regular expression.
TAGS='[DK]MM\([a-z_]+:[A-Z]\)'

# ---------------------------------------------------------------- cleaning up

# Every exit, by whatever signal, ends the processes that we started and
# removes our temporary directories.
on_exit() { CLEANUP+=("$*"); }

run_cleanup() {
	local i
	for ((i = ${#CLEANUP[@]} - 1; i >= 0; i--)); do
		eval "${CLEANUP[i]}" || true
	done
	CLEANUP=()
}
# Nothing ends a script without a word.
set -E
trap 'say "error: ${BASH_SOURCE[0]##*/}:$LINENO: \"$BASH_COMMAND\" failed"' ERR

set_traps() {
	trap run_cleanup EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	trap 'exit 129' HUP
}
set_traps

# in_subshell COMMAND...: for ( ), which forgets the traps but not what there
# is to clean up, that is, what its parent still needs.
in_subshell() {
	CLEANUP=()
	set_traps
	"$@"
}

# make_tmp VAR: a temporary directory that goes away with the script.
make_tmp() {
	local made
	made=$(mktemp -d "${TMPDIR:-/tmp}/kcas.XXXXXX")
	on_exit "rm -rf '$made'"
	printf -v "$1" '%s' "$made"
}

# ---------------------------------------------------------------- input

# need_number NAME VALUE MIN MAX
need_number() {
	if [[ ! $2 =~ ^[0-9]{1,6}$ ]] || ((10#$2 < $3 || 10#$2 > $4)); then
		die "$1=$2: expected a number from $3 to $4"
	fi
}

# Kbuild cannot work below such a directory; say so before it fails oddly.
check_paths() {
	case "$REPO$CACHE" in
	*[[:space:]:]*)
		die "the kernel's build system allows no blank or colon in a path:" \
			"checkout $REPO, cache $CACHE (KCAS_CACHE= moves the cache)" ;;
	esac
	[[ $CACHE == /* ]] || die "KCAS_CACHE=$CACHE: give an absolute path"
	mkdir -p "$CACHE" || die "cannot create the cache directory $CACHE (KCAS_CACHE= moves it)"
	[[ -w $CACHE ]] || die "cannot write to the cache directory $CACHE (KCAS_CACHE= moves it)"
}

# The names of packages and of kernels are Debian's.
check_distribution() {
	local id="an unknown system"
	[[ ! -r /etc/os-release ]] || id=$(. /etc/os-release && echo "${PRETTY_NAME:-${ID:-$id}}")
	[[ -n $(command -v apt-get) && -n $(command -v dpkg-deb) ]] ||
		die "this needs Debian's packages (apt-get, dpkg-deb); here is $id"
	[[ $(dpkg --print-architecture) == amd64 ]] ||
		die "this needs an amd64 machine; here is $(dpkg --print-architecture)"
}

# ---------------------------------------------------------------- tools

# A tool is a command, or a file for what is not a command, and the package
# of Debian that has it.
TOOLS_MODULES="make:make gcc:gcc /usr/include/stdlib.h:libc6-dev ld:binutils xz:xz-utils"
# The tools that come with the stock headers are linked with this one.
TOOLS_STOCK="/usr/lib/x86_64-linux-gnu/libelf.so.1:libelf1"
TOOLS_VM="qemu-system-x86_64:qemu-system-x86 cpio:cpio gzip:gzip /bin/busybox:busybox-static"
TOOLS_KERNEL="bc:bc bison:bison flex:flex /usr/include/gelf.h:libelf-dev xz:xz-utils"
TOOLS_CLANG="clang:clang ld.lld:lld llvm-nm:llvm"
TOOLS_CHECK="sparse:sparse shellcheck:shellcheck perl:perl mandoc:mandoc"
TOOLS_MODELS="spin:spin gcc:gcc /usr/include/stdlib.h:libc6-dev"

have_tool() {
	case $1 in
	/bin/busybox) busybox_is_static ;;
	# python3-minimal has the command, but not what kunit.py imports.
	python3) python3 -c 'import argparse, dataclasses, json, shlex' 2>/dev/null ;;
	/*) [[ -e $1 ]] ;;
	# A function of that name is no tool.
	*) type -P "$1" >/dev/null ;;
	esac
}

# The guest has no libraries: a busybox that wants some is no use there.
busybox_is_static() {
	[[ -x /bin/busybox ]] && ! ldd /bin/busybox 2>&1 | grep -q '=>'
}

can_install() { [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; }

have_package_lists() { compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null; }

# apt_update: only root can; quiet, and a failure shows itself later as a
# package that cannot be found.
apt_update() {
	can_install || return 0
	step "Reading the package lists (apt-get update)"
	make_tmp APT_TMP
	with_progress "apt-get update" "$APT_TMP/log" - apt-get update ||
		say "apt-get update failed; going on with what there is"
}

apt_install() {
	DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" </dev/null
}

# ensure_tools "TOOL:PACKAGE ..."...: installs what is missing, and only that.
ensure_tools() {
	local entry entries packages=() missing=()
	read -ra entries <<<"$*"
	for entry in "${entries[@]}"; do
		have_tool "${entry%%:*}" && continue
		missing+=("${entry%%:*}")
		packages+=("${entry#*:}")
	done
	((${#packages[@]})) || return 0
	if ! can_install; then
		say "Missing: ${missing[*]}"
		die "not root, or no apt-get here; have these Debian packages installed: ${packages[*]}"
	fi
	install_packages "${packages[@]}"
	for entry in "${missing[@]}"; do
		have_tool "$entry" || die "$entry is still missing after installing ${packages[*]}"
	done
}

install_packages() {
	local log
	step "Installing with apt-get: $*"
	make_tmp log
	have_package_lists || apt_update
	with_progress "installing" "$log/apt.log" - \
		env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" && return 0
	# Lists that are too old name package files that are gone.
	apt_update
	with_progress "installing" "$log/apt.log" - \
		env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" ||
		{ tail -n 20 "$log/apt.log" >&2; die "apt-get could not install: $*"; }
}

# ---------------------------------------------------------------- progress

# What a script has started beside itself: process -> what it is.
declare -A RUNNING=()

# finish_job: waits for the first of RUNNING to end, and calls the script's own judge WHAT
# STATUS, or whom JUDGE names.
finish_job() {
	local pid="" status=0
	wait -n -p pid "${!RUNNING[@]}" || status=$?
	"${JUDGE:-judge}" "${RUNNING[$pid]}" "$status"
	unset "RUNNING[$pid]"
}

finish_jobs() {
	while ((${#RUNNING[@]})); do
		finish_job
	done
}

# with_progress LABEL LOG PATTERN COMMAND...: runs the command with its output
# in LOG and says every few seconds that it is alive; with a PATTERN other than
# "-" also how many lines of the log match. A session of its own, so that an
# interrupted script can end the command with all its children.
with_progress() {
	local label=$1 log=$2 pattern=$3 pid start=$SECONDS next=8 rc=0
	shift 3
	setsid "$@" >"$log" 2>&1 </dev/null &
	pid=$!
	on_exit "kill_session $pid"
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.2
		((SECONDS - start < next)) && continue
		next=$((SECONDS - start + 8))
		say "    ... $label: $((SECONDS - start)) s$(progress_count "$log" "$pattern")"
	done
	wait "$pid" || rc=$?
	unset 'CLEANUP[-1]'
	return $rc
}

progress_count() {
	[[ $2 == - ]] || printf ', %d objects' "$(grep -cE "$2" "$1")" || true
}

kill_session() {
	kill -TERM -- "-$1" 2>/dev/null || kill -TERM "$1" 2>/dev/null || return 0
	sleep 0.5
	kill -KILL -- "-$1" 2>/dev/null || true
}

# ---------------------------------------------------------------- locks

# wait_for_lock FD FILE
wait_for_lock() {
	flock -n "$1" && return
	say "Another run is busy (it holds $2); waiting for it ..."
	until flock -w 8 "$1"; do
		say "    ... still waiting for the other run"
	done
}

# lock_command NAME: one make run, test or check of a checkout at a time, for
# they leave logs there. QEMU must not inherit the lock, see vm_run.
lock_command() {
	mkdir -p "$BUILD"
	exec 8>"$BUILD/.$1.lock"
	wait_for_lock 8 "$BUILD/.$1.lock"
}

# use_stock_kernel COMMAND TOOLS...: what a command needs that boots the stock kernel KVER with our
# modules. Sets kernel, release, OUT and LOG.
use_stock_kernel() {
	local command=$1
	shift
	need_number CPUS "${CPUS:=4}" 1 64
	need_number TIMEOUT "${TIMEOUT:=400}" 1 100000
	: "${KVER:=$SOURCE_KVER}"
	check_paths
	check_distribution
	kernel=$("$REPO/scripts/stock-kernel.sh" "$KVER") || exit 1
	release=${kernel##*/}
	ensure_tools "$TOOLS_MODULES" "$TOOLS_STOCK" "$TOOLS_VM" "$@"
	lock_command "$command"
	OUT=$BUILD/$release
	LOG=$BUILD/$command-$release-console.log
	step "Building modules for $release in ${OUT#"$REPO"/}"
	build_modules "$kernel/usr/src/linux-headers-$release" "$OUT"
	# shellcheck disable=SC2034 # for vm_run and qemu_command
	VM_CPUS=$CPUS
}

# lock_dir DIR: one at a time below DIR, until the script ends or unlock_dir. A
# compiler that outlives a killed script still has the lock, which is right.
lock_dir() {
	mkdir -p "$1"
	exec 9>"$1/.lock"
	wait_for_lock 9 "$1/.lock"
}

unlock_dir() { exec 9>&-; }

# ---------------------------------------------------------------- packages

# apt_download DIR PACKAGE...: the .deb files, verified by apt, into DIR; works
# without root once package lists exist.
apt_download() {
	local dir=$1
	shift
	with_progress "downloading $*" "$dir/download.log" - \
		env -C "$dir" apt-get -o APT::Sandbox::User=root download "$@" ||
		{ tail -n 5 "$dir/download.log" >&2; return 1; }
}

# depends_on PACKAGE PATTERN: the packages on which PACKAGE depends, by pattern.
depends_on() {
	apt-cache depends "$1" 2>/dev/null | sed -n 's/^[ |]*Depends: //p' | grep -E "$2" || true
}

# configure_apt DIR SUITE: an apt of its own in DIR, for another suite of Debian: nothing
# of the machine's changes (use it as apt-get -c DIR/apt.conf, with DIR/debs to download to).
# The suite may be past the date to which its index is valid; signatures are verified all
# the same. The machine's hooks are left out since they work on its own cache.
configure_apt() {
	local uri keyring
	uri=$(archive_address)
	[[ -n $uri ]] || die "apt's configuration names no archive of Debian's"
	keyring=$(archive_keyring)
	[[ -n $keyring ]] || die "the package debian-archive-keyring is not installed"
	mkdir -p "$1"/{debs,parts,lists/partial,cache/archives/partial}
	echo "deb [signed-by=$keyring check-valid-until=no] $uri $2 main" >"$1/sources.list"
	cat >"$1/apt.conf" <<-END
		#clear APT::Update::Pre-Invoke;
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
		APT::Update::Error-Mode "any";
		APT::Sandbox::User "root";
		Acquire::Languages "none";
		Dir::Etc::sourcelist "$1/sources.list";
		Dir::Etc::sourceparts "$1/parts";
		Dir::State::lists "$1/lists";
		Dir::Cache "$1/cache";
	END
}

# From where the machine has its own packages.
archive_address() {
	# shellcheck disable=SC2016 # the names in $() are apt's
	apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' |
		sed -n 's/^Debian|Debian|//p' | sort -u | sed -n 1p
}

archive_keyring() {
	local file
	for file in /usr/share/keyrings/debian-archive-keyring.{pgp,gpg}; do
		[[ ! -f $file ]] || { echo "$file"; return; }
	done
}

# ---------------------------------------------------------------- kernels that are built

# unpack_source ARCHIVE DIR: nothing is in DIR unless it is complete.
unpack_source() {
	step "Unpacking the kernel source"
	rm -rf "$2" "$2.new"
	mkdir -p "$2.new"
	with_progress "unpacking" "$2.new/.log" - \
		tar -xJf "$1" -C "$2.new" --strip-components=1 ||
		{ cat "$2.new/.log" >&2; die "$1 cannot be unpacked"; }
	touch "$2.new/.kcas-complete"
	mv "$2.new" "$2"
}

source_version() {
	sed -nE 's/^(VERSION|PATCHLEVEL|SUBLEVEL) = //p' "$1/Makefile" | paste -sd .
}

# check_config CONFIG FRAGMENT...: Kconfig drops without a word what has unmet
# dependencies; such a kernel would be another than we say. A later fragment may
# change an earlier one.
check_config() {
	local wrong config=$1
	shift
	wrong=$(sed -n 's/^\(CONFIG_[A-Z0-9_]*\)=\(.*\)/\1 \2/p' "$@" | awk -v config="$config" '
		BEGIN { while ((getline line < config) > 0)
			if (line ~ /^CONFIG_/) {
				i = index(line, "=")
				got[substr(line, 1, i - 1)] = substr(line, i + 1)
			} }
		{ want[$1] = substr($0, length($1) + 2) }
		END { for (name in want) {
			has = name in got ? got[name] : "n"
			if (has != want[name])
				print "  " name ": wanted " want[name] ", got " has
		} }' | sort)
	[[ -z $wrong ]] || { say "$wrong"; die "this kernel does not have these options as wanted"; }
}

# ---------------------------------------------------------------- modules

# Objects are written beside their sources by every kernel's build system,
# so each kernel gets a tree of symbolic links of its own.
mirror_sources() {
	local out=$1 file
	mkdir -p "$out"
	# Links to what was deleted or renamed would be built for ever.
	find "$out" -xtype l -delete
	while read -r file; do
		mkdir -p "$out/${file%"${file##*/}"}"
		ln -sfn "$REPO/$file" "$out/$file"
	done < <(source_files '*.[chS]' 'Makefile*' 'Kbuild*' 'Kconfig*')
}

# source_files PATTERN...: our files of such names, from the top of the tree.
# A part that is not there is none of our business here.
source_files() {
	local pattern
	cd "$REPO" || return
	for pattern in "$@"; do
		find Makefile Kconfig kernel kunit tools -name "$pattern" -type f 2>/dev/null || true
	done | sort
}

# check_kdir KDIR: is it something to build modules against?
check_kdir() {
	local kdir=$1
	[[ -d $kdir ]] || die "KDIR=$kdir: no such directory"
	[[ -f $kdir/Makefile ]] || die "KDIR=$kdir: no kernel build directory (it has no Makefile)"
	[[ -f $kdir/include/config/auto.conf && -n $(kdir_release "$kdir") ]] ||
		die "KDIR=$kdir: that kernel is not configured for module builds (make modules_prepare there)"
	[[ -f $kdir/Module.symvers ]] ||
		say "warning: $kdir has no Module.symvers: symbols cannot be checked"
}

# Not include/config/kernel.release: in Debian's headers of 6.1 it is something
# else than what uname says.
kdir_release() {
	sed -n 's/^#define UTS_RELEASE "\(.*\)"/\1/p' "$1/include/generated/utsrelease.h" 2>/dev/null
}

# build_modules KDIR OUT [VARIABLE=VALUE...]: builds all our modules in OUT, with the
# kernel's compiler.
build_modules() {
	local kdir=$1 out=$2
	shift 2
	! grep -qsx 'CONFIG_CC_IS_CLANG=y' "$kdir/.config" || { ensure_tools "$TOOLS_CLANG"; set -- LLVM=1 "$@"; }
	ensure_compiler "$kdir"
	lock_dir "$out"
	same_kernel "$kdir" "$out"
	mirror_sources "$out"
	with_progress "building modules" "$out/build.log" '^ +(CC|LD) ' \
		make -C "$kdir" M="$out" -j"$JOBS" "$@" modules ||
		{ grep -vE '^ +(CC|LD|MODPOST)|^make' "$out/build.log" | tail -n 40 >&2
		  die "the modules do not build against $kdir (log: $out/build.log)"; }
	grep -E 'warning:|WARNING:' "$out/build.log" >&2 || true
	unlock_dir
}

# Two kernels can have one release: what was built for the other one goes.
same_kernel() {
	local was
	was=$(cat "$2/.kdir" 2>/dev/null || true)
	[[ $was == "$1" ]] || find "$2" -mindepth 1 ! -name .lock -delete
	echo "$1" >"$2/.kdir"
}

# Debian's headers name the compiler with which their kernel was built.
ensure_compiler() {
	local cc
	cc=$(sed -n 's/.*\(gcc-[0-9][0-9]*\).*/\1/p' "$1/.kernelvariables" 2>/dev/null | head -n 1 || true)
	ensure_tools "$TOOLS_MODULES" ${cc:+"$cc:$cc"}
}

# list_modules DIR: the modules below DIR, by name.
list_modules() { find "$1" -name '*.ko' 2>/dev/null | sort || true; }

# ---------------------------------------------------------------- initramfs

# start_initramfs ROOT INIT: the empty root of a guest.
start_initramfs() {
	local root=$1 init=$2
	mkdir -p "$root"/{bin,dev,proc,sys,tmp,modules}
	cp /bin/busybox "$root/bin/busybox"
	ln -s busybox "$root/bin/sh"
	cp "$REPO/scripts/guest/common.sh" "$root/common.sh"
	cp "$init" "$root/init"
	chmod 755 "$root/init" "$root/bin/busybox"
}

# add_modules ROOT LIST MODULE...: LIST is the order in which they are loaded.
add_modules() {
	local root=$1 list=$2 ko
	shift 2
	: >>"$root/modules/$list"
	for ko in "$@"; do
		cp "$ko" "$root/modules/"
		basename "$ko" >>"$root/modules/$list"
	done
}

# add_built ROOT OUT KO...: modules out of a build directory, into the list base.
add_built() {
	local root=$1 out=$2 ko
	shift 2
	for ko in "$@"; do
		[[ -f $out/$ko ]] || die "$ko was not built (see $out/build.log)"
		add_modules "$root" base "$out/$ko"
	done
}

MAIN_MODULES=(kernel/debra/debra.ko kernel/kcas/kcas.ko)
WORKLOADS=("${MAIN_MODULES[@]}"
	tools/workload/{debra_workload,kcas_tokens,kcas_bank}.ko)

# pack_initramfs ROOT FILE
pack_initramfs() {
	(cd "$1" && find . -print0 | cpio --null --quiet -o -H newc -R 0:0) | gzip -1 >"$2"
}

# ---------------------------------------------------------------- virtual machine

VM_CPUS=4
VM_MEM=1G
VM_EXTRA=()
# mitigations=off: under TCG they cost a third of the speed and protect nothing.
# tsc=reliable: a kernel without ACPI has no other fine clock to check it with.
# An emulated serial port often interrupts for what its handler has seen already, if that is a thread
# (PREEMPT_RT): noirqdebug, else the kernel turns it off.
VM_APPEND="console=ttyS0 mitigations=off panic=-1 oops=panic printk.devkmsg=on tsc=reliable noirqdebug"

# A /dev/kvm that opens may still hang the guest: try this very kernel for some
# seconds, and remember the answer until the host is rebooted.
kvm_works() {
	local kernel=$1 key answer dir
	[[ -r /dev/kvm && -w /dev/kvm ]] || return 1
	key=$(cksum < <(cat /proc/sys/kernel/random/boot_id 2>/dev/null; echo "$kernel $VM_CPUS"; stat -c '%s %Y' "$kernel"))
	answer=$CACHE/kvm/${key%% *}
	if [[ ! -f $answer ]]; then
		step "Trying KVM (10 s at most)"
		make_tmp dir
		start_initramfs "$dir/root" "$REPO/scripts/guest/probe-init.sh"
		pack_initramfs "$dir/root" "$dir/initrd"
		qemu_command kvm "$kernel" "$dir/initrd" "$dir/log" ""
		(timeout -k 1 10 "${QEMU[@]}" || true) >/dev/null 2>&1 </dev/null
		mkdir -p "$CACHE/kvm"
		grep -qs 'kcas: probe ok' "$dir/log" && echo yes >"$answer" || echo no >"$answer"
	fi
	[[ $(cat "$answer") == yes ]]
}

choose_accel() {
	case ${KCAS_ACCEL:-} in
	kvm | tcg | icount) ACCEL=$KCAS_ACCEL ;;
	"") if kvm_works "$1"; then ACCEL=kvm; else ACCEL=tcg; fi ;;
	*) die "KCAS_ACCEL=$KCAS_ACCEL: expected kvm or tcg" ;;
	esac
}

# Where the guest's second serial port goes, if it has one.
VM_DATA=

# Where the guest's first serial port is: "log", or "terminal": on ours, and in the log.
VM_CONSOLE=log

# qemu_command ACCEL KERNEL INITRD LOG APPEND: leaves the command in QEMU.
qemu_command() {
	# One socket for each CPU: a kernel without ACPI has only the BIOS's table
	# of processors, and that one has sockets only.
	QEMU=(qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot
		-m "$VM_MEM" -smp "$VM_CPUS,sockets=$VM_CPUS,cores=1,threads=1" -kernel "$2" -initrd "$3"
		-append "$VM_APPEND $5" "${VM_EXTRA[@]}")
	if [[ $VM_CONSOLE == terminal ]]; then
		QEMU+=(-chardev "stdio,id=console,mux=on,signal=off,logfile=$4,logappend=off"
			-serial chardev:console -mon "chardev=console,mode=readline")
	else
		QEMU+=(-serial "file:$4")
	fi
	[[ -z $VM_DATA ]] || QEMU+=(-serial "file:$VM_DATA")
	case $1 in
	kvm) QEMU+=(-accel kvm -cpu host) ;;
	tcg) QEMU+=(-accel "tcg,thread=multi") ;;
	# The guest's clock counts its instructions, one a nanosecond.
	icount) QEMU+=(-accel tcg -icount "shift=0,sleep=off") ;;
	esac
}

# emulator_fault LOG: did the emulator trip over the kernel patching itself, before
# any of our code was there? QEMU's TCG with several threads may run a breakpoint
# that the kernel has already replaced (seen with 7.2, one boot in twenty on a busy
# machine: "Oops: int3" out of static keys and tracing). Nothing from our guest's
# script on is excused.
emulator_fault() {
	[[ $ACCEL == tcg ]] && grep -q 'Oops: int3' "$1" &&
		[[ -z $(plain_console "$1" | sed -n '/^kcas: /p') ]]
}

# vm_run KERNEL INITRD LOG TIMEOUT SHOW APPEND: boots, shows on stderr what the
# command SHOW lets through of the console, and leaves the console in LOG.
# 0: the guest ended by itself; 1: it had to be stopped, or QEMU failed.
# Whether the guest was happy is for the caller to read in LOG.
vm_run() {
	local tries=3 rc
	while :; do
		rc=0
		vm_boot "$@" || rc=1
		((--tries)) && emulator_fault "$3" || return $rc
		say "The emulator failed while the kernel was booting; once more."
	done
}

# vm_boot: the same, once.
vm_boot() {
	local kernel=$1 initrd=$2 log=$3 limit=$4 show=$5 append=$6 rc=0
	choose_accel "$kernel"
	qemu_command "$ACCEL" "$kernel" "$initrd" "$log" "$append"
	step "Booting $(basename "$(dirname "$kernel")")/$(basename "$kernel") with $VM_CPUS CPUs ($ACCEL); console in $log"
	: >"$log"
	[[ -z $VM_DATA ]] || : >"$VM_DATA"
	run_guest "$log" "$limit" "$show" "$log.qemu" "${QEMU[@]}" || rc=1
	[[ ! -s $log.qemu ]] || grep -v 'terminating on signal' "$log.qemu" >&2 || true
	rm -f "$log.qemu"
	return $rc
}

# uml_run KERNEL INITRD LOG TIMEOUT SHOW APPEND: the same as vm_run, for User Mode Linux,
# which writes its console itself.
uml_run() {
	local log=$3
	step "Starting $(basename "$(dirname "$1")") with $VM_CPUS CPUs; console in $log"
	: >"$log"
	# shellcheck disable=SC2086 # arguments they are
	run_guest "$log" "$4" "$5" "$log" "$1" mem=256M ncpus="$VM_CPUS" seccomp=on initrd="$2" \
		root=/dev/ram0 rdinit=/init con=null con0=fd:0,fd:1 printk.devkmsg=on $6
}

# run_guest LOG TIMEOUT SHOW OUTPUT COMMAND...: the command is a guest with its console in LOG,
# and its own output goes to OUTPUT.
run_guest() {
	local log=$1 limit=$2 show=$3 output=$4
	local pid viewer start=$SECONDS next=10 rc=0
	shift 4
	setsid "$@" >>"$output" 2>&1 </dev/null 8>&- 9>&- &
	pid=$!
	on_exit "kill_session $pid"
	tail -n +1 -s 0.2 -f --pid="$pid" "$log" 2>/dev/null | tr -d '\r' | "$show" >&2 &
	viewer=$!
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.2
		if ((SECONDS - start >= limit)); then
			say "The guest did not end within $limit s; stopping it."
			kill_session "$pid"
			rc=1
			break
		fi
		((SECONDS - start < next)) && continue
		next=$((SECONDS - start + 10))
		say "    ... guest: $((SECONDS - start)) s"
	done
	wait "$pid" || rc=1
	wait "$viewer" || true
	unset 'CLEANUP[-1]'
	return $rc
}

# The console as lines without carriage returns and timestamps.
plain_console() {
	tr -d '\r' <"$1" | sed -E 's/^(<[0-9]+>)?\[ *[0-9]+\.[0-9]+\](\[ *[TC][0-9]+\])? //'
}

# What to show of a console while it runs: only what the guest's script says.
show_guest_lines() { stdbuf -oL sed -nE 's/^(\[ *[0-9.]+\](\[ *[TC][0-9]+\])? )?kcas: /    /p'; }
show_everything() { cat; }
show_torture() { stdbuf -oL sed -nE 's/^(\[ *[0-9.]+\](\[ *[TC][0-9]+\])? )?((kcas|debratorture|kcastorture|txtorture): )/    \3/p'; }

# ---------------------------------------------------------------- histories

# check_history FILE [NR]: what came out of record_history in a guest, that is, of the NRth
# one. Says what came of it; 0: all are linearizable; 1: some are not; 2: these are no
# histories.
check_history() {
	local rc=0
	if [[ ! -s $1 ]] || ! zcat <"$1" 2>/dev/null |
		awk -v nr="${2:-1}" '/^kcas-history/ { i++ } i == nr' >"$1.txt"; then
		echo "no histories came out of the guest"
		return 2
	fi
	"$REPO/tools/history/lincheck.py" "$1.txt" 2>&1 || rc=$?
	return $rc
}

# ---------------------------------------------------------------- tests of scripts

# report NAME EXPECTED GOT: failures are noted in a file, since this may run at
# the end of a pipe, where a variable would be lost.
report() {
	if [[ $2 == "$3" ]]; then
		echo "ok    $1"
	else
		echo "FAIL  $1: expected \"$2\", got \"$3\""
		echo "$1" >>"$TMP/failures"
	fi
}

# finish_reports NAME: the verdict, and the end.
finish_reports() {
	if [[ -s $TMP/failures ]]; then
		echo "$1: $(wc -l <"$TMP/failures") FAILED"
		exit 1
	fi
	echo "$1: ok"
}

# ---------------------------------------------------------------- splats

# Each is an extended regular expression. A line with one of them on the
# console is a bug in the kernel, ours or not.
SPLATS=(
	'\bBUG: '
	'\bWARNING: '
	'\bKASAN: '
	'\bKCSAN: '
	'\bUBSAN: '
	'\bODEBUG: '
	'\bOops\b'
	'Kernel panic'
	'Call Trace:'
	'cut here'
	'INFO: rcu'
	'INFO: task .* blocked for more than'
	'hung_task'
	'blocked for more than'
	'rcu_preempt detected'
	'rcu_sched detected'
	'detected (expedited )?stalls'
	'self-detected stall'
	'rcu.*kthread starved'
	'suspicious RCU usage'
	'possible recursive locking'
	'possible circular locking'
	'possible irq lock inversion'
	'inconsistent lock state'
	'bad unlock balance'
	'held lock freed'
	'Invalid wait context'
	'sleeping function called from invalid context'
	'scheduling while atomic'
	'soft lockup'
	'hard LOCKUP'
	'BUG workqueue lockup'
	'list_(add|del) corruption'
	'general protection fault'
	'unable to handle'
	'refcount_t: '
	'unregister_netdevice'
	'Unable to mount root'
	'Out of memory:'
)

# find_splats LOG: prints the splats with their line numbers. A test that
# provokes a warning on purpose says so before and after it; those strictly
# between are not counted, nor what it names there besides. An announcement that is never
# ended is itself reported, or it would hide everything after it. With STALLS_EXPECTED=1 the stack
# that a "debra: stall:" report shows is not a splat.
# Data races of the kernel with itself, of which KCSAN in its strict form finds some in
# every run, are not counted either.
find_splats() {
	local IFS='|'
	plain_console "$1" | unexpected_lines |
		grep -E -e "^[0-9]+: (expect-splat-|.*(${SPLATS[*]}))" || true
}

unexpected_lines() {
	awk -v stalls="${STALLS_EXPECTED:-0}" '
		/BUG: KCSAN: data-race / && !/\[(debra|kcas)/ { next }
		/^debra: stall: / { report = stalls + 0 }
		report && /^Call Trace:/ { report = 0; next }
		/debra-test: expect-splat-begin/ {
			if (begin) print NR ": expect-splat-begin twice"
			begin = NR
			kinds = "WARNING: .* at |cut here|^Call Trace:"
			if (match($0, /begin +[^ ].*/)) kinds = kinds "|" substr($0, RSTART + 6)
			next
		}
		/debra-test: expect-splat-end/ {
			if (!begin) print NR ": expect-splat-end without a begin"
			begin = 0; next
		}
		!begin || $0 !~ kinds { print NR ": " $0 }
		END { if (begin) print begin ": expect-splat-begin without an end" }'
}
