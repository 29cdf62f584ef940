# SPDX-License-Identifier: GPL-2.0-only
#
# Read twice: by the kernel's build system, for which the first part is, and by
# the user's make, for which the second is.

ifneq ($(KERNELRELEASE),)

# The place of this file, whether the tree is built outside a kernel tree or
# linked into one.
kcas-dir := $(abspath $(dir $(lastword $(MAKEFILE_LIST))))

subdir-ccflags-y += -I$(kcas-dir)/kernel/include

# Outside a kernel tree its .config knows nothing of us: decide here, and tell
# the compiler what autoconf.h would have. Each can be given to make as well.
ifneq ($(KBUILD_EXTMOD),)
CONFIG_DEBRA ?= m
CONFIG_KCAS ?= m
CONFIG_DEBRA_KUNIT_TEST ?= $(if $(CONFIG_KUNIT),m)
CONFIG_DEBRA_WORKLOAD ?= m
CONFIG_KCAS_WORKLOAD ?= m
CONFIG_DEBRA_SCALE ?= m
CONFIG_DEBRA_TORTURE ?= m
CONFIG_KCAS_TORTURE ?= m
CONFIG_KCAS_LOCKED ?= $(if $(CONFIG_X86_64),m)
CONFIG_KCAS_HISTORY ?= m

ifneq ($(filter-out 0 n,$(DEBRA_BUSTED)),)
CONFIG_DEBRA_BUSTED := y
CONFIG_DEBRA_DEBUG := y
else ifneq ($(filter-out 0 n,$(DEBRA_DEBUG)),)
CONFIG_DEBRA_DEBUG := y
else ifeq ($(DEBRA_DEBUG),)
# A kernel that was built to find bugs gets our checks too.
CONFIG_DEBRA_DEBUG ?= $(if $(CONFIG_PROVE_LOCKING)$(CONFIG_DEBUG_OBJECTS),y)
endif

export CONFIG_DEBRA CONFIG_KCAS CONFIG_DEBRA_KUNIT_TEST CONFIG_DEBRA_WORKLOAD
export CONFIG_DEBRA_SCALE CONFIG_DEBRA_TORTURE CONFIG_KCAS_TORTURE CONFIG_KCAS_LOCKED CONFIG_KCAS_HISTORY
export CONFIG_KCAS_WORKLOAD
export CONFIG_DEBRA_DEBUG CONFIG_DEBRA_BUSTED

subdir-ccflags-$(if $(filter m,$(CONFIG_DEBRA)),y) += -DCONFIG_DEBRA_MODULE=1
subdir-ccflags-$(CONFIG_DEBRA_DEBUG) += -DCONFIG_DEBRA_DEBUG=1
subdir-ccflags-$(CONFIG_DEBRA_BUSTED) += -DCONFIG_DEBRA_BUSTED=1
endif

# A part that is not there (yet) is left out, not an error.
kcas-part = $(if $(wildcard $(kcas-dir)/$(1)/Make*),$(1)/)

obj-$(CONFIG_DEBRA) += $(call kcas-part,kernel/debra)
obj-$(CONFIG_KCAS) += $(call kcas-part,kernel/kcas)
obj-$(CONFIG_DEBRA_KUNIT_TEST) += $(call kcas-part,kunit)
obj-$(CONFIG_DEBRA_WORKLOAD) += $(call kcas-part,tools/workload)
obj-$(CONFIG_KCAS_WORKLOAD) += $(call kcas-part,tools/workload)
obj-$(CONFIG_DEBRA_SCALE) += $(call kcas-part,tools/bench)
obj-$(CONFIG_KCAS_LOCKED) += $(call kcas-part,tools/locked)
obj-$(CONFIG_DEBRA_TORTURE) += $(call kcas-part,tools/torture)
obj-$(CONFIG_KCAS_HISTORY) += $(call kcas-part,tools/history)

else

scripts := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))scripts

# A recipe is one script; they look after what may run at the same time.
.NOTPARALLEL:

.PHONY: help run test torture history locked explore check bench bench-compare litmus models trace mutants modules modules_install clean
.PHONY: link-in-tree unlink-in-tree

# The scripts read their settings from the environment.
export KVER CPUS TIMEOUT DEBUG KSRC KDIR KSRC_TREE WORKLOAD_ARGS TOKENS_ARGS BANK_ARGS
export DEBRA_DEBUG DEBRA_BUSTED INSTALL_MOD_PATH KCAS_CACHE KCAS_ACCEL FAULTS BUST TORTURE SLOW
export ROUNDS HISTORY_ARGS REPLAY FULL MUTANT FILTER ENVIRONMENTS UML_SUITE INTERACTIVE

help:
	@"$(scripts)/help.sh"

run:
	@"$(scripts)/run.sh"

test:
	@"$(scripts)/test.sh"

# SECONDS is the shell's own; the script gets it under another name.
torture:
	@SECONDS_TO_RUN="$(SECONDS)" "$(scripts)/torture.sh"

locked:
	@"$(scripts)/locked.sh"

history:
	@"$(scripts)/history.sh"

explore:
	@SECONDS_TO_RUN="$(SECONDS)" "$(scripts)/explore.sh" $(SCENARIO)

check:
	@"$(scripts)/check.sh"

bench:
	@"$(scripts)/bench.sh"

bench-compare:
	@"$(scripts)/bench-compare.sh" "$(A)" "$(B)"

litmus:
	@"$(scripts)/litmus.sh"

trace:
	@"$(scripts)/trace.sh"

models:
	@"$(scripts)/models.sh"

mutants:
	@"$(scripts)/mutants.sh"

modules:
	@"$(scripts)/modules.sh" build

modules_install:
	@"$(scripts)/modules.sh" install

clean:
	@"$(scripts)/modules.sh" clean

link-in-tree:
	@"$(scripts)/link-into-kernel.sh" "$(KSRC_TREE)"

unlink-in-tree:
	@"$(scripts)/link-into-kernel.sh" --undo "$(KSRC_TREE)"

endif
