# SPDX-License-Identifier: GPL-2.0-only
# Compiles every bpf-src/*.bpf.c to build/bpf/NAME.bpf.o and its skeleton NAME.skel.h.

# -mcpu=v3: 32-bit ALU and jump instructions, in every kernel since 5.1 and so in our oldest
# (5.10). v4 needs 6.6.
BPF_CPU := v3
# The prefix map keeps the build's directory out of the line info, which the reports need and
# strip -g leaves in place: the same source gives the same bytes wherever it is built.
BPF_CFLAGS := -target bpf -mcpu=$(BPF_CPU) -std=gnu11 -g -O2 -Wall -Wextra -Werror \
	-fms-extensions -ffile-prefix-map=$(CURDIR)=. \
	-Ibpf-src -I$(ABI_INC) -isystem $(dir $(VMLINUX_H)) -isystem $(BPF_LIBBPF)/include

BPF_SRC := $(wildcard bpf-src/*.bpf.c)
BPF_OBJ := $(BPF_SRC:bpf-src/%.bpf.c=$(OBJECTS_B)/bpf/%.bpf.o)
BPF_SKEL := $(BPF_OBJ:.bpf.o=.skel.h)

all: $(BPF_OBJ) $(BPF_SKEL)

# libbpf's headers are made with its library; objects take them of the pinned one, whatever loads them
$(OBJECTS_B)/bpf/%.bpf.o: bpf-src/%.bpf.c $(VMLINUX_H) $(BPF_LIBBPF)/lib/libbpf.a bpf-src/rules.mk
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -MMD -MP -MF $(@:.o=.d) -MT $@ -c $< -o $@.tmp
	$(LLVM_STRIP) -g $@.tmp
	mv $@.tmp $@

$(OBJECTS_B)/bpf/%.skel.h: $(OBJECTS_B)/bpf/%.bpf.o
	$(BPFTOOL) gen skeleton $< name $* > $@.tmp
	mv $@.tmp $@

-include $(BPF_OBJ:.o=.d)
