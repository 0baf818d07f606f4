# SPDX-License-Identifier: GPL-2.0-only
#
# corepath: one eBPF datapath, built once, proved on every kernel. `make help` lists the targets.
# Each room gives a rules.mk; all they make is below $(B).

B := build
SHELL := /bin/sh
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

# A source that is given alone is the kernel to build and boot.
KERNEL ?= $(if $(KERNEL_SRC),source:$(KERNEL_SRC),6.12)

# What a bare machine lacks is installed before anything else is looked at, and that is said. A make
# below `make builds` need not ask again.
NO_DEPS := help clean distclean
ifneq ($(BUILD_OF),)
else ifneq ($(filter-out $(NO_DEPS),$(or $(MAKECMDGOALS),all)),)
ifeq ($(shell scripts/deps 1>&2 || echo failed),failed)
$(error the packages above are missing)
endif
endif

PYTHON := /usr/bin/python3
CC := gcc
BPFTOOL := /usr/sbin/bpftool
# The matrix' first, so that the same machine always builds with the same; else the newest there is:
# BPF code wants 16 or later.
CLANG_PINNED := $(shell sed -n 's/^  - {clang: "\([0-9]*\)".*/\1/p' kernels/matrix.yaml | head -n 1)
CLANG := $(firstword $(foreach v,$(CLANG_PINNED) 24 23 22 21 20 19 18 17 16,$(shell command -v clang-$(v))) clang)
LLVM_STRIP := $(subst clang,llvm-strip,$(CLANG))
CLANG_FORMAT := $(subst clang,clang-format,$(CLANG))

# _FORTIFY_SOURCE and friends as Debian builds; the prefix map keeps the build's directory out.
CFLAGS := -std=gnu11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Werror -ffile-prefix-map=$(CURDIR)=.
# What other builds (kernels/builds.mk) do elsewhere: all that is linked with libbpf, and all that clang
# compiles. The rest of a build is there once.
LOADER_B := $(B)
OBJECTS_B := $(B)
TOP_B := $(B)
VMTEST := $(TOP_B)/bin/vmtest
LIBBPF_B := $(LOADER_B)/libbpf
LIBBPF_A := $(LIBBPF_B)/lib/libbpf.a
LIBBPF_INC := $(LIBBPF_B)/include
BPF_LIBBPF := $(TOP_B)/libbpf
VMLINUX_H := $(TOP_B)/vmlinux/vmlinux.h
# What is shared by BPF and user space, and the library's own; a fixture has others (vmtests/rules.mk).
ABI_INC := bpf-src/include
LOADER_INC := loader/include

HOST_TESTS :=

include harness/rules.mk kernels/rules.mk bpf-src/rules.mk loader/rules.mk loader/packaging.mk vmtests/rules.mk kernels/builds.mk
-include scripts/rules.mk

.PHONY: all help vmtest test test-all matrix check-host lint format report clean distclean

help: ## what can be made
	@echo 'corepath: make TARGET [KERNEL=6.12]'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo 'KERNEL is a series (6.12), a release (6.12.107), a list (5.10,7.2), "required", "all", or the'
	@echo 'path of a bzImage or built tree. KERNEL_SRC=PATH builds that kernel source first.'
	@echo 'SUITE=verifier,functional,traffic,tc,upgrade,preflight,security,perf picks suites, PROFILE=jit-off,rt (or all) boot profiles.'

vmtest: all ## boot KERNEL, run the suites on the datapath, write results/latest/report.md
	$(B)/bin/vmtest test --kernel '$(KERNEL)' $(if $(SUITE),--suite '$(SUITE)') \
		$(if $(PROFILE),--profile '$(PROFILE)') $(VMTEST_FLAGS)

test: all lint check-host check-scripts ## everything CI runs: host tests, harness tests, the suites on up to five kernels
	$(VMTEST) test --kernel required --suite verifier,perf $(VMTEST_FLAGS)
	$(VMTEST) test --kernel 5.10,6.12,7.2 --suite $(ON_THREE) $(VMTEST_FLAGS)
	$(VMTEST) test --kernel 5.10,7.2 --suite $(AT_THE_ENDS) $(VMTEST_FLAGS)
	$(VMTEST) test --kernel 5.10 --suite preflight $(VMTEST_FLAGS)

# What CI leaves to test-all on some kernels, to keep it below half an hour.
ON_THREE := functional,traffic,tc
AT_THE_ENDS := security,security-no-lsm,upgrade
# The archive's index has an rt flavour of 5.10 that cannot be fetched.
PREFLIGHT_ON := default,no-bpf-lsm,jit-off,lockdown-integrity,lockdown-confidentiality

test-all: test ## what is too long for CI, too
	$(VMTEST) test --kernel 6.1,6.18 --suite $(ON_THREE) $(VMTEST_FLAGS)
	$(VMTEST) test --kernel 6.1,6.12,6.18 --suite $(AT_THE_ENDS) $(VMTEST_FLAGS)
	$(VMTEST) test --kernel required --suite preflight --profile $(PREFLIGHT_ON) $(VMTEST_FLAGS)
	$(VMTEST) test --kernel 7.2 --suite preflight --profile rt $(VMTEST_FLAGS)
	$(VMTEST) test --suites vmtests/suites-long.yaml --kernel required --suite overlay,largest --memory 1024 $(VMTEST_FLAGS)
	$(MAKE) matrix
	$(MAKE) check-long

# What a compiler changes is code: every kernel's verifier judges it, and what it then does is the same
# on all. What a libbpf changes is how that code gets there, on each kernel. An hour and a half would be
# all suites of each build on each kernel.
STAR = --loader all --compiler all $(if $(CUBE),,--star) $(VMTEST_FLAGS)
matrix: builds ## every loader build, every compiler on the required kernels; CUBE=1: each with each
	$(VMTEST) test --kernel required --suite verifier $(STAR)
	$(VMTEST) test --kernel required --suite functional --loader all $(VMTEST_FLAGS)
	$(VMTEST) test --kernel $(KERNEL) --suite functional,traffic,tc,security $(STAR)

check-host: $(HOST_TESTS) ## unit tests that need no VM
	@set -e; for t in $(HOST_TESTS); do echo "$$t"; $$t; done

C_SOURCES = $(shell git ls-files '*.c' '*.h')

lint: ## formatting and shell
	$(CLANG_FORMAT) --dry-run -Werror $(C_SOURCES)

format: ## format the C sources in place
	$(CLANG_FORMAT) -i $(C_SOURCES)

clean: ## remove what the build made; kernels stay cached
	rm -rf $(B)

distclean: clean ## and the results
	rm -rf results
