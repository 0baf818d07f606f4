# SPDX-License-Identifier: GPL-2.0-only
#
# What the build takes from the matrix: the pinned libbpf, and the types of its newest kernel.

all: $(LIBBPF_A) $(VMLINUX_H) $(B)/toolchain.json

$(B)/libbpf/src.tar.gz: kernels/matrix.yaml | $(B)/bin/vmtest
	@mkdir -p $(@D)
	$(B)/bin/vmtest libbpf fetch --output $@

$(LIBBPF_A): $(B)/libbpf/src.tar.gz
	rm -rf $(B)/libbpf/src
	mkdir -p $(B)/libbpf/src
	tar -xzf $< -C $(B)/libbpf/src --strip-components=1
	$(MAKE) -s -C $(B)/libbpf/src/src CC='$(CC)' CFLAGS='-O2 -g -ffile-prefix-map=$(CURDIR)=.' \
		BUILD_STATIC_ONLY=1 OBJDIR=$(abspath $(B)/libbpf/obj) DESTDIR=$(abspath $(B)/libbpf) \
		PREFIX=/ LIBDIR=/lib INCLUDEDIR=/include install
	@touch $@

# From the newest kernel's own image, never from the machine's kernel, so that every machine builds
# the same objects; nor from a KERNEL_SRC that happens to be of its series.
$(B)/vmlinux/vmlinux.btf: kernels/matrix.yaml $(wildcard kernels/matrix.lock) | $(B)/bin/vmtest
	@mkdir -p $(@D)
	KERNEL_SRC= $(B)/bin/vmtest kernels btf newest --output $@

$(VMLINUX_H): $(B)/vmlinux/vmlinux.btf
	$(BPFTOOL) btf dump file $< format c >$@.new
	mv $@.new $@

# A real one takes half an hour on two cores, too long for CI: run by hand when kernels/config or the
# provider changed. What surrounds make is tested in CI with a tree that compiles nothing.
.PHONY: check-kernel-source
check-kernel-source: all ## build Debian's 6.12 from source, run every suite on it; half an hour
	$(B)/bin/vmtest test --kernel source:6.12 $(VMTEST_FLAGS)

# Rewritten only when something changed: the reports read it.
$(B)/toolchain.json: $(LIBBPF_A) kernels/matrix.yaml Makefile
	@printf '{"clang": "%s", "libbpf": "%s", "bpftool": "%s", "gcc": "%s"}\n' \
		"$$($(CLANG) -dumpversion)" \
		"$$(awk -F'"' '/^  - version:/ { print $$2; exit }' kernels/matrix.yaml)" \
		"$$($(BPFTOOL) version | awk 'NR == 1 { print substr($$2, 2) }')" \
		"$$($(CC) -dumpfullversion)" >$@
