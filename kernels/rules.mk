# SPDX-License-Identifier: GPL-2.0-only
#
# What the build takes from the matrix: the pinned libbpf, and the types of its newest kernel.

all: $(LIBBPF_A) $(VMLINUX_H) $(B)/toolchain.json

LIBBPF_VERSION := $(shell awk -F'"' '/^  - version:/ { print $$2; exit }' kernels/matrix.yaml)

$(LIBBPF_B)/src.tar.gz: kernels/matrix.yaml | $(VMTEST)
	@mkdir -p $(@D)
	$(VMTEST) libbpf fetch $(LIBBPF_VERSION) --output $@

$(LIBBPF_A): $(LIBBPF_B)/src.tar.gz kernels/rules.mk
	rm -rf $(LIBBPF_B)/src $(LIBBPF_B)/obj
	mkdir -p $(LIBBPF_B)/src $(LIBBPF_B)/obj # its own make forgets the latter under -j
	tar -xzf $< -C $(LIBBPF_B)/src --strip-components=1
	$(MAKE) -s -C $(LIBBPF_B)/src/src CC='$(CC)' CFLAGS='-O2 -g -fPIC -ffile-prefix-map=$(CURDIR)=.' \
		BUILD_STATIC_ONLY=1 OBJDIR=$(abspath $(LIBBPF_B)/obj) \
		DESTDIR=$(abspath $(LIBBPF_B)) PREFIX=/ LIBDIR=/lib INCLUDEDIR=/include install
	@touch $@

# From the newest kernel's own image, never from the machine's kernel, so that every machine builds
# the same objects; nor from a KERNEL_SRC that happens to be of its series.
$(TOP_B)/vmlinux/vmlinux.btf: kernels/matrix.yaml $(wildcard kernels/matrix.lock) | $(VMTEST)
	@mkdir -p $(@D)
	KERNEL_SRC= $(VMTEST) kernels btf newest --output $@

$(VMLINUX_H): $(TOP_B)/vmlinux/vmlinux.btf
	$(BPFTOOL) btf dump file $< format c >$@.new
	mv $@.new $@

# A real one takes half an hour on two cores, too long for CI: run by hand when kernels/config or the
# provider changed. What surrounds make is tested in CI with a tree that compiles nothing.
.PHONY: check-kernel-source
check-kernel-source: all ## build Debian's 6.12 from source, run every suite on it; half an hour
	$(B)/bin/vmtest test --kernel source:6.12 $(VMTEST_FLAGS)

# The reports read it.
$(B)/toolchain.json: $(LIBBPF_A) kernels/matrix.yaml Makefile
	@mkdir -p $(@D)
	@printf '{"clang": "%s", "mcpu": "%s", "libbpf": "%s", "bpftool": "%s", "gcc": "%s"}\n' \
		"$$($(CLANG) -dumpversion)" "$(BPF_CPU)" "$(LIBBPF_VERSION)" \
		"$$($(BPFTOOL) version | awk 'NR == 1 { print substr($$2, 2) }')" \
		"$$($(CC) -dumpfullversion)" >$@
