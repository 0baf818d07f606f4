# SPDX-License-Identifier: GPL-2.0-only
#
# The other loader builds and object sets of the matrix, below build/builds. A build is these same
# makefiles with three variables turned elsewhere, so that no rule is there twice:
#
#   libbpf-1.1.2/              LOADER_B: libbpf, what is linked with it (guest/), the loader's objects
#   clang-16-v2/               OBJECTS_B: bpf/*.bpf.o and their skeletons
#   libbpf-1.1.2/clang-16-v2/  B: bin/, what has the skeletons built in
#
# The first of each in the matrix is $(TOP_B) itself.

.PHONY: builds builds-parts builds-pairs

builds: all ## the other loader builds and object sets of the matrix, below build/builds
	+$(MAKE) -s $(BUILDS_J) BUILD_OF=parts builds-parts
	+$(MAKE) -s $(BUILDS_J) BUILD_OF=pairs builds-pairs

# As many at once as there are CPUs, unless make was told.
BUILDS_J = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

ifneq ($(filter parts pairs,$(BUILD_OF)),)

BUILDS_B := $(TOP_B)/builds
# Words: libbpf-1.1.2, and clang-16-v2 of what can be built; `vmtest builds` reads the matrix.
BUILDS_LOADERS := $(shell $(VMTEST) builds --names loaders)
BUILDS_COMPILERS := $(shell $(VMTEST) builds --names compilers)
LOADER_PINNED := $(firstword $(BUILDS_LOADERS))
COMPILER_PINNED := $(firstword $(BUILDS_COMPILERS))

# $(call clang_of,clang-16-v2) is 16; the next two are the variables of a build.
clang_of = $(word 2,$(subst -, ,$(1)))
of_compiler = $(if $(filter $(COMPILER_PINNED),$(1)),OBJECTS_B=$(TOP_B),OBJECTS_B=$(BUILDS_B)/$(1) \
	CLANG=clang-$(call clang_of,$(1)) LLVM_STRIP=llvm-strip-$(call clang_of,$(1)) BPF_CPU=$(word 3,$(subst -, ,$(1))))
of_loader = $(if $(filter $(LOADER_PINNED),$(1)),LOADER_B=$(TOP_B),LOADER_B=$(BUILDS_B)/$(1) \
	LIBBPF_VERSION=$(1:libbpf-%=%))
submake = $(MAKE) -s BUILD_OF=one TOP_B=$(TOP_B)

LOADER_PARTS := $(filter-out $(LOADER_PINNED),$(BUILDS_LOADERS))
COMPILER_PARTS := $(filter-out $(COMPILER_PINNED),$(BUILDS_COMPILERS))
.PHONY: $(LOADER_PARTS) $(COMPILER_PARTS)

builds-parts: $(LOADER_PARTS) $(COMPILER_PARTS)

$(LOADER_PARTS):
	+$(submake) B=$(BUILDS_B)/$@ $(call of_loader,$@) OBJECTS_B=$(TOP_B) part-loader

# A clang that is not to be had is not a failure: the reports say what was left out, and why.
$(COMPILER_PARTS):
	@mkdir -p $(BUILDS_B)/$@
	+@if command -v clang-$(call clang_of,$@) >/dev/null && command -v llvm-strip-$(call clang_of,$@) >/dev/null; then \
		rm -f $(BUILDS_B)/$@/unavailable; \
		$(submake) B=$(BUILDS_B)/$@ LOADER_B=$(TOP_B) $(call of_compiler,$@) part-objects; \
	else \
		echo "clang-$(call clang_of,$@) is not on this machine" >$(BUILDS_B)/$@/unavailable; \
		echo "$@ is left out: clang-$(call clang_of,$@) is not on this machine" >&2; \
	fi

PAIRS := $(foreach l,$(BUILDS_LOADERS),$(foreach c,$(BUILDS_COMPILERS),$(if $(wildcard \
	$(BUILDS_B)/$(c)/unavailable),,$(l)/$(c))))
PAIRS := $(filter-out $(LOADER_PINNED)/$(COMPILER_PINNED),$(PAIRS))
.PHONY: $(PAIRS)

builds-pairs: $(PAIRS)

$(PAIRS):
	+$(submake) B=$(BUILDS_B)/$@ $(call of_loader,$(@D)) $(call of_compiler,$(@F)) part-pair
endif

.PHONY: part-loader part-objects part-pair
part-loader: $(B)/toolchain.json $(PLAIN_OBJ) $(VMTESTS_OBJ) $(B)/guest/verifier
part-pair: $(patsubst %,$(B)/bin/%,corepath corepath-metrics functional perf)
part-objects: $(B)/toolchain.json $(BPF_OBJ) $(BPF_SKEL) $(VMTESTS_BPF)
