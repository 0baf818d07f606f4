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
# the same objects.
$(B)/vmlinux/vmlinux.btf: kernels/matrix.yaml | $(B)/bin/vmtest
	@mkdir -p $(@D)
	$(B)/bin/vmtest kernels btf newest --output $@

$(VMLINUX_H): $(B)/vmlinux/vmlinux.btf
	$(BPFTOOL) btf dump file $< format c >$@.new
	mv $@.new $@

# Rewritten only when something changed: the reports read it.
$(B)/toolchain.json: $(LIBBPF_A) kernels/matrix.yaml Makefile
	@printf '{"clang": "%s", "libbpf": "%s", "bpftool": "%s", "gcc": "%s"}\n' \
		"$$($(CLANG) -dumpversion)" \
		"$$(awk -F'"' '/^  - version:/ { print $$2; exit }' kernels/matrix.yaml)" \
		"$$($(BPFTOOL) version | awk 'NR == 1 { print substr($$2, 2) }')" \
		"$$($(CC) -dumpfullversion)" >$@
