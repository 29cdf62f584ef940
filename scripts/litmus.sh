#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make litmus: runs the litmus tests of tools/litmus with herd7 and the kernel's
# memory model, and compares with what each file says comes out. Then checks
# that every barrier with a DMM() or KMM() tag in kernel/ has a test, and the
# reverse. Tags in tests debra-* are DMM()'s, those in kcas-* are KMM()'s.
#
# Usage: litmus.sh [PATTERN...]     only tests whose names match, as in debra-pin-*
# Environment: KSRC, a kernel source tree of the user's.

. "$(dirname "$0")/lib.sh"

LITMUS=$REPO/tools/litmus
# Most take less than a second, the longest some seconds.
LIMIT=120
HERD_OLDEST=7.52
HERD_DIR=$CACHE/herd7
HERD_PACKAGES=(herdtools7 libc6 libgmp10)

PASSED=0
FAILED=0

# ---------------------------------------------------------------- herd7

# One that is installed, or else Debian unstable's, which runs here with the C
# library of its own suite through that one's dynamic loader.
get_herd() {
	if installed_herd; then
		HERD=(herd7)
		return
	fi
	lock_dir "$HERD_DIR"
	[[ -f $HERD_DIR/root/.kcas-complete ]] || fetch_herd
	unlock_dir
	herd_in "$HERD_DIR/root"
}

installed_herd() {
	local version
	version=$(herd7 -version 2>/dev/null | sed 's/,.*//') || return 1
	printf '%s\n' "$HERD_OLDEST" "$version" | sort -C -V
}

herd_in() {
	local lib=$1/usr/lib/x86_64-linux-gnu
	HERD=("$lib/ld-linux-x86-64.so.2" --library-path "$lib" "$1/usr/bin/herd7"
		-set-libdir "$1/usr/share/herdtools7/herd")
}

fetch_herd() {
	local deb new=$HERD_DIR/new
	check_distribution
	have_package_lists || apt_update
	make_tmp APT
	configure_apt "$APT" unstable
	step "Fetching herd7 from Debian's unstable suite (about 50 MB, once)"
	with_progress "reading the package list" "$APT/log" - \
		apt-get -c "$APT/apt.conf" update || apt_failed
	with_progress "downloading ${HERD_PACKAGES[*]}" "$APT/log" - \
		env -C "$APT/debs" apt-get -c "$APT/apt.conf" download "${HERD_PACKAGES[@]}" || apt_failed
	rm -rf "$HERD_DIR/root" "$new"
	for deb in "$APT"/debs/*.deb; do
		dpkg-deb -x "$deb" "$new"
	done
	# Its sister tools are large and of no use here.
	find "$new/usr/bin" -type f ! -name herd7 -delete
	herd_in "$new"
	"${HERD[@]}" -version >"$APT/log" 2>&1 || apt_failed
	touch "$new/.kcas-complete"
	mv "$new" "$HERD_DIR/root"
}

apt_failed() {
	tail -n 5 "$APT/log" >&2
	die "herd7 cannot be had from Debian's unstable suite; install herdtools7 $HERD_OLDEST or newer"
}

# ---------------------------------------------------------------- verdicts

passed() { PASSED=$((PASSED + 1)); printf 'ok    %s\n' "$*"; }
failed() { FAILED=$((FAILED + 1)); printf 'FAIL  %s\n' "$*"; }

# field FILE NAME: from the comment at the top of a test.
field() { sed -n "s/^ \* $2: *//p" "$1"; }

# What is wrong with the head of a test, if anything is.
head_error() {
	local file=$1 name=$2 result want=Never
	result=$(field "$file" Result)
	[[ $name != *+* || $name == *+spare-* ]] || want=Sometimes
	if [[ $name != debra-* && $name != kcas-* ]]; then
		echo "the name begins neither with debra- nor with kcas-"
	elif [[ $(head -n 1 "$file") != "C $name" ]]; then
		echo "the first line is not \"C $name\""
	elif [[ $result != "$want" ]]; then
		echo "says Result: $result, its name says $want"
	elif [[ -z $(field "$file" Tags) ]]; then
		echo "has no Tags: line"
	fi
}

# judge NAME STATUS: what herd7 said of a test, against what the test says.
judge() {
	local name=$1 status=$2 log=$TMP/$1.log want got flags
	want=$(field "$LITMUS/$name.litmus" Result)
	got=$(sed -n 's/^Observation .* \([A-Z][a-z]*\) [0-9]* [0-9]*$/\1/p' "$log")
	flags=$(grep -E '^Flag |^Warning' "$log" | paste -sd ' ') || true
	if ((status == 124 || status == 137)); then
		failed "$name: not done after $LIMIT s"
	elif [[ -z $got ]]; then
		failed "$name: herd7 gave no result"
		sed 's/^/      /' "$log"
	elif [[ $got != "$want" ]]; then
		failed "$name: expected $want, got $got"
	elif [[ -n $flags ]]; then
		failed "$name: $flags"
	else
		passed "$name: $got"
	fi
}

# ---------------------------------------------------------------- running

start_test() {
	local name=$1
	setsid env -C "$MODEL" timeout -k 5 "$LIMIT" "${HERD[@]}" -conf linux-kernel.cfg \
		"$LITMUS/$name.litmus" >"$TMP/$name.log" 2>&1 </dev/null &
	RUNNING[$!]=$name
}

stop_tests() {
	local pid
	for pid in "${!RUNNING[@]}"; do
		kill_session "$pid"
	done
}

run_tests() {
	local name error
	for name; do
		error=$(head_error "$LITMUS/$name.litmus" "$name")
		if [[ -n $error ]]; then
			failed "$name: $error"
			continue
		fi
		((${#RUNNING[@]} < JOBS)) || finish_job
		start_test "$name"
	done
	finish_jobs
}

test_names() { (cd "$LITMUS" && printf '%s\n' *.litmus) | sed 's/\.litmus$//'; }

choose_tests() {
	local name pattern
	while read -r name; do
		for pattern; do
			# shellcheck disable=SC2053 # a pattern it is
			[[ $name != $pattern ]] || { echo "$name"; break; }
		done
	done < <(test_names)
}

# ---------------------------------------------------------------- tags

# Whose tags a test has, by its name.
declare -A TAG_KIND=([debra]=DMM [kcas]=KMM)

code_tags() { grep -rhoE "$TAGS" "$REPO/kernel" | sort -u; }

# file_tags FIND-ARGUMENT...: of the tests that these choose, as they are in the code
file_tags() {
	local prefix
	for prefix in "${!TAG_KIND[@]}"; do
		find "$LITMUS" -name "$prefix-*.litmus" "$@" -exec sed -n 's/^ \* Tags: *//p' {} + |
			tr -s ' ' '\n' | sed "s/.*/${TAG_KIND[$prefix]}(&)/"
	done | sort -u
}

# The tests that comments in the code name.
named_tests() { grep -rhE 'Litmus: ' "$REPO/kernel" | sed 's/.*Litmus: //' | grep -oE '(debra|kcas)-[a-z0-9-]+' | sort -u; }

# check_none WHAT LIST: the list has to be empty.
check_none() {
	if [[ -z $2 ]]; then passed "$1"; else failed "$1: not so: $(paste -sd ' ' <<<"$2")"; fi
}

named_but_missing() {
	local name
	while read -r name; do
		compgen -G "$LITMUS/$name.litmus" >/dev/null ||
			compgen -G "$LITMUS/$name-*.litmus" >/dev/null || echo "$name"
	done < <(named_tests)
}

check_tags() {
	local kind
	for kind in "${TAG_KIND[@]}"; do
		code_tags | grep "^$kind" >/dev/null || die "there is no $kind() tag in $REPO/kernel"
	done
	check_none "every tag in the code has a test" \
		"$(comm -23 <(code_tags) <(file_tags ! -name '*+*'))"
	check_none "every tag in the code has a test without its barrier" \
		"$(comm -23 <(code_tags) <(file_tags -name '*+*'))"
	check_none "every tag of a test is in the code" \
		"$(comm -13 <(code_tags) <(file_tags))"
	check_none "every test that the code names is there" "$(named_but_missing)"
}

# ---------------------------------------------------------------- all of it

check_paths
(($#)) || set -- '*'
mapfile -t TESTS < <(choose_tests "$@")
((${#TESTS[@]})) || die "no test in $LITMUS matches: $*"
get_herd
SOURCE=$(KSRC=${KSRC:-} "$REPO/scripts/kunit-kernel.sh" source) || exit 1
MODEL=$SOURCE/tools/memory-model
[[ -f $MODEL/linux-kernel.cfg ]] || die "$SOURCE has no tools/memory-model"

make_tmp TMP
on_exit stop_tests
step "Running ${#TESTS[@]} litmus tests"
run_tests "${TESTS[@]}"
check_tags
echo "$PASSED passed, $FAILED failed"
((FAILED == 0)) || exit 1
